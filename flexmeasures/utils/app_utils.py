"""Documented home of the console script and of helpers of the app; each is loaded when used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "find_first_applicable_config_entry": ("flexmeasures.ui.utils.settings", None),
    "flexmeasures_cli": ("flexmeasures.__main__", None),
    "init_sentry": ("flexmeasures.bootstrap.monitoring", "set_up_sentry"),
    "parse_config_entry_by_account_roles": ("flexmeasures.ui.utils.settings", None),
    "root_dispatcher": ("flexmeasures.ui.root", None),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, at_home = _HOMES[name]
    return getattr(import_module(module), at_home or name)
