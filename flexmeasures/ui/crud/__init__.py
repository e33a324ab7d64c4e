"""Pages about assets, users and accounts."""
