"""How things are shown, whatever they are."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from flexmeasures.data.models.generic_assets import GenericAsset


def print_title(title: str) -> None:
    line = "=" * len(title)
    click.echo(f"{line}\n{title}\n{line}\n")


def location(asset: GenericAsset) -> str:
    return str(asset.location) if asset.location else ""


def ago(moment: datetime | None) -> str:
    """How long ago a moment (in naive UTC, as moments about users are stored) was, or "None"."""
    import humanize

    now = datetime.now(timezone.utc).replace(tzinfo=None)
    return "None" if moment is None else humanize.naturaltime(moment, when=now)
