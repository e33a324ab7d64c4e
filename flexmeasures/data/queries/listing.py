"""Filtering rows by words, and one page of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, false, func, or_, select

from flexmeasures.data.config import db

Texts = Sequence[Any]  # columns, or other SQL expressions, of texts


def matches_all(terms: Iterable[str], texts: Texts, id_column: Any = None) -> ColumnElement[bool]:
    """Is each term in one of these texts, whatever the case, or (if a number) at the start of the
    id? (Without an id column, ids do not count.)"""
    return and_(True, *(_matches(term, texts, id_column) for term in terms))


def matches_any(terms: Iterable[str], texts: Texts, id_column: Any = None) -> ColumnElement[bool]:
    """Is one of the terms there? (As with `matches_all`; no terms match everything.)"""
    terms = list(terms)
    if not terms:
        return and_(True)
    return or_(false(), *(_matches(term, texts, id_column) for term in terms))


def _matches(term: str, texts: Texts, id_column: Any) -> ColumnElement[bool]:
    ways = [text.icontains(term, autoescape=True) for text in texts]
    if id_column is not None and term.isascii() and term.isdecimal():
        ways.append(cast(id_column, String).startswith(term))
    return or_(*ways)


def count(statement: Select[Any]) -> int:
    """The number of rows that a statement would give."""
    rows = statement.order_by(None).subquery()
    return db.session.scalar(select(func.count()).select_from(rows)) or 0


def page_of(statement: Select[Any], page: int, per_page: int) -> Select[Any]:
    """Of these rows, those on a page; pages are counted from 1."""
    return statement.limit(per_page).offset((page - 1) * per_page)


def ordered(
    statement: Select[Any], columns: dict[str, Any], by: str | None, direction: str, otherwise: Any
) -> Select[Any]:
    """Sort by one of the named columns, empty values last; equal ones by `otherwise`.

    direction : asc or desc
    """
    if by is None:
        return statement.order_by(otherwise)
    column = columns[by]
    way: Callable[[], Any] = column.desc if direction == "desc" else column.asc
    return statement.order_by(way().nulls_last(), otherwise)
