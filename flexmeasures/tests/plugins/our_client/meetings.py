"""A command whose options are checked by fields of marshmallow."""

from __future__ import annotations

from datetime import datetime

import click
from marshmallow import fields

from flexmeasures.data.schemas import AwareDateTimeField
from flexmeasures.data.schemas.utils import MarshmallowClickMixin


class CLIStrField(fields.Str, MarshmallowClickMixin):
    """Text, as an option of a command."""


@click.command("meet")
@click.option("--where", required=True, type=CLIStrField(), help="Where we meet.")
@click.option("--when", type=AwareDateTimeField(format="iso"), help="When we meet.")
def schedule_meeting(where: str, when: datetime | None = None) -> None:
    print(f"Okay, see you {where} on {when}.")
