"""Listings: everything as a bare list, or a page of it on request."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import Response, jsonify
from marshmallow import Schema, fields
from marshmallow.validate import Length, OneOf, Range
from sqlalchemy import ColumnElement, Select
from werkzeug.exceptions import NotFound

from flexmeasures.data.config import db
from flexmeasures.data.queries.listing import count, page_of
from flexmeasures.data.schemas.utils import FMValidationError

_LARGEST_PAGE = 10_000  # rows
_LAST_PAGE = 2**31 - 1


class TermsField(fields.Field["list[str]"]):
    """Words to look for, separated by blanks; quotes keep words together."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> list[str]:
        if not isinstance(value, str) or "\0" in value:
            raise FMValidationError("Not a valid string.")
        if len(value) > 200:
            raise FMValidationError("Longer than maximum length 200.")
        try:
            return shlex.split(value)
        except ValueError as error:
            raise FMValidationError(
                f"A quote is not closed, or nothing follows a backslash: {error}"
            ) from error


class ListingQuery(Schema):
    """What all listings take. To sort, a subclass adds `sort_by = sort_by_field(...)`."""

    page = fields.Integer(
        load_default=None,
        validate=Range(min=1, max=_LAST_PAGE),
        metadata={
            "description": "Which page to answer, counted from 1. Without it, all is answered.",
            "example": 1,
        },
    )
    per_page = fields.Integer(
        data_key="per-page",
        load_default=10,
        validate=Range(min=1, max=_LARGEST_PAGE),
        metadata={"description": "Entries on a page.", "example": 10},
    )
    filter = TermsField(
        load_default=list,
        metadata={
            "description": "Words to look for in names and the like. Quotes keep words together.",
            "example": "battery",
        },
    )
    sort_dir = fields.String(
        data_key="sort-dir",
        load_default="asc",
        validate=OneOf(["asc", "desc"]),
        metadata={"description": "The direction in which to sort."},
    )


def sort_by_field(names: Sequence[str]) -> fields.String:
    """The parameter that says by which column to sort."""
    return fields.String(
        data_key="sort-by",
        load_default=None,
        validate=[Length(max=50), OneOf(names)],
        metadata={"description": "What to sort by; by id if left out."},
    )


def listing(
    statement: Select[Any],
    dump: Callable[[Sequence[Any]], list[Any]],
    *,
    criterion: ColumnElement[bool] | None = None,
    page: int | None = None,
    per_page: int = 10,
    scalars: bool = True,
) -> Response:
    """Answer a listing: 200 with a bare list, or with the page that was asked for.

    statement : all that the caller may see
    dump : turns what the statement gives (objects, or rows if not `scalars`) into JSON values
    criterion : which of that was asked for
    page : with it, the answer is an object that tells the numbers of entries, too

    One statement, or three for a page, besides what the statement loads with its objects. Raises
    NotFound for a page beyond the last one.
    """
    filtered = statement if criterion is None else statement.where(criterion)
    if page is None:
        return jsonify(dump(_read(filtered, scalars)))
    matching = count(filtered)
    if page > 1 and (page - 1) * per_page >= matching:
        raise NotFound(f"There is no page {page}: {matching} entries fit on fewer pages.")
    numbers = {
        "num-records": matching if criterion is None else count(statement),
        "filtered-records": matching,
    }
    return jsonify({"data": dump(_read(page_of(filtered, page, per_page), scalars)), **numbers})


def paged(item: Schema) -> dict[str, Any]:
    """For the API's description: a bare list of such items, or a page of them."""
    return {"x-listing-of": item}


def _read(statement: Select[Any], scalars: bool) -> Sequence[Any]:
    result = db.session.execute(statement)
    return (result.scalars() if scalars else result).all()
