"""Pure helpers, importable from anywhere: they know no web, no database and no models."""
