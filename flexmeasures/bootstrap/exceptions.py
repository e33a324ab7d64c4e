"""What stops FlexMeasures from starting."""

from __future__ import annotations


class ConfigurationError(Exception):
    """A setting is missing or cannot be used; the message says which, and what would be right."""
