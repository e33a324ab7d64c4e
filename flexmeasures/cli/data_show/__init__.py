"""`flexmeasures show ...`: commands by what they show, imported when used."""

from __future__ import annotations

import importlib
from typing import Any

import click

from flexmeasures.cli.lazy import LazyGroup

_HERE = "flexmeasures.cli.data_show"


@click.group(
    "show",
    cls=LazyGroup,
    lazy={
        "account": (f"{_HERE}.accounts:show_account", "Show an account, its users and assets."),
        "accounts": (f"{_HERE}.accounts:list_accounts", "List accounts."),
        "accuracy": (f"{_HERE}.accuracy:show_accuracy", "Show how accurate forecasts were."),
        "asset": (f"{_HERE}.assets:show_generic_asset", "Show an asset and its sensors."),
        "asset-types": (f"{_HERE}.assets:list_asset_types", "List available asset types."),
        "beliefs": (f"{_HERE}.beliefs:plot_beliefs", "Plot time series data."),
        "data-sources": (f"{_HERE}.sources:list_data_sources", "List available data sources."),
        "roles": (f"{_HERE}.accounts:list_roles", "List available account and user roles."),
        "users": (f"{_HERE}.accounts:list_users", "List users."),
    },
)
def fm_show_data() -> None:
    """FlexMeasures: Show data."""


# Command objects that are public under this package's name.
_HOMES = {
    "list_accounts": "accounts",
    "list_asset_types": "assets",
    "list_data_sources": "sources",
    "list_roles": "accounts",
    "list_users": "accounts",
    "plot_beliefs": "beliefs",
    "show_account": "accounts",
    "show_accuracy": "accuracy",
    "show_generic_asset": "assets",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{_HERE}.{_HOMES[name]}"), name)
