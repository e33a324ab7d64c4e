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
    },
)
def fm_edit_data() -> None:
    """FlexMeasures: Edit data."""


# Command objects and helpers that are public under this package's name.
_HOMES = {"edit_account": "account"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{_HERE}.{_HOMES[name]}"), name)
