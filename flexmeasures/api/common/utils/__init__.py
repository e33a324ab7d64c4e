"""Helpers for the API, offered to plugins too."""
