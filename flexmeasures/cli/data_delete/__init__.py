"""`flexmeasures delete ...`: commands by what they delete, imported when used."""

from __future__ import annotations

import importlib
from typing import Any

import click

from flexmeasures.cli.lazy import LazyGroup

_HERE = "flexmeasures.cli.data_delete"


@click.group(
    "delete",
    cls=LazyGroup,
    lazy={
        "account": (
            f"{_HERE}.account:delete_account",
            "Delete an account, with its users, assets and data.",
        ),
        "account-role": (f"{_HERE}.role:delete_account_role", "Delete a role of accounts."),
        "asset": (
            f"{_HERE}.asset:delete_asset_and_data",
            "Delete an asset, with its sensors and data.",
        ),
        "measurements": (
            f"{_HERE}.beliefs:delete_measurements",
            "Delete measurements (with horizon <= 0).",
        ),
        "nan-beliefs": (f"{_HERE}.beliefs:delete_nan_beliefs", "Delete NaN beliefs."),
        "prognoses": (
            f"{_HERE}.beliefs:delete_prognoses",
            "Delete forecasts and schedules (with horizon > 0).",
        ),
        "sensor": (f"{_HERE}.asset:delete_sensor", "Delete a sensor and all beliefs about it."),
        "structure": (
            f"{_HERE}.structure:delete_structure",
            "Delete all asset(type)s with their data, sources, roles and users.",
        ),
        "unchanged-beliefs": (
            f"{_HERE}.beliefs:delete_unchanged_beliefs",
            "Delete beliefs that say what was believed before.",
        ),
        "user": (f"{_HERE}.user:delete_a_user", "Delete a user."),
        "user-role": (f"{_HERE}.role:delete_user_role", "Delete a role of users."),
    },
)
def fm_delete_data() -> None:
    """FlexMeasures: Delete data."""


# Command objects that are public under this package's name.
_HOMES = {
    "delete_a_user": "user",
    "delete_account": "account",
    "delete_account_role": "role",
    "delete_asset_and_data": "asset",
    "delete_measurements": "beliefs",
    "delete_nan_beliefs": "beliefs",
    "delete_prognoses": "beliefs",
    "delete_sensor": "asset",
    "delete_structure": "structure",
    "delete_unchanged_beliefs": "beliefs",
    "delete_user_role": "role",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{_HERE}.{_HOMES[name]}"), name)
