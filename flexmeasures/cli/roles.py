"""Roles as options of commands: comma-separated names, some of them perhaps new."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from flexmeasures.cli.utils import warn

if TYPE_CHECKING:
    from flexmeasures.data.models.user import AccountRole, Role


def split_names(_: click.Context, __: click.Parameter, text: str | None) -> list[str]:
    """Callback of an option: "Prosumer, MDC" are two names; each counts once."""
    names = (name.strip() for name in (text or "").split(","))
    return list(dict.fromkeys(name for name in names if name))


def offer_to_create(model: type[Role] | type[AccountRole], names: Sequence[str]) -> None:
    """Let the user know which roles are about to be made.

    In a terminal, the user is asked about those that FlexMeasures does not know either: they may be
    typing errors. Scripts are not asked.
    """
    from flexmeasures.data.services.roles import known_roles, missing_roles

    noun = "role" if model.__tablename__ == "role" else "account role"
    for name in missing_roles(model, names):
        if sys.stdin.isatty() and name not in known_roles(model):
            question = f"There is no {noun} '{name}' yet. Create it?"
            click.confirm(question, abort=True, err=True)
        warn(f"Adding {noun} {name} ...")
