"""Find or make data sources, so that each stays one row."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, func, select

from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.user import User

# Key of the lock that whoever makes a source holds until the end of the transaction.
_MAKING_SOURCES = 0x736F7572  # any number that nobody else uses


def get_or_create_source(
    source: User | str,
    source_type: str | None = None,
    model: str | None = None,
    version: str | None = None,
    flush: bool = True,
) -> DataSource:
    """The source of a user, or the one with this name and type; made if there is none.

    `model` and `version` narrow the search only if given. If several sources match, the one that
    leaves out model and version is meant, else the oldest.

    Raises
    ------
    TypeError : a new source, given by name, has no type (or type "user" but no user)
    """
    if not isinstance(source, (User, str)):
        raise TypeError("source should be of type User or str")
    wanted: dict[str, Any] = {"type": source_type, "model": model, "version": version}
    if isinstance(source, User):
        if source in db.session.new:
            db.session.flush()
        wanted |= {"type": "user", "user_id": source.id}
    else:
        wanted |= {"name": source}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    query = _select_source(frozenset(wanted))
    found: DataSource | None = db.session.scalars(query, wanted).one_or_none()
    if found is None:
        # Another process may be making it right now: wait until it commits, and look again.
        db.session.execute(select(func.pg_advisory_xact_lock(_MAKING_SOURCES)))
        found = db.session.scalars(query, wanted).one_or_none()
    if found is not None:
        return found

    if isinstance(source, User):
        new = DataSource(user=source, model=model, version=version)
    elif source_type is None:
        raise TypeError("Please specify a source type")
    else:
        new = DataSource(name=source, type=source_type, model=model, version=version)
    db.session.add(new)
    if flush:
        db.session.flush()
    return new


def get_or_create_sources(name: str, source_type: str, models: Iterable[str]) -> list[DataSource]:
    """A source of this name and type per model; those that are missing are made, all at once."""
    models = list(models)
    found = _sources_by_model(name, source_type, models)
    if any(model not in found for model in models):
        db.session.execute(select(func.pg_advisory_xact_lock(_MAKING_SOURCES)))
        found = _sources_by_model(name, source_type, models)
        missing = [model for model in dict.fromkeys(models) if model not in found]
        new = {model: DataSource(name=name, type=source_type, model=model) for model in missing}
        db.session.add_all(new.values())
        db.session.flush()
        found |= new
    return [found[model] for model in models]


def _sources_by_model(name: str, source_type: str, models: list[str]) -> dict[str, DataSource]:
    query = select(DataSource).filter_by(name=name, type=source_type)
    # The last one of a model counts, which is the oldest of those without a version, if any.
    query = query.where(DataSource.model.in_(models)).order_by(
        DataSource.version.is_(None), DataSource.id.desc()
    )
    return {str(source.model): source for source in db.session.scalars(query)}


@cache
def _select_source(names: frozenset[str]) -> Select[Any]:
    """The first source with values of these columns; without a type, if that is not named."""
    query = select(DataSource).where(*(getattr(DataSource, n) == bindparam(n) for n in names))
    if "type" not in names:
        query = query.where(DataSource.type.is_(None))
    return query.order_by(
        DataSource.model.is_not(None), DataSource.version.is_not(None), DataSource.id
    ).limit(1)


def get_source_or_none(source: int | str, source_type: str | None = None) -> DataSource | None:
    """The source with this id (and type, if given)."""
    query = select(DataSource).filter_by(id=int(source))
    if source_type is not None:
        query = query.filter_by(type=source_type)
    return db.session.scalars(query).one_or_none()
