"""Set-based reads of structure: assets, sensors, annotations, sources."""
