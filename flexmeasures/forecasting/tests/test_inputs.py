from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from flask_sqlalchemy import SQLAlchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from timely_beliefs.sensors.func_store.knowledge_horizons import x_days_ago_at_y_oclock

from flexmeasures.data.beliefs import wire
from flexmeasures.data.beliefs.rows import microseconds
from flexmeasures.data.config import db as database
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.forecasting.base import Settings
from flexmeasures.forecasting.exceptions import NotEnoughDataException
from flexmeasures.forecasting.inputs import Inputs, load
from flexmeasures.forecasting.tests.worlds import DAY, HOUR, QUARTER, START, World

NewWorld = Callable[..., World]


def loaded(world: World, days: float = 2, **kwargs: Any) -> Inputs:
    """As seen from START, until some days later."""
    return load(world.sensor, START, START + timedelta(days=days), Settings(), **kwargs)


def measured(inputs: Inputs) -> list[float]:
    """From the first to the last measurement."""
    values = inputs.series.values
    exists = np.flatnonzero(np.isfinite(values))
    return values[exists[0] : exists[-1] + 1].tolist() if len(exists) else []


def noted(inputs: Inputs, *words: str) -> bool:
    return any(all(word in note for word in words) for note in inputs.notes)


def test_the_last_record_of_each_event_counts_whoever_made_it(new_world: NewWorld) -> None:
    world = new_world()
    other = DataSource(name="other meter", type="user script")
    database.session.add(other)
    database.session.flush()
    world.measure([1, 2, 3, 4])
    world.measure([20, 30], START + HOUR, source=other, horizon=-HOUR)
    world.measure([300], START + 2 * HOUR, horizon=-2 * HOUR)
    inputs = loaded(world)
    assert measured(inputs) == [1, 20, 300, 4]
    assert noted(inputs, "other meter", "meter", ": 3)", ": 1)")
    assert noted(inputs, "1 of 4 were recorded later")


def test_forecasts_and_schedules_are_no_measurements(new_world: NewWorld) -> None:
    world = new_world()
    world.measure([1, 2])
    world.measure([9, 9, 9, 9], horizon=HOUR)  # expected, not measured
    for kind in ("forecaster", "forecasting script", "scheduler"):
        source = DataSource(name=kind, type=kind)
        database.session.add(source)
        database.session.flush()
        world.measure([9, 9, 9, 9], source=source, horizon=-HOUR)
    assert measured(loaded(world)) == [1, 2]


def test_what_is_no_number_is_left_out(new_world: NewWorld) -> None:
    world = new_world()
    world.measure([1, np.inf, 3, -np.inf, 5])
    inputs = loaded(world)
    assert np.array_equal(measured(inputs), [1, np.nan, 3, np.nan, 5], equal_nan=True)
    assert noted(inputs, "2 measurements", "no numbers")


def test_the_median_of_probabilistic_measurements(new_world: NewWorld) -> None:
    world = new_world()
    world.measure([1])
    from flexmeasures.data.models.time_series import TimedBelief

    for probability, value in ((0.2, 5), (0.5, 7), (0.9, 11)):
        belief = TimedBelief(
            world.sensor,
            world.meter,
            event_start=START + HOUR,
            belief_horizon=timedelta(0),
            event_value=value,
            cumulative_probability=probability,
        )
        database.session.add(belief)
    assert measured(loaded(world)) == [1, 7]


def test_no_more_history_than_settings_say(new_world: NewWorld) -> None:
    world = new_world()
    world.measure(np.arange(24 * 60), START - 60 * DAY)
    inputs = load(world.sensor, START, START + DAY, Settings(history=10 * DAY))
    assert inputs.history == 240
    # Fits may stand a week before the first viewpoint, and look at the calendar of what follows.
    assert len(inputs.series) == 24 * (10 + 8 + 1 + 8)
    assert measured(inputs)[0] == 24 * (60 - 18)


def test_no_measurements(new_world: NewWorld) -> None:
    assert measured(loaded(new_world())) == []


@pytest.mark.parametrize("zone", ["Europe/Amsterdam", "Australia/Lord_Howe", "Asia/Kolkata"])
@pytest.mark.parametrize("days", [1, 7])
def test_days_across_clock_changes(new_world: NewWorld, zone: str, days: int) -> None:
    world = new_world(timedelta(days=days), zone)
    first = datetime(2025, 1, 6, tzinfo=ZoneInfo(zone))
    starts = [first + timedelta(days=days * number) for number in range(50)]
    times = np.array([microseconds(start) for start in starts])
    world.believe(world.sensor, times, np.arange(50), np.zeros(50, np.int64))
    inputs = load(world.sensor, starts[-1], starts[-1] + timedelta(days=30), Settings())
    assert measured(inputs) == list(range(50))
    assert inputs.grid.starts(np.arange(50)).tolist() == times.tolist()
    # Each day is known by the next midnight.
    assert inputs.series.known is None
    assert inputs.series.steps_per_day == 1 / days
    assert (np.diff(inputs.series.calendar.day) == days).all()


@given(
    zone=st.sampled_from(["Europe/Amsterdam", "Australia/Lord_Howe", "Asia/Kolkata"]),
    day=st.integers(0, 364),
    minutes=st.sampled_from([15, 30, 60]),
    offset=st.sampled_from([0, 5]),
)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_each_value_is_at_its_time(
    new_world: NewWorld, zone: str, day: int, minutes: int, offset: int
) -> None:
    world = new_world(timedelta(minutes=minutes), zone)
    start = START + day * DAY + timedelta(minutes=offset)
    number = 3 * 24 * 60 // minutes
    world.measure(np.arange(number), start)
    end = start + 4 * DAY
    inputs = load(world.sensor, start + DAY, end, Settings())
    times = (inputs.grid.starts(np.arange(number)) - microseconds(start)) // (minutes * 60_000_000)
    assert times.tolist() == list(range(number))
    assert inputs.series.values[:number].tolist() == list(range(number))
    assert inputs.series.known is None
    local = (start + DAY).astimezone(ZoneInfo(zone))
    at = DAY // timedelta(minutes=minutes)
    calendar = inputs.series.calendar
    assert calendar.minute[at] == local.hour * 60 + local.minute
    assert calendar.weekday[at] == local.weekday()
    assert calendar.yearday[at] == local.timetuple().tm_yday - 1
    database.session.rollback()


def test_a_few_measurements_between_steps(new_world: NewWorld) -> None:
    world = new_world()
    world.measure([1, 2, 3, 4])
    world.measure([9], START + 20 * timedelta(minutes=1))
    inputs = loaded(world)
    assert measured(inputs) == [1, 2, 3, 4]
    assert noted(inputs, "1 of 5", "between steps")


def test_measurements_at_any_time_are_refused(new_world: NewWorld) -> None:
    world = new_world()
    times = microseconds(START) + np.cumsum(np.arange(1, 30)) * 61_000_000
    world.believe(world.sensor, times, np.ones(29), np.zeros(29, np.int64))
    with pytest.raises(NotEnoughDataException, match="irregular times"):
        loaded(world)


def test_instantaneous_readings(new_world: NewWorld) -> None:
    world = new_world(timedelta(0))
    world.measure([1, 2, np.nan, 4], step=timedelta(minutes=10))
    inputs = loaded(world)
    assert np.array_equal(measured(inputs), [1, 2, np.nan, 4], equal_nan=True)
    assert noted(inputs, "every 0:10:00")
    # Known at once.
    assert inputs.series.known is not None
    assert inputs.series.known[:4].tolist() == [0, 1, 2, 3]


def test_irregular_readings_are_averaged(new_world: NewWorld) -> None:
    world = new_world(timedelta(0))
    late = np.random.default_rng(1).integers(-200, 200, 96) * 1_000_000
    times = microseconds(START) + np.arange(96) * 900_000_000 + late
    world.believe(world.sensor, times, np.arange(96), np.zeros(96, np.int64))
    inputs = loaded(world)
    assert noted(inputs, "irregular times", "every 0:15:00")
    values = inputs.series.values
    assert (np.diff(values[np.isfinite(values)]) > 0).all()
    # A reading up to half a step later counts, so the value is known a step later only.
    assert inputs.series.known is None


def test_prices_are_known_the_day_before(new_world: NewWorld) -> None:
    rule = (x_days_ago_at_y_oclock, {"x": 1, "y": 12, "z": "Europe/Amsterdam"})
    world = new_world(unit="EUR/MWh", knowledge_horizon=rule)
    midnight = datetime(2026, 3, 27, tzinfo=ZoneInfo("Europe/Amsterdam"))
    world.measure(np.arange(100), midnight)
    inputs = load(world.sensor, midnight, midnight + 4 * DAY, Settings())
    known = inputs.series.known
    assert known is not None
    assert (np.diff(known) >= 0).all()
    day = np.arange(len(known)) >= np.array([0, 24, 48, 71])[:, None]  # one day has 23 hours
    noons = np.array([-12, 12, 36, 59])
    assert known[:95].tolist() == noons[day.sum(axis=0) - 1][:95].tolist()


@pytest.fixture
def statements(db: SQLAlchemy, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Those that were sent since the test emptied this list."""
    sent: list[str] = []
    read = wire.read

    def note(*args: Any) -> None:
        sent.append(args[2])

    def noting_read(*args: Any) -> Any:
        sent.append("COPY")
        return read(*args)

    monkeypatch.setattr(wire, "read", noting_read)
    event.listen(db.engine, "before_cursor_execute", note)
    yield sent
    event.remove(db.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("number", [1, 5])
def test_a_handful_of_statements(new_world: NewWorld, statements: list[str], number: int) -> None:
    world = new_world(QUARTER)
    others = [world.add(f"weather {i}", unit="°C") for i in range(2 * number)]
    names = [other.name for other in others[:number]]
    world.sensor.attributes["weather_correlations"] = names
    world.sensor.attributes["regressors"] = [other.id for other in others[number:]]
    world.measure([1, 2, 3])
    for other in others:
        world.measure([1, 2], sensor=other)
    database.session.flush()
    statements.clear()
    inputs = loaded(world)
    assert len(inputs.series.regressors) == 2 * number
    assert len(statements) == 5, statements


def test_a_year_of_quarters_is_read_at_once(new_world: NewWorld) -> None:
    world = new_world(QUARTER)
    world.measure(np.arange(96.0 * 365), START - 365 * DAY)
    loaded(world)
    begin = time.perf_counter()
    inputs = loaded(world)
    assert time.perf_counter() - begin < 1  # a tenth of that, on a machine with nothing else to do
    assert len(measured(inputs)) == 96 * 365
