"""The beliefs store: time series travel in sets, between PostgreSQL, arrays and frames."""
