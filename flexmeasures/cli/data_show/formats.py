"""What `flexmeasures show` shows, as tables for people, or as CSV or JSON for programs."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import click

from flexmeasures.cli.utils import print_table

FORMATS = ("table", "csv", "json")
format_option = click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default="table",
    help="Show a table for people, or for programs CSV (several lists have an empty line in "
    "between) or JSON. Defaults to table.",
)


@dataclass(frozen=True)
class Listing:
    """Rows of a table.

    columns : by header; how people see the values (None: as they are)
    rows : values, as programs see them; moments without a timezone are in UTC
    keys : what programs call the columns; by default, "Last Seen" is last_seen
    """

    columns: Mapping[str, Callable[[Any], object] | None]
    rows: Sequence[Sequence[Any]]
    keys: Sequence[str] = ()

    def __post_init__(self) -> None:
        keys = self.keys or [header.lower().replace(" ", "_") for header in self.columns]
        object.__setattr__(self, "keys", keys)

    def print_table(self) -> None:
        views = self.columns.values()
        print_table(
            [
                [
                    value if view is None else view(value)
                    for value, view in zip(row, views, strict=True)
                ]
                for row in self.rows
            ],
            headers=[*self.columns],
        )

    def records(self) -> list[dict[str, Any]]:
        return [dict(zip(self.keys, row, strict=True)) for row in self.rows]


def print_listing(listing: Listing, format_: str) -> None:
    """One list; in JSON, a list of objects."""
    if format_ == "table":
        listing.print_table()
    elif format_ == "csv":
        print_csv(listing)
    else:
        print_json(listing.records())


def print_data(format_: str, listings: Mapping[str, Listing], **facts: Any) -> None:
    """Several lists, in CSV or JSON; in JSON, an object with facts and lists."""
    if format_ == "csv":
        print_csv(*listings.values())
    else:
        print_json(facts | {name: listing.records() for name, listing in listings.items()})


def print_csv(*listings: Listing) -> None:
    texts = []
    for listing in listings:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(listing.keys)
        writer.writerows([_cell(value) for value in row] for row in listing.rows)
        texts.append(text.getvalue())
    click.echo("\n".join(texts), nl=False)


def print_json(value: Any) -> None:
    readable = "utf" in (getattr(sys.stdout, "encoding", None) or "").lower()
    click.echo(json.dumps(value, indent=2, default=_as_json, ensure_ascii=not readable))


def _cell(value: Any) -> object:
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, default=_as_json)
    if isinstance(value, bool):
        return str(value).lower()
    return _as_json(value) if isinstance(value, datetime | timedelta) else value


def _as_json(value: datetime | timedelta) -> str:
    if isinstance(value, timedelta):
        from flexmeasures.utils.time_utils import duration_isoformat

        return duration_isoformat(value)
    aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    return aware.isoformat()
