"""The statements that read beliefs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Double,
    Integer,
    Interval,
    Select,
    Text,
    Update,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    type_coerce,
    union_all,
    update,
)

from flexmeasures.data.beliefs.knowledge import Timing
from flexmeasures.data.beliefs.rows import Rows, changed
from flexmeasures.data.beliefs.wire import COLUMNS
from flexmeasures.data.models.time_series import TimedBelief

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from flexmeasures.data.models.time_series import Sensor

Statement = Any  # a Select, or a union of some
Parameters = dict[str, Any]

# Up to so many new beliefs, what is known is looked up for each. More of them usually follow each
# other closely, so that reading all beliefs between the first and the last is cheaper.
LOOK_UPS = 2_000


@dataclass(frozen=True)
class Filters:
    """What to leave out. None leaves out nothing; all filters hold at once.

    events_end_after, events_start_before : for instantaneous events, an event at that very moment
        is in; for others, one that just ends or starts there is not
    beliefs_after, beliefs_before, horizons_at_least, horizons_at_most : inclusive
    source_ids : ids, or a SELECT of them
    most_recent_events_only, most_recent_beliefs_only : of what the others leave, the latest event
        of each source; the latest belief of each source about each event
    rows_at_most : of each sensor, of what the others leave, so many rows of the latest events
    """

    events_end_after: datetime | None = None
    events_start_before: datetime | None = None
    beliefs_after: datetime | None = None
    beliefs_before: datetime | None = None
    horizons_at_least: timedelta | None = None
    horizons_at_most: timedelta | None = None
    source_ids: list[int] | Select[tuple[int]] | None = None
    most_recent_events_only: bool = False
    most_recent_beliefs_only: bool = False
    rows_at_most: int | None = None

    def conditions(self, belief: Any, timing: Timing) -> list[ColumnElement[bool]]:
        """These filters as SQL, on the columns `belief` of sensors with this timing."""
        result = []
        instantaneous = not timing.event_resolution
        if self.events_end_after is not None:
            latest_start = self.events_end_after - timing.event_resolution
            result.append(
                belief.event_start >= latest_start
                if instantaneous
                else belief.event_start > latest_start
            )
        if self.events_start_before is not None:
            result.append(
                belief.event_start <= self.events_start_before
                if instantaneous
                else belief.event_start < self.events_start_before
            )
        # A belief is formed at the event's knowledge time - its horizon.
        if self.beliefs_after is not None:
            known = timing.knowledge_time(belief.event_start)
            result.append(belief.belief_horizon <= known - self.beliefs_after)
        if self.beliefs_before is not None:
            known = timing.knowledge_time(belief.event_start)
            result.append(belief.belief_horizon >= known - self.beliefs_before)
        if self.horizons_at_least is not None:
            result.append(belief.belief_horizon >= self.horizons_at_least)
        if self.horizons_at_most is not None:
            result.append(belief.belief_horizon <= self.horizons_at_most)
        if self.source_ids is not None:
            result.append(belief.source_id.in_(self.source_ids))
        return result


def select_rows(sensors: Iterable[Sensor], filters: Filters) -> Statement:
    """Selects the columns of the table (see `wire.COLUMNS`), in no particular order."""
    alike: defaultdict[Timing, list[int]] = defaultdict(list)
    for sensor in sensors:
        alike[Timing.of(sensor)].append(sensor.id)
    parts = [_select_rows(timing, ids, filters) for timing, ids in alike.items()]
    return parts[0] if len(parts) == 1 else union_all(*parts)


def _select_rows(timing: Timing, sensor_ids: list[int], filters: Filters) -> Select[Any]:
    """Sensor by sensor, so that each is one scan of the key, in its order."""
    belief = TimedBelief.__table__.c
    sensor = _unnested(sensor_ids)
    known = select(*(belief[name] for name in COLUMNS)).where(
        belief.sensor_id == sensor.c.id, *filters.conditions(belief, timing)
    )
    if filters.most_recent_events_only:
        other = TimedBelief.__table__.alias("other").c
        latest = (
            select(other.source_id, func.max(other.event_start))
            .where(other.sensor_id == sensor.c.id, *filters.conditions(other, timing))
            .group_by(other.source_id)
        )
        known = known.where(
            tuple_(belief.source_id, belief.event_start).in_(latest.correlate(sensor))
        )
    if filters.most_recent_beliefs_only:
        # Not DISTINCT ON: the values of a probabilistic belief share a horizon, and all are wanted.
        known = known.add_columns(
            func.rank()
            .over(
                partition_by=(belief.event_start, belief.source_id), order_by=belief.belief_horizon
            )
            .label("recency")
        )
    if filters.rows_at_most is not None:
        known = known.order_by(belief.event_start.desc()).limit(filters.rows_at_most)
    lateral = known.lateral("known")
    result = select(*(lateral.c[name] for name in COLUMNS)).select_from(sensor)
    result = result.join(lateral, true())
    if filters.most_recent_beliefs_only:
        result = result.where(lateral.c.recency == 1)
    return result


def select_time_range(sensor_ids: list[int]) -> Select[tuple[int, datetime, datetime]]:
    """Per sensor id, its first and its last event start."""
    belief = TimedBelief.__table__.c
    sensor = _unnested(sensor_ids)
    starts = select(belief.event_start).where(belief.sensor_id == sensor.c.id).limit(1)
    first = starts.order_by(belief.event_start).scalar_subquery().label("first")
    last = starts.order_by(belief.event_start.desc()).scalar_subquery().label("last")
    return select(sensor.c.id, first, last)


def _unnested(ids: list[int]) -> Any:
    return func.unnest(literal(ids, ARRAY(Integer))).table_valued("id").render_derived("sensor")


def select_known(rows: Rows) -> tuple[Select[Any], Parameters]:
    """What to compare these rows with: the previous belief of each, and all that share a key.

    rows : sorted by sensor, source, event and horizon
    Selects the columns of the table; possibly more than that, and the same row twice.
    """
    few = len(rows) <= LOOK_UPS
    return _select_known(few), _as_texts(_beliefs(rows) if few else _series(rows))


@cache
def _select_known(few: bool) -> Select[Any]:
    belief = TimedBelief.__table__.c
    new = _unnested_rows("new", _COLUMNS_OF_BELIEFS if few else _COLUMNS_OF_SERIES)
    known = select(*(belief[name] for name in COLUMNS)).where(
        belief.sensor_id == new.c.sensor_id,
        belief.source_id == new.c.source_id,
        belief.belief_horizon >= _interval(new.c.belief_horizon),
        or_(new.c.ex_ante == 1, belief.belief_horizon <= timedelta(0)),
    )
    start = _instant(new.c.event_start)
    if few:  # the values of the previous belief share its horizon
        known = known.where(belief.event_start == start)
        known = known.order_by(belief.belief_horizon).fetch(1, with_ties=True)
    else:
        known = known.where(belief.event_start.between(start, _instant(new.c.last_event_start)))
    lateral = known.lateral("known")
    return select(*(lateral.c[name] for name in COLUMNS)).select_from(new).join(lateral, true())


def lock_series(rows: Rows) -> tuple[Select[Any], Parameters]:
    """Lets no other transaction have the same lock, on any of these series, until this one ends.

    rows : sorted by sensor and source, so that transactions wait for each other in one order
    """
    return _lock_series(), _as_texts(_series(rows))


@cache
def _lock_series() -> Select[Any]:
    series = _unnested_rows("series", _COLUMNS_OF_SERIES)
    return select(func.pg_advisory_xact_lock(series.c.sensor_id, series.c.source_id))


def update_values(rows: Rows) -> tuple[Update, Parameters]:
    """Gives the stored rows with these keys these values."""
    return _update_values(), _as_texts({name: getattr(rows, name) for name in COLUMNS})


@cache
def _update_values() -> Update:
    belief = TimedBelief.__table__.c
    new = _unnested_rows("new", COLUMNS)
    return (
        update(TimedBelief)
        .values(event_value=new.c.event_value)
        .where(
            belief.sensor_id == new.c.sensor_id,
            belief.source_id == new.c.source_id,
            belief.event_start == _instant(new.c.event_start),
            belief.belief_horizon == _interval(new.c.belief_horizon),
            belief.cumulative_probability == new.c.cumulative_probability,
        )
    )


def _beliefs(rows: Rows) -> dict[str, NDArray[Any]]:
    """One entry per belief."""
    one = rows.take(changed(rows.sensor_id, rows.source_id, rows.event_start, rows.belief_horizon))
    return {
        "sensor_id": one.sensor_id,
        "source_id": one.source_id,
        "event_start": one.event_start,
        "belief_horizon": one.belief_horizon,
        "ex_ante": (one.belief_horizon > 0).astype(int),
    }


def _series(rows: Rows) -> dict[str, NDArray[Any]]:
    """One entry per sensor and source: first and last event, lowest horizon, any ex ante?"""
    starts = np.flatnonzero(changed(rows.sensor_id, rows.source_id))
    return {
        "sensor_id": rows.sensor_id[starts],
        "source_id": rows.source_id[starts],
        "event_start": np.minimum.reduceat(rows.event_start, starts),
        "last_event_start": np.maximum.reduceat(rows.event_start, starts),
        "belief_horizon": np.minimum.reduceat(rows.belief_horizon, starts),
        "ex_ante": (np.maximum.reduceat(rows.belief_horizon, starts) > 0).astype(int),
    }


def _unnested_rows(name: str, columns: Sequence[str]) -> Any:
    """Parameters as the columns of a table. Times and durations stay numbers of microseconds."""
    sql_columns: list[Column[Any]] = [Column(name, _type_of(name)) for name in columns]
    arrays = [
        cast(bindparam(f"{column}_values", type_=Text()), ARRAY(column_.type))
        for column, column_ in zip(columns, sql_columns, strict=True)
    ]
    return func.unnest(*arrays).table_valued(*sql_columns).render_derived(name)


def _type_of(column: str) -> Any:
    return _TYPES.get(column, BigInteger())


def _as_texts(columns: dict[str, NDArray[Any]]) -> Parameters:
    """Values of the parameters of `_unnested_rows`."""
    return {
        f"{column}_values": "{" + ",".join(map(repr, values.tolist())) + "}"
        for column, values in columns.items()
    }


_COLUMNS_OF_BELIEFS = ("sensor_id", "source_id", "event_start", "belief_horizon", "ex_ante")
_COLUMNS_OF_SERIES = (
    "sensor_id",
    "source_id",
    "event_start",
    "last_event_start",
    "belief_horizon",
    "ex_ante",
)
_TYPES = {
    "sensor_id": Integer(),
    "source_id": Integer(),
    "ex_ante": Integer(),
    "cumulative_probability": Double(),
    "event_value": Double(),
}


def _instant(count: Any) -> Any:
    """That many microseconds after the Unix epoch."""
    return literal_column("timestamptz 'epoch'", DateTime(timezone=True)) + _interval(count)


def _interval(count: Any) -> Any:
    """That many microseconds, exactly, and without days (whose length may vary)."""
    return type_coerce(count.op("*")(literal_column("interval '1 microsecond'")), Interval())
