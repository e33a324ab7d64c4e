"""`flexmeasures add ...`: one module a command, imported when the command is used."""

from __future__ import annotations

import importlib
from typing import Any

import click

from flexmeasures.cli.lazy import LazyGroup

_HERE = "flexmeasures.cli.data_add"


@click.group(
    "add",
    cls=LazyGroup,
    lazy={
        "account": (f"{_HERE}.account:new_account", "Create an account (tenant)."),
        "account-role": (f"{_HERE}.role:new_account_role", "Create a role for accounts."),
        "annotation": (
            f"{_HERE}.annotation:add_annotation",
            "Add an annotation to accounts, assets and/or sensors.",
        ),
        "asset": (f"{_HERE}.asset:add_asset", "Add an asset."),
        "asset-type": (f"{_HERE}.asset:add_asset_type", "Add an asset type."),
        "beliefs": (f"{_HERE}.beliefs:add_beliefs", "Add beliefs from a CSV or Excel file."),
        "forecasts": (f"{_HERE}.forecasts:add_forecasts", "Create forecasts of sensors."),
        "holidays": (
            f"{_HERE}.annotation:add_holidays",
            "Add public holidays to accounts and/or assets.",
        ),
        "initial-structure": (
            f"{_HERE}.initial_structure:add_initial_structure",
            "Initialize structural data like roles and asset types.",
        ),
        "plugin-skeleton": (
            f"{_HERE}.plugin_skeleton:add_plugin_skeleton",
            "Write a small plugin to start from.",
        ),
        "schedule": (f"{_HERE}.schedule:create_schedule", "Create a schedule for a power sensor."),
        "sensor": (f"{_HERE}.sensor:add_sensor", "Add a sensor."),
        "source": (f"{_HERE}.source:add_source", "Add a data source."),
        "toy-account": (
            f"{_HERE}.toy_account:add_toy_account",
            "Create a toy account with a battery, for tutorials.",
        ),
        "user": (f"{_HERE}.user:new_user", "Create a user."),
        "user-role": (f"{_HERE}.role:new_user_role", "Create a role for users."),
    },
)
def fm_add_data() -> None:
    """FlexMeasures: Add data."""


# Command objects and helpers that are public under this package's name.
_HOMES = {
    "add_annotation": "annotation",
    "add_asset": "asset",
    "add_asset_type": "asset",
    "add_beliefs": "beliefs",
    "add_forecasts": "forecasts",
    "add_holidays": "annotation",
    "add_initial_structure": "initial_structure",
    "add_plugin_skeleton": "plugin_skeleton",
    "add_schedule_for_process": "schedule_process",
    "add_schedule_for_storage": "schedule",
    "add_sensor": "sensor",
    "add_source": "source",
    "add_toy_account": "toy_account",
    "check_errors": "sensor",
    "check_timezone": "beliefs",
    "create_schedule": "schedule",
    "new_account": "account",
    "new_account_role": "role",
    "new_user": "user",
    "new_user_role": "role",
    "parse_source": "beliefs",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{_HERE}.{_HOMES[name]}"), name)
