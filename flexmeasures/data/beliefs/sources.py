"""Which sources a search is about."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import exists, func, or_, select

from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import TimedBelief
from flexmeasures.data.models.user import User

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select

    from flexmeasures.data.models.time_series import Sensor

    Source = DataSource | int | str
    Sources = Source | Sequence[Source]

logger = logging.getLogger(__name__)

# Two names of one type, the second being the older.
_FORECASTERS = {"forecaster", "forecasting script"}


def find_sources(
    sources: Sources | None = None,
    source_types: Iterable[str] | None = None,
    exclude_source_types: Iterable[str] | None = None,
    user_source_ids: Iterable[int] | int | None = None,
) -> dict[int, DataSource] | None:
    """The sources that all of these filters leave, by id; None if there is no filter.

    sources : sources, ids or names, one or several; a name means all sources of that name. What
        does not exist is logged and skipped.
    source_types, exclude_source_types : only, or not, sources of these types
    user_source_ids : of the sources that are users, only those with these ids
    """
    conditions: list[ColumnElement[bool]] = []
    if source_types is not None:
        conditions.append(DataSource.type.in_(_spelled(source_types)))
    if exclude_source_types is not None:
        excluded = _spelled(exclude_source_types)
        conditions.append(func.coalesce(DataSource.type, "").not_in(excluded))
    if user_source_ids is not None:
        ids = [user_source_ids] if isinstance(user_source_ids, int) else list(user_source_ids)
        conditions.append(or_(DataSource.type.is_distinct_from("user"), DataSource.id.in_(ids)))
    if sources is None:
        return _where(conditions) if conditions else None

    wanted = list(sources) if isinstance(sources, list | tuple | set) else [sources]
    given = {source.id: source for source in wanted if isinstance(source, DataSource)}
    ids = [int(source) for source in wanted if isinstance(source, int | np.integer)]
    names = [source for source in wanted if isinstance(source, str)]
    if strange := [s for s in wanted if not isinstance(s, DataSource | int | np.integer | str)]:
        raise TypeError(f"Expected a data source, its id or its name, not {strange[0]!r}.")
    if conditions or ids or names:
        named = or_(DataSource.id.in_([*ids, *given]), DataSource.name.in_(names))
        found = _where([named, *conditions])
    else:
        found = given
    _log_unknown(ids, names, found)
    return found


def select_source_ids(
    source_id: int | None = None, source_type: str | None = None, account_id: int | None = None
) -> Select[Any] | None:
    """Selects the ids of the sources that all of these filters leave; None if there is no filter.

    account_id : only sources that are users of this account
    """
    conditions: list[ColumnElement[bool]] = []
    if source_id is not None:
        conditions.append(DataSource.id == source_id)
    if source_type is not None:
        conditions.append(DataSource.type.in_(_spelled(source_type)))
    if account_id is not None:
        members = select(User.id).where(User.account_id == account_id)
        conditions.append(DataSource.user_id.in_(members))
    return select(DataSource.id).where(*conditions) if conditions else None


def select_source_ids_of_types(types: Iterable[str]) -> Select[Any]:
    """Selects the ids of the sources of these types."""
    return select(DataSource.id).where(DataSource.type.in_(_spelled(types)))


def has_source_of_type(sensor: Sensor, source_type: str) -> bool:
    """Does any source of this type believe something about this sensor?"""
    sources = select_source_ids_of_types([source_type])
    belief = exists().where(TimedBelief.sensor_id == sensor.id, TimedBelief.source_id.in_(sources))
    return bool(db.session.scalar(select(belief)))


def load_sources(ids: list[int]) -> dict[int, DataSource]:
    """The sources with these ids, which exist."""
    return _where([DataSource.id.in_(ids)]) if ids else {}


def _where(conditions: list[ColumnElement[bool]]) -> dict[int, DataSource]:
    found = db.session.scalars(select(DataSource).where(*conditions))
    return {source.id: source for source in found}


def _spelled(types: Iterable[str] | str) -> set[str]:
    """These types, under all their names."""
    types = {types} if isinstance(types, str) else set(types)
    return types | _FORECASTERS if types & _FORECASTERS else types


def _log_unknown(ids: list[int], names: list[str], found: dict[int, DataSource]) -> None:
    for i in ids:
        if i not in found:
            logger.warning("There is no such data source: id %s. It is left out of the search.", i)
    known = {source.name for source in found.values()}
    for name in names:
        if name not in known:
            logger.warning("There is no such data source: %r. It is left out of the search.", name)
