"""What was measured, and what was forecast that long before: read to be compared.

About an event, a source's forecast with horizon h is what it believed last at least h before the
event could be known. What it believed later does not count, whatever it was. A belief that is much
older does: it is all that there was.

What was measured is the latest belief with a horizon of 0 or less, of any source but forecasters
and schedulers (of simultaneous ones, that of the source with the lowest id).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from flexmeasures.data.beliefs import wire
from flexmeasures.data.beliefs.medians import medians, one_per_event
from flexmeasures.data.beliefs.query import Statement
from flexmeasures.data.beliefs.rows import Floats, Integers, Rows, changed, microseconds, order_by
from flexmeasures.data.beliefs.sources import select_source_ids_of_types
from flexmeasures.data.config import db
from flexmeasures.data.models.time_series import Sensor, TimedBelief

NOT_MEASURING = ("forecaster", "scheduler")
"""Types of sources whose beliefs are no measurements, also after the fact."""

_NOW = timedelta(0)


@dataclass(frozen=True)
class Measured:
    """One entry per event, in the order of events.

    event_start : microseconds since the Unix epoch
    value : in the sensor's unit
    source_ids : who measured some of them
    """

    event_start: Integers
    value: Floats
    source_ids: list[int]

    def at(self, event_start: Integers) -> Floats:
        """The values of these events; nan where nothing was measured."""
        return at(event_start, self.event_start, self.value)


@dataclass(frozen=True)
class Forecasts:
    """What one source believed about each of some events, in the order of events.

    event_start, horizon : microseconds since the Unix epoch; the actual belief horizon
    value : the medians, in the sensor's unit
    quantiles : the rows of all beliefs that have several values, or one that is no median
    """

    event_start: Integers
    horizon: Integers
    value: Floats
    quantiles: Rows


@dataclass(frozen=True)
class History:
    """What is needed to tell how accurate forecasts were.

    measured : also before the window
    rows : beliefs of forecasts, of all sources
    """

    measured: Measured
    rows: Rows

    @property
    def source_ids(self) -> list[int]:
        """Who forecast something."""
        return np.unique(self.rows.source_id).tolist()

    def forecasts(self, source_id: int, horizons: Sequence[timedelta]) -> Iterator[Forecasts]:
        """Of one source, at each of these horizons (with which this history was read)."""
        own = self.rows.take(self.rows.source_id == source_id)
        own = own.take(order_by(own.event_start, own.belief_horizon, own.cumulative_probability))
        for horizon in horizons:
            yield _forecasts(own.take(own.belief_horizon >= microseconds(horizon)))


def read(
    sensor: Sensor,
    start: datetime,
    end: datetime,
    horizons: Sequence[timedelta],
    *,
    measured_since: datetime,
    source_ids: Sequence[int] | None = None,
) -> History:
    """Forecasts of the events that start in [start, end), and what was measured.

    horizons : positive, at least one
    measured_since : from which event start on measurements are wanted
    source_ids : whose forecasts; None: everybody's

    One statement, an index-only scan, reads all; per event and source, no more than one belief per
    horizon is sent over the wire.
    """
    db.session.flush()
    statement = select_history(sensor, start, end, horizons, measured_since, source_ids)
    rows = wire.read(db.session.connection(), statement)
    ex_post = rows.belief_horizon <= 0
    return History(_measured(rows.take(ex_post)), rows.take(~ex_post))


def last_measured(sensor: Sensor) -> datetime | None:
    """The start of the last event of this sensor that was measured."""
    db.session.flush()
    belief = TimedBelief.__table__.c
    statement = (
        select(belief.event_start)
        .where(belief.sensor_id == sensor.id, _is_measurement(belief))
        .order_by(belief.event_start.desc())
        .limit(1)
    )
    return db.session.scalar(statement)


def at(wanted: Integers, event_start: Integers, value: Floats) -> Floats:
    """The values of the events that are wanted, of those of all events; nan where there is none.

    event_start : ascending
    """
    if not len(value):
        return np.full(len(wanted), np.nan)
    place = np.minimum(event_start.searchsorted(wanted), len(value) - 1)
    return np.where(event_start[place] == wanted, value[place], np.nan)


def select_history(
    sensor: Sensor,
    start: datetime,
    end: datetime,
    horizons: Sequence[timedelta],
    measured_since: datetime,
    source_ids: Sequence[int] | None,
) -> Statement:
    """Selects the columns of the table. (The parameters are those of `read`.)"""
    belief = TimedBelief.__table__.c
    is_forecast = [belief.event_start >= start, belief.belief_horizon >= min(horizons)]
    if source_ids is not None:
        is_forecast.append(belief.source_id.in_(list(source_ids)))
    # All windows are alike and follow the key, so that no row needs to be sorted. Not DISTINCT ON:
    # the values of a probabilistic belief share a horizon, and all are wanted.
    latest = [
        _lowest_horizon(belief, belief.belief_horizon <= _NOW).label("measured"),
        *(
            _lowest_horizon(belief, belief.belief_horizon >= horizon).label(f"forecast_{number}")
            for number, horizon in enumerate(horizons)
        ),
    ]
    counting: Select[Any] = select(*(belief[name] for name in wire.COLUMNS), *latest).where(
        belief.sensor_id == sensor.id,
        belief.event_start >= min(measured_since, start),
        belief.event_start < end,
        or_(_is_measurement(belief), and_(*is_forecast)),
    )
    counted = counting.subquery("counted").c
    return select(*(counted[name] for name in wire.COLUMNS)).where(
        or_(*(counted.belief_horizon == counted[label.name] for label in latest))
    )


def _lowest_horizon(belief: Any, condition: ColumnElement[bool]) -> Any:
    """Of those beliefs of a source about an event that meet the condition."""
    lowest = func.min(belief.belief_horizon).filter(condition)
    return lowest.over(partition_by=(belief.event_start, belief.source_id))


def _is_measurement(belief: Any) -> ColumnElement[bool]:
    others = select_source_ids_of_types(NOT_MEASURING)
    return and_(belief.belief_horizon <= _NOW, belief.source_id.not_in(others))


def _measured(rows: Rows) -> Measured:
    latest = one_per_event(rows, rows.belief_horizon, rows.source_id)
    source_ids = np.unique(latest.source_id).tolist()
    return Measured(latest.event_start, latest.event_value, source_ids)


def _forecasts(rows: Rows) -> Forecasts:
    """The latest of these beliefs about each event. Expects their order, and one source."""
    starts = changed(rows.event_start)
    lowest = rows.belief_horizon[starts][np.cumsum(starts) - 1]
    rows = rows.take(rows.belief_horizon == lowest)
    points = medians(rows, rows.event_start)
    event = np.cumsum(changed(rows.event_start))
    several = np.bincount(event)[event] > 1
    return Forecasts(
        points.event_start,
        points.belief_horizon,
        points.event_value,
        rows.take(several | (rows.cumulative_probability != 0.5)),
    )
