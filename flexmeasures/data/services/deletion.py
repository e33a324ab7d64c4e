"""Deleting much at once: beliefs of a kind, and the structure that they are about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, delete, func, select

from flexmeasures.data.beliefs.unchanged import is_unchanged
from flexmeasures.data.config import Model, db
from flexmeasures.data.models.annotations import Annotation
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.models.user import Role, RolesUsers, User
from flexmeasures.data.queries.assets import descendants
from flexmeasures.data.schemas.utils import FMValidationError

IS_MEASUREMENT = TimedBelief.belief_horizon <= timedelta(0)
IS_PROGNOSIS = TimedBelief.belief_horizon > timedelta(0)
IS_NAN = TimedBelief.event_value == float("nan")

# In the order in which they can go. What refers to them is not mentioned, or goes with them.
_STRUCTURE: dict[str, tuple[type[Model], ...]] = {
    "Assets": (GenericAsset,),
    "AssetTypes": (GenericAssetType,),
    "DataSources": (Annotation, DataSource),
    "Users": (RolesUsers, User),
    "Roles": (Role,),
}


@dataclass(frozen=True)
class BeliefCounts:
    """Numbers of rows: of beliefs after the fact (measurements), and of those before it."""

    measurements: int
    prognoses: int

    @property
    def total(self) -> int:
        return self.measurements + self.prognoses


def of_sensor(sensor: Sensor | None) -> list[ColumnElement[bool]]:
    """Criteria: of that sensor; of any, without one."""
    return [] if sensor is None else [TimedBelief.sensor_id == sensor.id]


def starts_before(moment: datetime) -> ColumnElement[bool]:
    """Criterion: about events that start before that moment."""
    return TimedBelief.event_start < moment


def unchanged_of(sensor: Sensor | None) -> list[ColumnElement[bool]]:
    """Criteria: unchanged beliefs (see `data.beliefs.unchanged`) about that sensor, or any."""
    return [is_unchanged(*of_sensor(sensor))]


def count_beliefs(*criteria: ColumnElement[bool]) -> BeliefCounts:
    prognoses = func.count().filter(IS_PROGNOSIS)
    query = select(func.count(), prognoses).select_from(TimedBelief).where(*criteria)
    total, ahead = db.session.execute(query).one()
    return BeliefCounts(total - ahead, ahead)


def delete_beliefs(*criteria: ColumnElement[bool]) -> int:
    """Delete the beliefs that meet all criteria, in one statement. Returns how many rows."""
    return _delete(TimedBelief, *criteria)


def delete_data(
    sensor: Sensor,
    source: DataSource | None = None,
    start: datetime | None = None,
    until: datetime | None = None,
) -> int:
    """Delete beliefs about a sensor. Returns how many.

    source : only those of this source
    start, until : only those about events that start then or later, and end by then

    Raises FMValidationError if no event can lie between these.
    """
    criteria = of_sensor(sensor)
    if source is not None:
        criteria.append(TimedBelief.source_id == source.id)
    if start is not None:
        criteria.append(TimedBelief.event_start >= start)
    if until is not None:
        if start is not None and until - start < sensor.event_resolution:
            raise FMValidationError(
                "No event starts then and ends by this: let it be at least"
                f" {sensor.event_resolution} after the start.",
                field_name="until",
            )
        criteria.append(TimedBelief.event_start <= until - sensor.event_resolution)
    return delete_beliefs(*criteria)


def count_parts(asset: GenericAsset) -> dict[str, int]:
    """What goes with an asset: numbers of "child assets", "sensors" and "beliefs"."""
    tree = descendants(GenericAsset.id == asset.id)
    sensors = select(Sensor.id).where(Sensor.generic_asset_id.in_(tree))
    return {
        "child assets": _count(GenericAsset, GenericAsset.id.in_(tree)) - 1,
        "sensors": _count(Sensor, Sensor.id.in_(sensors)),
        "beliefs": _count(TimedBelief, TimedBelief.sensor_id.in_(sensors)),
    }


def count_structure() -> dict[str, int]:
    """What `delete_structure` deletes, by kind; sensors, beliefs and annotations among it."""
    named = {noun: _count(models[-1]) for noun, models in _STRUCTURE.items()}
    others: dict[str, type[Any]] = {
        "Sensors": Sensor,
        "Beliefs": TimedBelief,
        "Annotations": Annotation,
    }
    return named | {noun: _count(model) for noun, model in others.items()}


def delete_structure() -> dict[str, int]:
    """Delete all assets with their data, asset types, sources, annotations, users and user roles.

    Accounts and account roles stay. Returns how many went, by noun. A statement per table.
    """
    numbers = {
        noun: [_delete(model) for model in models][-1] for noun, models in _STRUCTURE.items()
    }
    db.session.expire_all()
    return dict(sorted(numbers.items()))


def _count(model: type[Model], *criteria: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(model).where(*criteria)
    return db.session.scalars(query).one()


def _delete(model: type[Model], *criteria: ColumnElement[bool]) -> int:
    statement = delete(model).where(*criteria).execution_options(synchronize_session=False)
    return cast("CursorResult[Any]", db.session.execute(statement)).rowcount
