"""Plugins, as the documentation has them: `our_client` is a folder, `energy_service` a package."""
