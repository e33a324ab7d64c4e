"""`flexmeasures edit ...`: commands by what they edit, imported when used."""

from __future__ import annotations

import importlib
from typing import Any

import click

from flexmeasures.cli.lazy import LazyGroup

_HERE = "flexmeasures.cli.data_edit"


@click.group(
    "edit",
    cls=LazyGroup,
    lazy={
        "account": (f"{_HERE}.account:edit_account", "Rename an account, or change its roles."),
        "attribute": (
            f"{_HERE}.attribute:edit_attribute",
            "Edit (or add) an attribute of assets or sensors.",
        ),
        "resample-data": (
            f"{_HERE}.resample:resample_sensor_data",
            "Give sensors another event resolution, and resample their data.",
        ),
    },
)
def fm_edit_data() -> None:
    """FlexMeasures: Edit data."""


# Command objects and helpers that are public under this package's name.
_HOMES = {
    "edit_account": "account",
    "edit_attribute": "attribute",
    "parse_attribute_value": "attribute",
    "resample_sensor_data": "resample",
    "single_true": "attribute",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{_HERE}.{_HOMES[name]}"), name)
