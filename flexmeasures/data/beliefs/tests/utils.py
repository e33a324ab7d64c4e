"""Beliefs made by hand."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

import numpy as np

from flexmeasures.data.beliefs.rows import Rows, microseconds
from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.utils.timely import tb

START = datetime(2024, 1, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


class Belief(NamedTuple):
    """One value. Event number 0 is that of START; horizons in hours."""

    source: DataSource
    event: int
    horizon: float
    value: float
    probability: float = 0.5


def frame(sensor: Sensor, beliefs: Iterable[Belief]) -> tb.BeliefsDataFrame:
    """As whoever uses timely-beliefs would make it."""
    step = sensor.event_resolution or HOUR
    return tb.BeliefsDataFrame(
        [
            tb.TimedBelief(
                sensor,
                belief.source,
                event_value=belief.value,
                event_start=START + belief.event * step,
                belief_horizon=belief.horizon * HOUR,
                cumulative_probability=belief.probability,
            )
            for belief in beliefs
        ],
        sensor=sensor,
    )


def stored(sensor: Sensor) -> set[tuple[int, int, float, float, float]]:
    """What the table holds: source id, event number, horizon in hours, value, probability."""
    step = sensor.event_resolution or HOUR
    rows = db.session.query(TimedBelief).filter_by(sensor_id=sensor.id).populate_existing()
    return {
        (
            row.source_id,
            (row.event_start - START) // step,
            row.belief_horizon / HOUR,
            row.event_value,
            row.cumulative_probability,
        )
        for row in rows
    }


def as_stored(beliefs: Iterable[Belief]) -> set[tuple[int, int, float, float, float]]:
    return {(b.source.id, b.event, b.horizon, b.value, b.probability) for b in beliefs}


def measurements(
    sensor: Sensor, source: DataSource, number: int, add: float = 0, horizon: float = 0
) -> Rows:
    """Of consecutive events, by default just when they end."""
    return Rows(
        np.full(number, sensor.id),
        microseconds(START) + np.arange(number) * microseconds(sensor.event_resolution),
        np.full(number, source.id),
        np.full(number, microseconds(horizon * HOUR)),
        np.full(number, 0.5),
        np.sin(np.arange(number)) + add,
    )
