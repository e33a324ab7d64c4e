"""Documented home of the functions that load plugins."""

from __future__ import annotations

from flexmeasures.bootstrap.plugins import check_config_settings, register_plugins

__all__ = ["check_config_settings", "register_plugins"]
