"""How things are shown, whatever they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

import click

from flexmeasures.cli.utils import terminal_width


def print_title(title: str) -> None:
    line = "=" * min(len(title), terminal_width() or len(title))
    click.echo(f"{line}\n{title}\n{line}\n")


def location(place: tuple[float, float] | None) -> str:
    return str(place) if place else ""


def names(texts: Sequence[str]) -> str:
    return ",".join(texts)


def ago(moment: datetime | None) -> str:
    """How long ago a moment (in naive UTC, as moments about users are stored) was, or "None"."""
    import humanize

    now = datetime.now(timezone.utc).replace(tzinfo=None)
    return "None" if moment is None else humanize.naturaltime(moment, when=now)
