from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexmeasures.data.beliefs.rows import microseconds
from flexmeasures.data.config import db as database
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.models.user import Account
from flexmeasures.forecasting import regressors
from flexmeasures.forecasting.base import Settings
from flexmeasures.forecasting.engine.series import Regressor
from flexmeasures.forecasting.inputs import load
from flexmeasures.forecasting.tests.worlds import DAY, HOUR, QUARTER, START, World, make_world

NewWorld = Callable[..., World]


def regressor(world: World, sensor: Sensor, days: int = 2) -> tuple[Regressor, list[str]]:
    """On the world's grid, whose step 0 starts at START."""
    world.measure([0], START)
    end = START + timedelta(days=days)
    inputs = load(world.sensor, START, end, Settings(public_holidays=False), [sensor])
    return inputs.series.regressors[f"{sensor.name} (sensor {sensor.id})"], inputs.notes


def as_known(found: Regressor, events: list[int], viewpoint: int) -> list[float]:
    return found.as_known(np.array(events), np.full(len(events), viewpoint)).tolist()


def test_a_forecast_is_known_since_it_was_made(new_world: NewWorld) -> None:
    world = new_world()
    weather = world.add("temperature", unit="°C")
    event = START + 10 * HOUR
    world.predict(weather, 1, event, START + 2 * HOUR)
    world.predict(weather, 2, event, START + 4 * HOUR + timedelta(minutes=1))
    world.measure([3], event, weather)
    found, _ = regressor(world, weather)
    values = [as_known(found, [10], viewpoint)[0] for viewpoint in (1, 2, 4, 5, 10, 11)]
    assert np.array_equal(values, [np.nan, 1, 1, 2, 2, 3], equal_nan=True)


def test_measurements_that_were_recorded_late_count_as_known_when_events_end(
    new_world: NewWorld,
) -> None:
    world = new_world()
    weather = world.add("temperature", unit="°C")
    world.measure([1, 2], START, weather, horizon=-100 * DAY)
    world.measure([5], START, weather, horizon=-200 * DAY)
    found, _ = regressor(world, weather)
    assert np.isnan(as_known(found, [0], 0)[0])
    assert as_known(found, [0, 1], 2) == [5, 2]


def test_of_simultaneous_beliefs_the_first_source_counts(new_world: NewWorld) -> None:
    world = new_world()
    weather = world.add("temperature", unit="°C")
    late = DataSource(name="another service", type="forecaster")
    database.session.add(late)
    database.session.flush()
    for source, value in ((late, 2), (world.forecaster, 1)):
        world.predict(weather, value, START + 5 * HOUR, START, source=source)
    found, _ = regressor(world, weather)
    assert as_known(found, [5], 3) == [1]


def test_coarse_beliefs_are_repeated(new_world: NewWorld) -> None:
    world = new_world(QUARTER)
    weather = world.add("temperature", unit="°C")
    world.predict(weather, 7, START + HOUR, START)
    world.measure([1, 2], START, weather)
    found, _ = regressor(world, weather)
    assert as_known(found, list(range(8)), 8) == [1, 1, 1, 1, 2, 2, 2, 2]
    values = as_known(found, list(range(9)), 4)
    assert np.array_equal(values, [1, 1, 1, 1, 7, 7, 7, 7, np.nan], equal_nan=True)


def test_fine_beliefs_are_averaged(new_world: NewWorld) -> None:
    world = new_world()
    weather = world.add("temperature", QUARTER, unit="°C")
    for quarter in range(4):
        event = START + 2 * HOUR + quarter * QUARTER
        world.predict(weather, quarter, event, START)
        world.predict(weather, 10 + quarter, event, START + HOUR)
    world.measure([21, 22, 23, 24], START + 2 * HOUR, weather)
    found, _ = regressor(world, weather)
    values = [as_known(found, [2], viewpoint)[0] for viewpoint in (0, 1, 2, 3)]
    assert values == [1.5, 11.5, 11.5, 22.5]


def test_readings_hold_until_the_next(new_world: NewWorld) -> None:
    world = new_world(QUARTER)
    weather = world.add("temperature", timedelta(0), unit="°C")
    world.measure([1, 2, 3], START, weather, step=HOUR)
    found, _ = regressor(world, weather)
    assert as_known(found, list(range(12)), 99) == [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]


def test_days_of_a_daily_sensor_are_local(new_world: NewWorld) -> None:
    world = new_world(DAY, "Europe/Amsterdam")
    weather = world.add("temperature", unit="°C")
    midnight = START - HOUR  # in Amsterdam, in winter
    world.measure(np.repeat([1, 2, 3], 24), midnight, weather)
    world.measure([0], midnight)
    inputs = load(world.sensor, midnight, midnight + 3 * DAY, Settings(), [weather])
    [found] = inputs.series.regressors.values()
    assert as_known(found, [0, 1, 2], 3) == [1, 2, 3]
    assert np.isnan(as_known(found, [1], 1)[0])


def test_what_is_no_number_is_left_out(new_world: NewWorld) -> None:
    world = new_world()
    weather = world.add("temperature", unit="°C")
    world.measure([1, np.inf], START, weather)
    found, notes = regressor(world, weather)
    assert found.value.tolist() == [1]
    assert any("1 beliefs about temperature" in note for note in notes)


def test_beliefs_that_repeat_the_one_before_take_no_room(new_world: NewWorld) -> None:
    world = new_world()
    weather = world.add("temperature", unit="°C")
    for hour, value in enumerate([1, 1, 2, 2, 1]):
        world.predict(weather, value, START + 9 * HOUR, START + hour * HOUR)
    found, _ = regressor(world, weather)
    assert found.known.tolist() == [0, 2, 4]
    assert found.value.tolist() == [1, 2, 1]


def test_no_more_beliefs_than_fit(new_world: NewWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regressors, "MOST_ROWS", 5)
    world = new_world()
    weather = world.add("temperature", unit="°C")
    world.measure(np.arange(9), START, weather)
    found, notes = regressor(world, weather)
    assert found.value.tolist() == [4, 5, 6, 7, 8]
    assert any("2026-01-05T04:00" in note and "too many" in note for note in notes)


@given(
    beliefs=st.lists(
        st.tuples(
            st.integers(0, 5),  # event
            st.integers(-3, 12),  # horizon, in half hours
            st.integers(0, 3),  # value
            st.booleans(),  # source
        ),
        unique_by=lambda belief: (belief[0], belief[1], belief[3]),
        min_size=1,
    )
)
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_nothing_is_seen_before_it_was_believed(
    new_world: NewWorld, beliefs: list[tuple[int, int, int, bool]]
) -> None:
    """Against the definition, belief by belief."""
    world = make_world()
    weather = world.add("temperature", unit="°C")
    sources = [world.meter, world.forecaster]
    half = timedelta(minutes=30)
    for event, horizon, value, second in beliefs:
        world.measure([value], START + event * HOUR, weather, None, sources[second], horizon * half)
    found, _ = regressor(world, weather)
    for event in range(6):
        for viewpoint in range(8):
            seen = []
            for about, horizon, value, second in beliefs:
                when = about + 1 - max(horizon, 0) / 2
                if about == event and when <= viewpoint:
                    seen.append((when, -horizon, not second, value))
            expected = max(seen)[-1] if seen else np.nan
            assert np.array_equal(as_known(found, [event], viewpoint), [expected], equal_nan=True)
    database.session.rollback()


def elsewhere(name: str, owner: Account | None, place: tuple[float, float]) -> Sensor:
    kind = GenericAssetType(name=f"{name} of {owner}")
    asset = GenericAsset(
        name=f"{name} of {owner}",
        generic_asset_type=kind,
        owner=owner,
        latitude=place[0],
        longitude=place[1],
    )
    sensor = Sensor(name, generic_asset=asset, unit="°C", event_resolution=HOUR)
    database.session.add(sensor)
    database.session.flush()
    return sensor


def test_sensors_that_attributes_name(new_world: NewWorld) -> None:
    world = new_world()
    mine, theirs = Account(name="mine"), Account(name="theirs")
    world.asset.owner = mine
    near = elsewhere("irradiance", None, (52.3, 4.8))
    elsewhere("irradiance", theirs, (52.4, 4.9))
    secret = elsewhere("occupancy", theirs, (52.4, 4.9))
    own = elsewhere("occupancy", mine, (0, 0))
    world.sensor.attributes |= {
        "regressors": [own.id, secret.id, 10**12, "7", True, own.id, world.sensor.id],
        "weather_correlations": ["irradiance", "wind speed", 5, "nul\0", "power"],
    }
    world.asset.attributes["weather_correlations"] = ["occupancy"]  # the sensor's own go first
    found, notes = regressors.find_regressors(world.sensor)
    assert found == [own, near]
    assert any(f"no sensor {secret.id} " in note for note in notes)
    assert any("'wind speed'" in note for note in notes)
    assert any("ids of sensors; 1000000000000 is none" in note for note in notes)
    assert any("names of sensors; 5 is none" in note for note in notes)


@pytest.mark.parametrize("value", [None, 5, "irradiance", {"a": 1}, [[1]], [{}]])
def test_attributes_of_any_kind(new_world: NewWorld, value: Any) -> None:
    world = new_world(attributes={"regressors": value, "weather_correlations": value})
    world.measure([1, 2])
    load(world.sensor, START, START + DAY, Settings())


def test_a_sensor_without_beliefs_is_noted(new_world: NewWorld) -> None:
    world = new_world()
    weather = world.add("temperature", unit="°C")
    world.measure([1, 2])
    inputs = load(world.sensor, START, START + DAY, Settings(), [weather, world.sensor])
    assert inputs.series.regressors == {}
    assert any("Nothing is believed about temperature" in note for note in inputs.notes)


def test_steps_outside_are_left_out(new_world: NewWorld) -> None:
    world = new_world()
    weather = world.add("temperature", unit="°C")
    world.predict(weather, 1, START + 30 * DAY, START)
    world.measure([1], START - 3 * HOUR, weather)
    world.measure([2], START, weather)
    found, _ = regressor(world, weather)
    assert found.event.tolist() == [0]
    assert microseconds(START) % 3_600_000_000 == 0
