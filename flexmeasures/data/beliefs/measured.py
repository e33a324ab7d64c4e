"""What was measured lately, of many sensors at once.

Measured is what was believed once the event could be known, by any source but forecasters and
schedulers. Of several beliefs about an event, the latest counts (of simultaneous ones, that of the
source with the lowest id; of a probabilistic one, the value nearest to the median).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, DateTime, Integer, column, func, literal, select, text, true

from flexmeasures.data.beliefs import wire
from flexmeasures.data.beliefs.accuracy import NOT_MEASURING
from flexmeasures.data.beliefs.rows import Rows, order_by
from flexmeasures.data.beliefs.sources import select_source_ids_of_types
from flexmeasures.data.config import db
from flexmeasures.data.models.time_series import TimedBelief

_belief = TimedBelief.__table__.c
_IS_MEASURED = (
    _belief.belief_horizon <= timedelta(0),
    _belief.event_value != literal(float("nan")),
)
# Written out, as versions of SQLAlchemy differ in how they say it.
_ONE_PER_EVENT = text("DISTINCT ON (timed_belief.event_start)")


def measured(since: Mapping[int, datetime], now: datetime) -> Rows:
    """One row per event that was measured, in the order of sensors and events.

    since : by sensor id, the first event start that is wanted
    One statement, a scan of the key for each sensor.
    """
    if not since:
        return Rows.none()
    sensor = func.unnest(
        literal([*since], ARRAY(Integer)),
        literal([*since.values()], ARRAY(DateTime(timezone=True))),
    )
    wanted: Any = sensor.table_valued(
        column("id", Integer), column("since", DateTime(timezone=True))
    ).render_derived("sensor")
    events = (
        select(*(_belief[name] for name in wire.COLUMNS))
        .where(
            _belief.sensor_id == wanted.c.id,
            _belief.event_start.between(wanted.c.since, now),
            *_measured_by(),
        )
        .prefix_with(_ONE_PER_EVENT)
        .order_by(
            _belief.event_start,
            _belief.belief_horizon,
            _belief.source_id,
            func.abs(_belief.cumulative_probability - 0.5),
        )
        .correlate(wanted)
        .lateral("events")
    )
    columns = [events.c[name] for name in wire.COLUMNS]
    statement = select(*columns).select_from(wanted.join(events, true()))
    rows = wire.read(db.session.connection(), statement)
    return rows.take(order_by(rows.sensor_id, rows.event_start))


def last_measured_events(
    sensor_ids: Collection[int], since: datetime, now: datetime
) -> dict[int, datetime]:
    """The start of the last event that was measured, by id of those sensors that have one.

    since : how far to look back. One statement, which reads each key backwards until it finds one.
    """
    if not sensor_ids:
        return {}
    sensor: Any = (
        func.unnest(literal([*sensor_ids], ARRAY(Integer)))
        .table_valued(column("id", Integer))
        .render_derived("sensor")
    )
    last = (
        select(_belief.event_start)
        .where(
            _belief.sensor_id == sensor.c.id,
            _belief.event_start.between(since, now),
            *_measured_by(),
        )
        .order_by(_belief.event_start.desc())
        .limit(1)
        .correlate(sensor)
        .lateral("last")
    )
    statement = select(sensor.c.id, last.c.event_start).select_from(sensor.join(last, true()))
    return {row.id: row.event_start for row in db.session.execute(statement)}


def _measured_by() -> list[Any]:
    others = select_source_ids_of_types(NOT_MEASURING)
    return [*_IS_MEASURED, _belief.source_id.not_in(others)]
