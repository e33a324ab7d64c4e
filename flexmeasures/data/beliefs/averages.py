"""Long series in few points: means of stretches of time, and the values between which they lie.

Charts cannot show more points than they have pixels. A series with more rows than that is averaged
by the database, which then sends a thousand rows instead of half a million. It takes the latest
belief of each source about each event, as `search` does. Where beliefs are probabilistic, medians
are needed, so that such series are read as a whole and averaged here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import (
    ARRAY,
    DateTime,
    Integer,
    Select,
    func,
    literal,
    select,
    text,
    true,
    union_all,
)

from flexmeasures.data.beliefs.knowledge import Timing
from flexmeasures.data.beliefs.query import Filters
from flexmeasures.data.beliefs.rows import EPOCH, Floats, Integers, Rows, microseconds
from flexmeasures.data.config import db
from flexmeasures.data.models.time_series import TimedBelief

if TYPE_CHECKING:
    from flexmeasures.data.models.time_series import Sensor

_SECONDS = (1, 2, 5, 10, 15, 20, 30)
_HOURS = (1, 2, 3, 24)  # parts of a day would only show that days differ from nights
_DAYS = (2, 7, 14, 28)
_NEAR = 10  # times as long
_STEPS = [
    *(timedelta(seconds=number) for number in _SECONDS),
    *(timedelta(minutes=number) for number in _SECONDS),
    *(timedelta(hours=number) for number in _HOURS),
    *(timedelta(days=number) for number in _DAYS),
]

# Written out, as versions of SQLAlchemy differ in how they say it.
_ONE_PER_EVENT_AND_SOURCE = text("DISTINCT ON (timed_belief.event_start, timed_belief.source_id)")


@dataclass(frozen=True)
class Averages:
    """Of one sensor: an entry per stretch and source in each array, in the order of stretches.

    length : of each stretch
    start, belief_time : microseconds since the Unix epoch; the latter of the latest belief
    source_id
    mean, least, most : in the sensor's unit; nan where no event has a value that is a number
    number : of events
    """

    length: timedelta
    start: Integers
    source_id: Integers
    belief_time: Integers
    mean: Floats
    least: Floats
    most: Floats
    number: Integers


def step_of(window: timedelta, most_points: int, event_resolution: timedelta) -> timedelta:
    """The shortest usual length of time of which at most so many cover the window.

    It is a multiple of the resolution (if no usual one is near, the lowest that is long enough).
    """
    wanted = window / most_points
    unit = event_resolution or _STEPS[-1]
    lowest = -(-max(wanted, unit) // unit) * unit
    for step in _STEPS:
        if step >= wanted and not (event_resolution and step % event_resolution):
            return step if step < _NEAR * lowest or not event_resolution else lowest
    return lowest


def longer_than(
    sensors: Iterable[Sensor], filters: Filters, most_rows: int
) -> dict[int, tuple[datetime, datetime]]:
    """Of these sensors, those with more rows than that: first and last event start, by id.

    One statement, which counts no further than it must.
    """
    parts: list[Select[Any]] = []
    for timing, ids in _alike(sensors).items():
        belief = TimedBelief.__table__.c
        sensor = _unnested(ids)
        starts = select(belief.event_start).where(
            belief.sensor_id == sensor.c.id, *filters.conditions(belief, timing)
        )
        first = starts.order_by(belief.event_start).limit(1).lateral("first")
        last = starts.order_by(belief.event_start.desc()).limit(1).lateral("last")
        more = starts.offset(most_rows).limit(1).lateral("more")
        parts.append(
            select(sensor.c.id, first.c.event_start, last.c.event_start.label("last_start"))
            .select_from(sensor)
            .join(more, true())
            .join(first, true())
            .join(last, true())
        )
    if not parts:
        return {}
    found = db.session.execute(parts[0] if len(parts) == 1 else union_all(*parts))
    return {id_: (first_start, last_start) for id_, first_start, last_start in found}


def averages(
    sensors: Iterable[Sensor], filters: Filters, steps: Mapping[int, timedelta], origin: datetime
) -> dict[int, Averages | None]:
    """The latest beliefs of each source, averaged, by sensor id: None if some are probabilistic.

    steps : by sensor id, how long stretches are
    origin : where one of them starts, apart from less than a resolution
    One statement.
    """
    sensors = list(sensors)
    parts = [
        _averages(timing, ids, filters, step, on_grid(origin, timing.event_resolution))
        for (timing, step), ids in _alike(sensors, steps).items()
    ]
    if not parts:
        return {}
    rows = db.session.execute(parts[0] if len(parts) == 1 else union_all(*parts)).all()
    by_sensor: defaultdict[int, list[Any]] = defaultdict(list)
    for row in rows:
        by_sensor[row.id].append(row)
    return {
        sensor.id: None
        if any(row.is_probabilistic for row in by_sensor[sensor.id])
        else _of_rows(by_sensor[sensor.id], steps[sensor.id])
        for sensor in sensors
    }


def averages_of(rows: Rows, belief_time: Integers, step: timedelta, origin: datetime) -> Averages:
    """The same of rows with one value per event and source, of one sensor.

    belief_time : of each row, in microseconds since the Unix epoch
    """
    length, first = microseconds(step), microseconds(origin)
    stretch = (rows.event_start - first) // length
    order = np.lexsort((rows.source_id, stretch))
    stretch, source = stretch[order], rows.source_id[order]
    starts = np.flatnonzero(
        np.r_[True, (np.diff(stretch) != 0) | (np.diff(source) != 0)][: len(order)]
    )
    if not len(starts):
        whole, real = np.empty(0, np.int64), np.empty(0)
        return Averages(step, whole, whole, whole, real, real, real, whole)
    values = rows.event_value[order]
    known = ~np.isnan(values)
    number = np.add.reduceat(known.astype(np.int64), starts)
    total = np.add.reduceat(np.where(known, values, 0), starts)
    none = number == 0
    return Averages(
        step,
        first + length * stretch[starts],
        source[starts],
        np.maximum.reduceat(belief_time[order], starts),
        np.where(none, np.nan, total / np.maximum(number, 1)),
        np.where(none, np.nan, np.minimum.reduceat(np.where(known, values, np.inf), starts)),
        np.where(none, np.nan, np.maximum.reduceat(np.where(known, values, -np.inf), starts)),
        np.add.reduceat(np.ones(len(order), np.int64), starts),
    )


def on_grid(moment: datetime, resolution: timedelta) -> datetime:
    """The last whole number of resolutions since the Unix epoch."""
    return moment - (moment - EPOCH) % resolution if resolution else moment


def _averages(
    timing: Timing, ids: list[int], filters: Filters, step: timedelta, origin: datetime
) -> Select[Any]:
    belief = TimedBelief.__table__.c
    sensor = _unnested(ids)
    # In the order of the key, so that nothing is sorted. Of a probabilistic belief this is the row
    # with the lowest probability: if that is 0.5, it is the median, too.
    latest = (
        select(
            belief.event_start,
            belief.source_id,
            belief.belief_horizon,
            belief.cumulative_probability,
            func.nullif(belief.event_value, literal(float("nan"))).label("value"),
        )
        .where(belief.sensor_id == sensor.c.id, *filters.conditions(belief, timing))
        .prefix_with(_ONE_PER_EVENT_AND_SOURCE)
        .order_by(
            belief.event_start,
            belief.source_id,
            belief.belief_horizon,
            belief.cumulative_probability,
        )
        .correlate(sensor)
        .subquery("latest")
    )
    event = latest.c
    zero = literal(origin, DateTime(timezone=True))
    start = func.date_bin(literal(step), event.event_start, zero)
    belief_time = timing.knowledge_time(event.event_start) - event.belief_horizon
    # Grouped within each sensor, so that only the result is joined.
    grouped = (
        select(
            start.label("start"),
            event.source_id,
            func.max(belief_time).label("belief_time"),
            func.avg(event.value).label("mean"),
            func.min(event.value).label("least"),
            func.max(event.value).label("most"),
            func.count().label("number"),
            func.bool_or(event.cumulative_probability != 0.5).label("is_probabilistic"),
        )
        .group_by(start, event.source_id)
        .lateral("grouped")
    )
    return select(sensor.c.id, *grouped.c).select_from(sensor.join(grouped, true()))


def _of_rows(rows: Sequence[Any], step: timedelta) -> Averages:
    rows = sorted(rows, key=lambda row: (row.start, row.source_id))

    def column(name: str, dtype: Any = np.float64) -> Any:
        return np.array([getattr(row, name) for row in rows], dtype)

    def durations(values: Iterable[timedelta]) -> Integers:
        return np.array([microseconds(value) for value in values], np.int64)

    return Averages(
        step,
        durations(row.start - EPOCH for row in rows),
        column("source_id", np.int64),
        durations(row.belief_time - EPOCH for row in rows),
        column("mean"),
        column("least"),
        column("most"),
        column("number", np.int64),
    )


def _alike(sensors: Iterable[Sensor], steps: Mapping[int, timedelta] | None = None) -> Any:
    """Ids of sensors that one SELECT can read, by their timing (and step)."""
    found: defaultdict[Any, list[int]] = defaultdict(list)
    for sensor in sensors:
        timing = Timing.of(sensor)
        found[timing if steps is None else (timing, steps[sensor.id])].append(sensor.id)
    return found


def _unnested(ids: list[int]) -> Any:
    return func.unnest(literal(ids, ARRAY(Integer))).table_valued("id").render_derived("sensor")
