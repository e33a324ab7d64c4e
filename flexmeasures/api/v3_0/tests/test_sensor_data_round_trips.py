"""What is posted is what is read, whatever the sensor, the unit and the time of year."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexmeasures.api.v3_0.tests.meter import Meter, make_meter
from flexmeasures.app import create
from flexmeasures.tests.permissions.world import World, build_world
from flexmeasures.utils.time_utils import localize, zone

ZONES = ["Europe/Amsterdam", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]
# Days on which a clock changes in one of these, leap days, and an ordinary one.
DAYS = [
    datetime(2026, 3, 29),
    datetime(2026, 10, 25),
    datetime(2026, 3, 8),
    datetime(2026, 11, 1),
    datetime(2026, 4, 5),
    datetime(2026, 10, 4),
    datetime(2024, 2, 29),
    datetime(2026, 6, 30),
]
UNITS = ["kW", "MW", "W", "-kW", "kWh", "MJ", "J/s"]
MINUTES = [1, 5, 7, 15, 30, 60, 120, 1440]


@pytest.fixture(scope="module")
def site(app: Flask) -> Flask:
    return create(env="testing")


@pytest.fixture(scope="module")
def world(db: SQLAlchemy) -> World:
    return build_world()


@dataclass
class Series:
    minutes: int
    timezone: str
    start: datetime
    values: list[float | None]
    unit: str

    @property
    def duration(self) -> timedelta:
        return len(self.values) * timedelta(minutes=self.minutes)


numbers = st.floats(-1e6, 1e6).map(lambda number: round(number, 6))


@st.composite
def series(draw: st.DrawFn) -> Series:
    """On the grid of the sensor's events, at an offset of the client's choice."""
    minutes = draw(st.sampled_from(MINUTES))
    timezone_ = draw(st.sampled_from(ZONES))
    day = localize(draw(st.sampled_from(DAYS)), timezone_)
    events_into_day = draw(st.integers(-1, 26 * 60 // minutes))
    start = day.astimezone(timezone.utc) + events_into_day * timedelta(minutes=minutes)
    if minutes > 30 or 60 % minutes:  # a clock that jumps, by half an hour somewhere, moves these
        start = day.astimezone(timezone.utc)
    offset = timezone(timedelta(minutes=draw(st.sampled_from([0, 60, -210, 330, 840]))))
    values = draw(st.lists(st.none() | numbers, min_size=1, max_size=60))
    return Series(
        minutes, timezone_, start.astimezone(offset), values, draw(st.sampled_from(UNITS))
    )


def meter_of(site: Flask, world: World, series: Series) -> Meter:
    return make_meter(site, world, series.minutes, timezone=series.timezone)


def numbers_of(values: list[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def close_to(values: list[float | None]) -> Any:
    return pytest.approx(numbers_of(values), rel=1e-12, abs=1e-12, nan_ok=True)


relaxed = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@given(series=series())
@relaxed
def test_round_trip(site: Flask, world: World, series: Series) -> None:
    meter = meter_of(site, world, series)
    message = {
        "start": series.start.isoformat(),
        "duration": f"PT{series.duration // timedelta(minutes=1)}M",
        "unit": series.unit,
    }
    answer = meter.post(series.values, **message)
    assert answer.status_code == 200, answer.get_json()
    read = meter.get(**message)
    assert read.status_code == 200, read.get_json()
    assert numbers_of(read.get_json()["values"]) == close_to(series.values)
    # The same once more is nothing new.
    again = meter.post(series.values, **message).get_json()
    assert again["status"] == "ALREADY_RECEIVED_AND_SUCCESSFULLY_PROCESSED"


@given(series=series(), repeats=st.sampled_from([1, 2, 3, 4]))
@relaxed
def test_coarser_data_are_repeated_and_averaged_back(
    site: Flask, world: World, series: Series, repeats: int
) -> None:
    if series.minutes > 60 or (24 * 60) % (series.minutes * repeats):
        repeats = 1
    meter = meter_of(site, world, series)
    step = f"PT{series.minutes * repeats}M"
    midnight = series.start.astimezone(zone(series.timezone)).replace(tzinfo=None)
    start = localize(midnight.replace(hour=0, minute=0), series.timezone)
    message = {
        "start": start.isoformat(),
        "duration": f"PT{series.minutes * repeats * len(series.values)}M",
        "unit": "MW",
    }
    assert meter.post(series.values, **message).status_code == 200
    fine, coarse = meter.values(**message), meter.values(**message, resolution=step)
    posted = [value for value in series.values for _ in range(repeats)]
    assert numbers_of(fine) == close_to(posted)
    if series.minutes * repeats <= 60:  # longer ones follow the clock
        assert numbers_of(coarse) == close_to(series.values)


@pytest.mark.parametrize("timezone_", ["Europe/Amsterdam", "America/St_Johns", "Asia/Kolkata"])
@pytest.mark.parametrize("resolution", ["PT5M", "PT15M", "PT1H", "PT6H", "P1D"])
def test_as_many_values_as_the_window_has_steps(
    site: Flask, world: World, timezone_: str, resolution: str
) -> None:
    """Also in leap years, on leap days, and on days on which the clock changes."""
    meter = make_meter(site, world, 15, timezone=timezone_)
    instants = make_meter(site, world, 0, timezone=timezone_)
    step = {"PT5M": 5, "PT15M": 15, "PT1H": 60, "PT6H": 360, "P1D": 1440}[resolution]
    for day in DAYS:
        start = localize(day, timezone_).isoformat()
        for days in (1, 2, 366):
            for one in (meter, instants):
                values = one.values(start=start, duration=f"P{days}D", resolution=resolution)
                assert len(values) * step == days * 24 * 60


@given(
    length=st.integers(0, 10**7),
    step=st.integers(1, 10**5),
    minutes=st.sampled_from([0, *MINUTES]),
    timezone_=st.sampled_from(ZONES),
)
@relaxed
def test_the_last_step_may_be_a_part(
    site: Flask, world: World, length: int, step: int, minutes: int, timezone_: str
) -> None:
    meter = make_meter(site, world, minutes, timezone=timezone_)
    answer = meter.get(duration=f"PT{length}S", resolution=f"PT{step}S")
    if -(-length // step) <= 1_000_000:
        assert len(answer.get_json()["values"]) == -(-length // step)
    else:
        assert answer.status_code == 422
