"""Find or make data sources, so that each stays one row."""

from __future__ import annotations

from sqlalchemy import func, select

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
    query = select(DataSource).order_by(
        DataSource.model.is_not(None), DataSource.version.is_not(None), DataSource.id
    )
    if isinstance(source, User):
        source_type = "user"
        query = query.filter_by(type="user", user=source)
    else:
        query = query.filter_by(name=source, type=source_type)
    if model is not None:
        query = query.filter_by(model=model)
    if version is not None:
        query = query.filter_by(version=version)
    found = db.session.scalars(query.limit(1)).one_or_none()
    if found is None:
        # Another process may be making it right now: wait until it commits, and look again.
        db.session.execute(select(func.pg_advisory_xact_lock(_MAKING_SOURCES)))
        found = db.session.scalars(query.limit(1)).one_or_none()
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


def get_source_or_none(source: int | str, source_type: str | None = None) -> DataSource | None:
    """The source with this id (and type, if given)."""
    query = select(DataSource).filter_by(id=int(source))
    if source_type is not None:
        query = query.filter_by(type=source_type)
    return db.session.scalars(query).one_or_none()
