"""What is known about a sensor, as arrays on the grid of its events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import func, select

from flexmeasures.data.beliefs import wire
from flexmeasures.data.beliefs.knowledge import Timing
from flexmeasures.data.beliefs.query import Filters, select_rows
from flexmeasures.data.beliefs.rows import EPOCH, Integers, Rows, changed, microseconds, order_by
from flexmeasures.data.beliefs.sources import load_sources
from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.forecasting.base import Settings
from flexmeasures.forecasting.engine.series import Floats, Series, Steps
from flexmeasures.forecasting.exceptions import NotEnoughDataException
from flexmeasures.forecasting.grid import (
    DAY,
    DayGrid,
    Grid,
    calendar_of,
    clock_of,
    first_step_from,
    grid_of,
    means,
    nearest_step,
    regular_step,
)
from flexmeasures.forecasting.holidays import holidays_of
from flexmeasures.forecasting.limits import limits_of
from flexmeasures.forecasting.regressors import (
    find_regressors,
    medians,
    name_of,
    read_regressors,
)

MOST_STEPS = 250_000
"""Of history, at most: more than two years of 5 minutes."""
LONGEST = timedelta(days=50 * 366)
"""To forecast at once, too."""
MARGIN = timedelta(days=8)
"""So much more than asked for is read before and after: fits stand up to a week before viewpoints,
and to some models it matters what day follows. None of it is known too early."""
MOST_EVENTS = 1_000_000
"""To forecast at once, at most."""

LEAST_READINGS = 20
"""From which the times of readings can be told."""

# Who believes without having measured.
_NO_METERS = ("forecaster", "forecasting script", "scheduler")


@dataclass(frozen=True, eq=False)
class Inputs:
    """A sensor's past, the calendar until the end of what is to be forecast, and regressors.

    grid : its step 0 is the first of the series
    series : without limits
    limits : what the sensor cannot leave (lowest, highest), in its unit; infinite if unknown
    history : the steps that models learn from, at most
    ids : of the sensors that regressors are about, by name
    """

    sensor: Sensor
    timing: Timing
    grid: Grid
    series: Series
    limits: tuple[float, float]
    history: int
    ids: dict[str, int]
    notes: list[str]

    def known_steps(self, steps: Steps) -> Steps:
        """The earliest viewpoint at which each of these steps is known."""
        return known_steps(self.timing, self.grid, steps)


def load(
    sensor: Sensor,
    viewpoint: datetime,
    end: datetime,
    settings: Settings,
    regressors: Sequence[Sensor] | None = None,
) -> Inputs:
    """Read what forecasts can make use of, in a handful of statements.

    viewpoint, end : the first from which something is to be forecast, and the end of that
    regressors : in place of those that attributes name

    The outcome is what was measured: beliefs formed when the event was known or later (horizon
    <= 0), of the last one recorded about each event, by whatever source that is no forecaster and
    no scheduler. Raises NotEnoughDataException if events are at irregular times.
    """
    if db.session.autoflush:
        db.session.flush()  # as before queries of the session itself
    timing = Timing.of(sensor)
    window = _window(sensor.event_resolution, viewpoint, end, settings)
    rows, notes = _read_measurements(sensor, *window)
    first, last = microseconds(window[0]), microseconds(window[1])
    step, as_read = sensor.event_resolution, True
    if not step:
        step, as_read = regular_step(_seen(rows, timing, viewpoint).event_start)
        notes.append(_about_instants(step, as_read))
        _check_length(viewpoint, end, step)
        first = max(first, microseconds(viewpoint - MARGIN) - MOST_STEPS * microseconds(step))
        rows = rows.take(rows.event_start >= first)
    if len(rows):
        first = max(first, int(rows.event_start[0]))
    seen = _seen(rows, timing, viewpoint)
    grid = grid_of(step, sensor.timezone, seen.event_start, first)
    [number] = first_step_from(grid, np.array([last])).tolist()
    number = max(number, 0)
    if as_read:
        _check_grid(sensor, seen, grid)
    values, off_grid = _on_grid(rows, grid, number, as_read)
    notes += off_grid
    steps = np.arange(number)
    starts = grid.starts(steps)
    known = known_steps(timing, grid, steps) if as_read else steps + 1
    by_default = bool((known == steps + 1).all())
    days = clock_of(np.array([first, last]), sensor.timezone) // DAY
    holidays, assumed = holidays_of(sensor, int(days[0]), int(days[1]), settings)
    if regressors is None:
        regressors, missed = find_regressors(sensor)
        notes += missed
    filters = Filters(_moment(first), window[1])
    others = [other for other in regressors if other != sensor]
    found, about_others = read_regressors(others, filters, grid, number)
    series = Series(
        values=values,
        steps_per_day=DAY / grid.step,
        calendar=calendar_of(starts, sensor.timezone, holidays),
        known=None if by_default else known,
        regressors=found,
    )
    notes += assumed + about_others
    history = min(max(microseconds(settings.history) // grid.step, 1), MOST_STEPS)
    ids = {name_of(other): other.id for other in others}
    return Inputs(sensor, timing, grid, series, limits_of(sensor), history, ids, notes)


def known_steps(timing: Timing, grid: Grid, steps: Steps) -> Steps:
    """The earliest viewpoint at which each of these steps is known; never falling."""
    starts = grid.starts(steps)
    known_at = timing.knowledge_times(starts)
    if isinstance(grid, DayGrid):
        # A day of 23 hours is known when it ends, not when 24 hours have passed.
        known = steps - (starts - known_at) // grid.step
    else:
        known = first_step_from(grid, known_at)
    return np.maximum.accumulate(known)


def _window(
    resolution: timedelta, viewpoint: datetime, end: datetime, settings: Settings
) -> tuple[datetime, datetime]:
    """The events to read: so that whatever is fitted up to a week earlier has its whole history."""
    history = settings.history
    _check_length(viewpoint, end, resolution or LONGEST)
    if resolution:
        history = min(history, MOST_STEPS * resolution)
    earliest = EPOCH + timedelta(days=1) - timedelta(days=70 * 365)
    start = viewpoint - min(history + MARGIN, viewpoint - earliest)
    return start, end + MARGIN


def _check_length(viewpoint: datetime, end: datetime, step: timedelta) -> None:
    if (end - viewpoint) // step > MOST_EVENTS or end - viewpoint > LONGEST:
        raise ValueError(f"From {viewpoint} to {end} is too long to be forecast at once.")


def _read_measurements(sensor: Sensor, start: datetime, end: datetime) -> tuple[Rows, list[str]]:
    """One row per event, in their order, all finite."""
    meters: Any = select(DataSource.id).where(func.coalesce(DataSource.type, "").not_in(_NO_METERS))
    filters = Filters(
        events_end_after=start,
        events_start_before=end,
        horizons_at_most=timedelta(0),
        source_ids=meters,
        rows_at_most=None if sensor.event_resolution else MOST_STEPS,
    )
    rows = wire.read(db.session.connection(), select_rows([sensor], filters))
    notes = []
    finite = np.isfinite(rows.event_value)
    if not finite.all():
        notes.append(f"{(~finite).sum()} measurements are no numbers, and left out.")
        rows = rows.take(finite)
    rows = medians(rows)
    order = order_by(rows.event_start, rows.belief_horizon, rows.source_id)
    rows = rows.take(order[changed(rows.event_start[order])])
    notes += _about_sources(rows)
    late = rows.belief_horizon < -microseconds(sensor.event_resolution or timedelta(minutes=15))
    if late.any():
        notes.append(
            "Measurements are taken to be known as soon as their events can be,"
            f" though {late.sum()} of {len(rows)} were recorded later."
        )
    return rows, notes


def _about_sources(rows: Rows) -> list[str]:
    ids, counts = np.unique(rows.source_id, return_counts=True)
    if len(ids) < 2:
        return []
    sources = load_sources(ids.tolist())
    shares = ", ".join(
        f"{sources[id_].description} (source {id_}: {count})"
        for id_, count in zip(ids.tolist(), counts.tolist(), strict=True)
    )
    return [f"Several sources measured; of each event, the last record counts: {shares}."]


def _about_instants(step: timedelta, as_read: bool) -> str:
    if as_read:
        return f"Readings are instantaneous; one is forecast every {step}."
    return f"Readings come at irregular times; they are taken as one (their mean) every {step}."


def _seen(rows: Rows, timing: Timing, viewpoint: datetime) -> Rows:
    """Those that tell at which times a sensor is read: all that are known by then.

    What comes later must not change how time is counted; but with too few, that cannot be told.
    """
    known = timing.knowledge_times(rows.event_start) <= microseconds(viewpoint)
    known[:LEAST_READINGS] = True
    return rows.take(known)


def _check_grid(sensor: Sensor, rows: Rows, grid: Grid) -> None:
    off = int((grid.starts(grid.step_of(rows.event_start)) != rows.event_start).sum())
    if 2 * off > len(rows):
        raise NotEnoughDataException(
            f"Events of {sensor.name} start at irregular times: {off} of {len(rows)} are not a"
            f" whole number of steps of {timedelta(microseconds=grid.step)} after the others."
        )


def _on_grid(rows: Rows, grid: Grid, number: int, as_read: bool) -> tuple[Floats, list[str]]:
    """Values by step, nan where nothing was measured."""
    if not as_read:
        steps = nearest_step(grid, rows.event_start)
        inside = (steps >= 0) & (steps < number)
        return means(steps[inside], rows.event_value[inside], number), []
    steps = grid.step_of(rows.event_start)
    fits = grid.starts(steps) == rows.event_start
    notes = []
    if not fits.all():
        off = int((~fits).sum())
        notes.append(f"{off} of {len(fits)} measurements start between steps, and are left out.")
    fits &= (steps >= 0) & (steps < number)
    values = np.full(number, np.nan)
    values[steps[fits]] = rows.event_value[fits]
    return values, notes


def _moment(time: int) -> datetime:
    return EPOCH + timedelta(microseconds=time)


def moments(times: Integers) -> list[datetime]:
    """In UTC."""
    return [_moment(time) for time in times.tolist()]
