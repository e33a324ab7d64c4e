"""Documented home of the console script."""

from __future__ import annotations

from flexmeasures.__main__ import flexmeasures_cli

__all__ = ["flexmeasures_cli"]
