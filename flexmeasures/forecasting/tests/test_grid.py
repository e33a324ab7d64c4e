from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures.data.beliefs.rows import EPOCH, microseconds
from flexmeasures.forecasting.grid import (
    DAY,
    DayGrid,
    EvenGrid,
    calendar_of,
    first_step_from,
    grid_of,
    regular_step,
)

ZONES = ["Europe/Amsterdam", "Australia/Lord_Howe", "Asia/Kolkata", "America/Havana", "UTC"]
HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)

times = st.integers(
    microseconds(datetime(2023, 1, 1, tzinfo=timezone.utc)) // 60_000_000, 30_000_000
)


def at(*moments: datetime) -> np.ndarray:
    return np.array([microseconds(moment) for moment in moments])


def midnights(first: datetime, number: int, zone: str, every: int = 1) -> np.ndarray:
    days = (first + timedelta(days=every * day) for day in range(number))
    return at(*(day.replace(tzinfo=ZoneInfo(zone)) for day in days))


@given(
    zone=st.sampled_from(ZONES),
    minutes=st.sampled_from([5, 15, 60, 7 * 60, 24 * 60, 7 * 24 * 60]),
    near=times,
    moment=times,
)
def test_each_moment_is_in_its_step(zone: str, minutes: int, near: int, moment: int) -> None:
    near, moment = near * 60_000_000, moment * 60_000_000
    grid = grid_of(timedelta(minutes=minutes), zone, np.empty(0, np.int64), near)
    [step] = grid.step_of(np.array([moment])).tolist()
    start, end = grid.starts(np.array([step, step + 1])).tolist()
    assert start <= moment < end
    assert first_step_from(grid, np.array([start, start + 1])).tolist() == [step, step + 1]
    assert grid.step_of(np.array([near])).tolist() == [0]


@given(zone=st.sampled_from(ZONES), first=times)
def test_days_have_a_step_each(zone: str, first: int) -> None:
    grid = grid_of(timedelta(days=1), zone, np.empty(0, np.int64), first * 60_000_000)
    calendar = calendar_of(grid.starts(np.arange(400)), zone, np.empty(0, np.int64))
    assert np.diff(calendar.day).tolist() == 399 * [1]
    assert (calendar.minute <= 60).all()  # some clocks skip midnight


def test_days_of_23_and_25_hours() -> None:
    starts = midnights(datetime(2026, 3, 27), 250, "Europe/Amsterdam")
    lengths = np.diff(starts) // 3_600_000_000
    assert sorted(set(lengths.tolist())) == [23, 24, 25]
    grid = grid_of(timedelta(days=1), "Europe/Amsterdam", starts, int(starts[0]))
    assert grid.step_of(starts).tolist() == list(range(250))
    assert grid.starts(np.arange(250)).tolist() == starts.tolist()


@pytest.mark.parametrize("weekday", [0, 2, 6])
def test_weeks_begin_when_events_do(weekday: int) -> None:
    first = datetime(2026, 1, 5) + timedelta(days=weekday)
    starts = midnights(first, 60, "Europe/Amsterdam", every=7)
    grid = grid_of(timedelta(days=7), "Europe/Amsterdam", starts, int(starts[0]))
    assert grid.starts(np.arange(60)).tolist() == starts.tolist()


def test_gas_days_begin_at_six() -> None:
    starts = midnights(datetime(2026, 1, 5, 6), 200, "Europe/Amsterdam")
    grid = grid_of(timedelta(days=1), "Europe/Amsterdam", starts, int(starts[0]))
    assert isinstance(grid, DayGrid)
    assert grid.starts(np.arange(200)).tolist() == starts.tolist()


def test_days_in_utc_of_a_sensor_elsewhere() -> None:
    starts = midnights(datetime(2026, 1, 5), 200, "UTC")
    grid = grid_of(timedelta(days=1), "Europe/Amsterdam", starts, int(starts[0]))
    assert isinstance(grid, EvenGrid)
    assert grid.starts(np.arange(200)).tolist() == starts.tolist()


def test_events_that_are_off_the_full_hour() -> None:
    starts = at(datetime(2026, 1, 5, 0, 5, tzinfo=timezone.utc)) + np.arange(9) * 900_000_000
    grid = grid_of(QUARTER, "UTC", starts, int(starts[0]) + 1)
    assert grid.step_of(starts).tolist() == list(range(9))


def test_calendar() -> None:
    starts = at(datetime(2026, 3, 29, 0, tzinfo=timezone.utc)) + np.arange(24) * 3_600_000_000
    today = (datetime(2026, 3, 29, tzinfo=timezone.utc) - EPOCH).days
    calendar = calendar_of(starts, "Europe/Amsterdam", np.array([today]))
    assert calendar.minute[:3].tolist() == [60, 180, 240]  # there is no two o'clock
    assert calendar.weekday.tolist() == 22 * [6] + 2 * [0]
    assert calendar.yearday[0] == 31 + 28 + 28
    assert calendar.holiday.tolist() == 22 * [1] + 2 * [0]
    kolkata = calendar_of(starts, "Asia/Kolkata", np.array([]))
    assert kolkata.minute[0] == 5 * 60 + 30


def test_regular_readings() -> None:
    regular = np.arange(100) * 600_000_000
    assert regular_step(regular) == (timedelta(minutes=10), True)
    assert regular_step(np.delete(regular, [5, 6, 7, 50])) == (timedelta(minutes=10), True)
    assert regular_step(regular[:1]) == (QUARTER, True)
    assert regular_step(regular[:0]) == (QUARTER, True)
    daily = midnights(datetime(2026, 1, 5), 200, "Europe/Amsterdam")
    assert regular_step(daily) == (timedelta(days=1), True)


def test_irregular_readings() -> None:
    jitter = np.random.default_rng(0).integers(0, 200_000_000, 100)
    assert regular_step(np.arange(100) * 840_000_000 + jitter) == (QUARTER, False)
    rare = np.cumsum(np.random.default_rng(0).integers(1, 9 * DAY, 100))
    assert regular_step(rare) == (timedelta(days=1), False)
