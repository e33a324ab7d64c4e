"""The steps of a sensor: which moment falls in which, and when each starts.

Steps of up to a day are of equal length. Steps of whole days follow the calendar of the sensor's
timezone, if its events do, so that each day has one, also those of 23 and of 25 hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import numpy as np
import pandas as pd

from flexmeasures.data.beliefs.rows import Integers, microseconds
from flexmeasures.forecasting.engine.series import Calendar, Floats, Steps

DAY = 86_400_000_000  # microseconds
MINUTE = 60_000_000
_MONDAY = 4  # 5 January 1970, in days since the epoch
# Instantaneous readings at irregular times are moved to steps of such a number of minutes.
_NICE = np.array([1, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440])
# Readings are regular if this share of them is.
_REGULAR = 0.9


class Grid(Protocol):
    """Times are in microseconds since the Unix epoch; step 0 is any."""

    @property
    def step(self) -> int:
        """The nominal length of a step, in microseconds."""
        ...

    def step_of(self, times: Integers) -> Steps:
        """The step that each moment falls in."""
        ...

    def starts(self, steps: Steps) -> Integers:
        """When these steps start."""
        ...


@dataclass(frozen=True)
class EvenGrid:
    """Steps of equal length."""

    origin: int
    step: int

    def step_of(self, times: Integers) -> Steps:
        return (times - self.origin) // self.step

    def starts(self, steps: Steps) -> Integers:
        return self.origin + steps * self.step


@dataclass(frozen=True)
class DayGrid:
    """Steps of whole days on the local calendar.

    origin : the day on which step 0 starts, counted from 1970-01-01
    clock : what the local clock shows at the start of steps, in microseconds since midnight
    """

    origin: int
    days: int
    clock: int
    timezone: str

    @property
    def step(self) -> int:
        return self.days * DAY

    def step_of(self, times: Integers) -> Steps:
        day = (clock_of(times, self.timezone) - self.clock) // DAY
        return (day - self.origin) // self.days

    def starts(self, steps: Steps) -> Integers:
        return instants((self.origin + steps * self.days) * DAY + self.clock, self.timezone)


def first_step_from(grid: Grid, times: Integers) -> Steps:
    """The first step that starts at or after each moment."""
    steps = grid.step_of(times)
    return steps + (grid.starts(steps) < times)


def clock_of(times: Integers, timezone: str) -> Integers:
    """What the local clock shows, in microseconds since 1970-01-01 00:00 on that clock."""
    return _index(times).tz_convert(timezone).tz_localize(None).as_unit("us").asi8


def instants(clock: Integers, timezone: str) -> Integers:
    """The moments at which the local clock shows this: the first of two, the next if none."""
    index = pd.DatetimeIndex(clock.view("M8[us]"))
    first = np.ones(len(index), bool)
    local = index.tz_localize(timezone, ambiguous=first, nonexistent="shift_forward")
    return local.tz_convert("UTC").as_unit("us").asi8


def _index(times: Integers) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(np.ascontiguousarray(times).view("M8[us]"), tz="UTC")


def calendar_of(starts: Integers, timezone: str, holidays: Integers) -> Calendar:
    """The local clock at these moments. Days are counted from 1970-01-01, holidays, too."""
    clock = clock_of(starts, timezone)
    day = clock // DAY
    dates = day.astype("M8[D]")
    return Calendar(
        day=day,
        minute=clock % DAY // MINUTE,
        weekday=(day - _MONDAY) % 7,
        yearday=(dates - dates.astype("M8[Y]").astype("M8[D]")).astype(np.int64),
        holiday=np.isin(day, holidays).astype(np.float64),
    )


def grid_of(resolution: timedelta, timezone: str, event_start: Integers, near: int) -> Grid:
    """The grid that most of these events are on; without any, that of midnights (and Mondays).

    event_start : ascending
    near : a moment; step 0 of the grid starts at it or within one step before
    """
    step = microseconds(resolution)
    phase = near % step
    share = 0.0
    if len(event_start):
        phase, share = _most_common(event_start % step)
    even = EvenGrid(near - (near - phase) % step, step)
    if step % DAY:
        return even
    days = step // DAY
    clock = clock_of(event_start, timezone)
    of_day, first_day = 0, _MONDAY if days % 7 == 0 else 0
    if len(clock):
        of_day, _ = _most_common(clock % DAY)
        first_day, _ = _most_common((clock - of_day) // DAY % days)
        fits = (clock - of_day - first_day * DAY) % step == 0
        if fits.mean() < share:
            return even
    [day] = (clock_of(np.array([near]), timezone) - of_day) // DAY
    return DayGrid(int(day - (day - first_day) % days), days, of_day, timezone)


def _most_common(numbers: Integers) -> tuple[int, float]:
    """The number that is there most often, and its share; of several, the lowest."""
    values, counts = np.unique(numbers, return_counts=True)
    return int(values[counts.argmax()]), float(counts.max() / len(numbers))


def regular_step(event_start: Integers) -> tuple[timedelta, bool]:
    """The step of an instantaneous sensor, and whether its readings are on a grid of such steps.

    Without two readings, this is a quarter of an hour. Steps of readings at irregular times are
    about as long as the time that usually passes from one to the next.
    """
    gaps = np.diff(event_start)
    gaps = gaps[gaps > 0]
    if not len(gaps):
        return timedelta(minutes=15), True
    step, _ = _most_common(gaps)
    _, share = _most_common(event_start % step)
    if share >= _REGULAR or (step % DAY == 0 and (gaps % step == 0).mean() >= _REGULAR):
        return timedelta(microseconds=step), True
    minutes = float(np.median(gaps)) / MINUTE
    nearest = int(np.abs(np.log(_NICE / minutes)).argmin())
    return timedelta(minutes=int(_NICE[nearest])), False


def nearest_step(grid: Grid, times: Integers) -> Steps:
    """The step whose start is nearest to each moment."""
    return grid.step_of(times + grid.step // 2)


def means(steps: Steps, values: Floats, number: int) -> Floats:
    """The mean of the values of each of `number` steps; nan where there is none."""
    counts = np.bincount(steps, minlength=number)
    sums = np.bincount(steps, values, minlength=number)
    return np.divide(sums, counts, out=np.full(number, np.nan), where=counts > 0)
