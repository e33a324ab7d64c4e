"""One value per step of a window: how programs and charts want a time series.

The window is cut into steps from its start on. Up to an hour they are of equal length; steps that
are longer, and fit with days, follow the clock of the sensor's timezone. So a series of days has a
value for each day on the calendar, also if one of them has 23 or 25 hours, and there are always as
many values as the window is steps of the nominal length long.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from flexmeasures.data.beliefs import resample, wire
from flexmeasures.data.beliefs.foremost import foremost_per_event
from flexmeasures.data.beliefs.query import Filters, select_rows
from flexmeasures.data.beliefs.rows import Floats, Integers, Rows, microseconds
from flexmeasures.data.config import db
from flexmeasures.data.models.time_series import Sensor

_HOUR = 3_600_000_000


def number_of_steps(start: datetime, end: datetime, step: timedelta) -> int:
    """The last step may be cut off by the end of the window."""
    return -(-(end - start) // step)


def step_values(
    sensor: Sensor, start: datetime, end: datetime, step: timedelta, filters: Filters
) -> Floats:
    """What is believed about each step of the window [start, end).

    step : of another length than the sensor's events, a step holds the mean of those events in the
        window that overlap with it; of an instantaneous sensor, the reading at its start. Steps of
        another length are counted from midnight in the sensor's timezone: a window that starts
        off that grid, or off the events, has no values
    filters : what counts, besides the window; of what is left, the most recent belief of each
        source, of these the foremost (see `foremost_per_event`)

    Returns one float per step, in the sensor's unit; nan where nothing is believed. One statement
    reads the beliefs, and at most one more their sources, if there are several.
    """
    filters = replace(
        filters,
        events_end_after=start,
        events_start_before=end,
        most_recent_beliefs_only=True,
    )
    rows = wire.read(db.session.connection(), select_rows([sensor], filters))
    rows = foremost_per_event(rows)
    rows = rows.take(rows.event_start < microseconds(end))
    number = number_of_steps(start, end, step)
    if not sensor.event_resolution or sensor.event_resolution == step:
        return _at_starts(rows, microseconds(start), microseconds(step), number, sensor.timezone)
    first, last = microseconds(start), microseconds(end)
    edges = resample.local_edges(first, last, microseconds(step), sensor.timezone, start)
    values = np.full(number, np.nan)
    if edges[0] == first:
        found = resample.slot_values(
            rows.event_start, rows.event_value, sensor.event_resolution, edges
        )[:number]
        values[: len(found)] = found
    return values


def _at_starts(rows: Rows, first: int, step: int, number: int, timezone: str) -> Floats:
    """The values of events that start where steps do: by the time that passed, or by the clock."""
    position, rest = np.divmod(rows.event_start - first, step)
    if step > _HOUR and rest.any():
        by_clock = _clock(rows.event_start, timezone) - _clock(np.array([first]), timezone)
        position_by_clock, rest_by_clock = np.divmod(by_clock, step)
        position = np.where(rest, position_by_clock, position)
        rest = np.where(rest, rest_by_clock, rest)
    inside = (rest == 0) & (position >= 0) & (position < number)
    values = np.full(number, np.nan)
    values[position[inside]] = rows.event_value[inside]
    return values


def _clock(times: Integers, timezone: str) -> Integers:
    """What the local clock shows at these times, as if it were that of UTC."""
    local = pd.DatetimeIndex(times.view("M8[us]"), tz="UTC").tz_convert(timezone)
    return local.tz_localize(None).asi8
