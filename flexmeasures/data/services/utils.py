"""Small helpers that use cases share."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import JSON, String, cast, inspect, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute

from flexmeasures.data.config import Model, db
from flexmeasures.data.services.job_cache import job_cache
from flexmeasures.utils.timely import tb

__all__ = ["InvalidText", "check_text", "explaining", "get_or_create_model", "job_cache"]

ModelType = TypeVar("ModelType", bound=Model)


class InvalidText(ValueError):
    """A text cannot be stored in its column."""


@contextmanager
def explaining(refusals: Mapping[str, Exception]) -> Iterator[None]:
    """Raise an error of ours where the database refuses to store something, as it does if others
    are faster than any look beforehand.

    refusals : by the name of the constraint
    """
    try:
        with db.session.begin_nested():
            yield
    except IntegrityError as error:
        diagnosis = getattr(error.orig, "diag", None)
        refusal = refusals.get(getattr(diagnosis, "constraint_name", None) or "")
        if refusal is None:
            raise
        raise refusal from error


def check_text(
    column: InstrumentedAttribute[Any],
    text: str,
    *,
    what: str | None = None,
    may_be_empty: bool = False,
) -> None:
    """Raise InvalidText unless the text fits its column, such as `Account.name`.

    what : what to call it, if "The name of an account" would not tell
    """
    what = what or f"The {column.key} of {_with_article(column.class_.__table__.name)}"
    if not may_be_empty and not text.strip():
        raise InvalidText(f"{what} cannot be empty.")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise InvalidText(f"{what} cannot have control characters: {text!r}")
    limit = column.type.length if isinstance(column.type, String) else None
    if limit is not None and len(text) > limit:
        raise InvalidText(
            f"{what} can have {limit} characters at most. This has {len(text)}: {text}"
        )


def _with_article(table: str) -> str:
    noun = table.removeprefix("fm_").replace("_", " ")
    return f"{'an' if noun.startswith('a') else 'a'} {noun}"


def get_or_create_model(model_class: type[ModelType], **kwargs: Any) -> ModelType:
    """The row that matches all arguments; else a new one, added to the session and announced.

    Arguments are those of the model's constructor: columns, relations, and the `knowledge_horizon`
    of a sensor. JSON columns match whatever the order of their keys.
    """
    query = select(model_class)
    columns = inspect(model_class).columns
    for name, value in _as_stored(kwargs).items():
        attribute = getattr(model_class, name)
        if name in columns and isinstance(columns[name].type, JSON):
            query = query.where(cast(attribute, JSONB) == cast(value, JSONB))
        else:
            query = query.where(attribute == value)
    found = db.session.scalars(query.limit(1)).one_or_none()
    if found is not None:
        return found
    new = model_class(**kwargs)
    db.session.add(new)
    db.session.flush()  # so that the announcement can tell the id
    print(f"Created {new!r}")
    return new


def _as_stored(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Unpack a knowledge horizon (timedelta, or function and arguments) into its columns."""
    if "knowledge_horizon" not in kwargs:
        return kwargs
    stored = dict(kwargs)
    example = tb.Sensor("any", knowledge_horizon=stored.pop("knowledge_horizon"))
    return stored | {
        "knowledge_horizon_fnc": example.knowledge_horizon_fnc,
        "knowledge_horizon_par": example.knowledge_horizon_par,
    }
