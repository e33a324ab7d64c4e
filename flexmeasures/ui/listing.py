"""Tables of any length: the server filters, sorts and pages them, as the query of the page says.

A page with one table has the parameters `filter`, `sort-by`, `sort-dir`, `page` and `per-page`;
with several, each has its own prefix (`users-page`). What makes no sense falls back to the default,
as people edit addresses.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import request
from sqlalchemy import Select

from flexmeasures.data.config import db
from flexmeasures.data.queries.listing import count, matches_all, ordered, page_of

PAGE_LENGTHS = (5, 10, 25, 50, 100)
_LONGEST_FILTER = 200


@dataclass(frozen=True)
class Listing:
    """One page of a table.

    rows : what the statement gave: objects, or rows of several columns
    number : of entries that match the filter
    total : of entries without a filter
    """

    rows: Sequence[Any]
    number: int
    total: int
    page: int
    per_page: int
    filter: str
    sort_by: str | None
    sort_dir: str
    prefix: str

    @property
    def pages(self) -> int:
        return max(1, -(-self.number // self.per_page))

    @property
    def first(self) -> int:
        """Number of the first entry on this page, counted from 1; 0 if there is none."""
        return (self.page - 1) * self.per_page + 1 if self.number else 0

    @property
    def last(self) -> int:
        return min(self.page * self.per_page, self.number)

    @property
    def near_pages(self) -> list[int]:
        """Numbers of pages to link to: ends and neighbours. 0 stands for a gap."""
        shown = {1, self.pages, *range(self.page - 1, self.page + 2)}
        numbers = sorted(number for number in shown if 1 <= number <= self.pages)
        links: list[int] = []
        for number in numbers:
            if links and number - links[-1] > 1:
                links.append(0)
            links.append(number)
        return links

    def link(self, **changes: Any) -> str:
        """The address of this page with another part of the table (`page`, `sort_by` ...)."""
        named = {self.name(key): str(value) for key, value in changes.items()}
        kept = {key: value for key, value in request.args.items() if key not in named}
        return f"?{urlencode(kept | named)}"

    def link_to_sort(self, column: str) -> str:
        """By this column, the other way round if it is sorted by that already."""
        turned = column == self.sort_by and self.sort_dir == "asc"
        return self.link(sort_by=column, sort_dir="desc" if turned else "asc", page=1)

    def other_parameters(self) -> list[tuple[str, str]]:
        """Of the page's query, what the form of the table must keep."""
        own = {self.name("filter"), self.name("per_page"), self.name("page")}
        return [(key, value) for key, value in request.args.items() if key not in own]

    def name(self, parameter: str) -> str:
        """How a parameter is called in the query."""
        return self.prefix + parameter.replace("_", "-")


def listing(
    statement: Select[Any],
    *,
    columns: Mapping[str, Any],
    texts: Sequence[Any],
    id_column: Any,
    sort_by: str | None = None,
    sort_dir: str = "asc",
    prefix: str = "",
    scalars: bool = True,
) -> Listing:
    """The part of a table that the request asks for, in three statements at most.

    statement : all that the user may see, loading eagerly what the table shows of its objects
    columns : by which to sort, by name
    texts : columns in which the filter looks; numbers are also looked for in `id_column`
    sort_by, sort_dir : if the request does not say; by id, if this does not either
    """
    args = _Arguments(prefix)
    text = args.text("filter")[:_LONGEST_FILTER].replace("\0", "")
    total = count(statement)
    matching = total
    if text.strip():
        statement = statement.where(matches_all(_terms(text), texts, id_column))
        matching = count(statement)
    by = args.one_of("sort_by", columns, sort_by)
    direction = args.one_of("sort_dir", ("asc", "desc"), sort_dir) or "asc"
    per_page = args.number("per_page", 10, PAGE_LENGTHS[-1])
    page = min(args.number("page", 1, 2**31), max(1, -(-matching // per_page)))
    found = page_of(ordered(statement, dict(columns), by, direction, id_column), page, per_page)
    result = db.session.execute(found)
    rows = (result.scalars().unique() if scalars else result).all()
    return Listing(rows, matching, total, page, per_page, text, by, direction, prefix)


class _Arguments:
    """Parameters of the request whose names have a prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def text(self, name: str) -> str:
        return request.args.get(self._prefix + name.replace("_", "-"), "")

    def number(self, name: str, default: int, largest: int) -> int:
        text = self.text(name)
        valid = text.isascii() and text.isdecimal() and len(text) < 11
        return min(max(int(text), 1), largest) if valid else default

    def one_of(self, name: str, choices: Any, default: str | None) -> str | None:
        text = self.text(name)
        return text if text in choices else default


def _terms(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote that is not closed (yet) is a character like others
        return text.split()
