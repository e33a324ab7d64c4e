"""The process scheduler: worked examples, what it needs, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from marshmallow import ValidationError

from flexmeasures.scheduling.base import Settings
from flexmeasures.scheduling.exceptions import UnknownMarketException
from flexmeasures.scheduling.process import ProcessScheduler
from flexmeasures.scheduling.registry import find_scheduler_class
from flexmeasures.scheduling.tests.worlds import HOUR, QUARTER, START, World, make_world

pytestmark = pytest.mark.usefixtures("session")

PRICES = [30, 10, 20, 15, 40, 5]
RESTRICTED = {"start": (START + 5 * HOUR).isoformat(), "duration": "PT1H"}
MODEL = {"power": 0.5, "duration": "PT2H", "time-restrictions": [RESTRICTED]}


def process(
    world: World,
    model: Any,
    context: dict[str, Any] | None = None,
    slots: int = 6,
    start: datetime = START,
) -> ProcessScheduler:
    scheduler = ProcessScheduler(
        world.battery,
        start,
        start + slots * world.battery.event_resolution,
        world.battery.event_resolution,
        flex_model=model,
        flex_context=context,
    )
    scheduler.settings = Settings()
    return scheduler


def context(world: World, prices: Sequence[float] = PRICES) -> dict[str, Any]:
    return {"consumption-price": {"sensor": world.prices(prices).id}}


@pytest.mark.parametrize(
    ("kind", "sense", "slots", "money"),
    [
        ("INFLEXIBLE", "MIN", [0, 1], 20),
        ("INFLEXIBLE", "MAX", [0, 1], 20),
        ("SHIFTABLE", "MIN", [1, 2], 15),
        ("SHIFTABLE", "MAX", [3, 4], 27.5),
        ("BREAKABLE", "MIN", [1, 3], 12.5),
        ("BREAKABLE", "MAX", [0, 4], 35),
    ],
)
def test_worked_examples(kind: str, sense: str, slots: list[int], money: float) -> None:
    world = make_world(asset_type="process")
    model = MODEL | {"process-type": kind, "optimization-sense": sense}
    scheduler = process(world, model, context(world))
    power = scheduler.compute()
    assert np.flatnonzero(power).tolist() == slots
    assert set(power[power != 0]) == {0.5}
    assert scheduler.report["cost"] == pytest.approx(money)
    assert scheduler.report["currency"] == "EUR"
    json.dumps(scheduler.report)


@pytest.mark.parametrize("asset_type", ["process", "load"])
def test_which_assets(asset_type: str) -> None:
    assert find_scheduler_class(make_world(asset_type=asset_type).battery) is ProcessScheduler


@pytest.mark.parametrize(("power", "stored"), [(15, -15), ("15kW", -15), ("0.015 MW", -15)])
def test_power_in_the_unit_of_the_sensor(power: Any, stored: float) -> None:
    world = make_world(unit="kW", asset_type="load")
    [output] = process(world, {"power": power, "duration": "PT1H"}, slots=2).compute_outputs()
    assert output.sensor is world.battery
    assert output.values.tolist() == pytest.approx([stored, 0])


def test_the_sign_that_the_sensor_stores() -> None:
    world = make_world(sensor_attributes={"consumption_is_positive": True}, asset_type="load")
    [output] = process(world, {"power": 1, "duration": "PT1H"}, slots=2).compute_outputs()
    assert output.values.tolist() == [1, 0]


def test_the_type_that_the_asset_remembers() -> None:
    world = make_world(asset_type="load", asset_attributes={"process-type": "SHIFTABLE"})
    power = process(world, {"power": 1, "duration": "PT1H"}, context(world)).compute()
    assert np.flatnonzero(power).tolist() == [5]


def test_parts_of_slots_are_rounded_up() -> None:
    world = make_world(QUARTER, asset_type="load")
    power = process(world, {"power": 1, "duration": "PT20M"}, slots=4).compute()
    assert power.tolist() == [1, 1, 0, 0]


def test_longer_than_the_schedule() -> None:
    world = make_world(asset_type="load")
    scheduler = process(world, {"power": 1, "duration": "P1D"})
    assert scheduler.compute().tolist() == [1] * 6
    note = "takes longer than the schedule: 1 day, 0:00:00 of which 6:00:00 are planned."
    assert [told.endswith(note) for told in scheduler.report["notes"]] == [True]


def test_restrictions_are_about_starts_of_slots() -> None:
    world = make_world(asset_type="load")
    half_past = {"start": (START - 0.5 * HOUR).isoformat(), "duration": "PT1H"}
    model = {"power": 1, "duration": "PT1H", "time-restrictions": [half_past]}
    assert np.flatnonzero(process(world, model).compute()).tolist() == [1]


def test_prices_are_needed_to_choose() -> None:
    world = make_world(asset_type="load")
    with pytest.raises(UnknownMarketException):
        process(world, MODEL | {"process-type": "BREAKABLE"}).compute()


def test_several_processes_of_a_site() -> None:
    world = make_world(asset_type="load")
    other = world.sensor("other", "kW", HOUR)
    scheduler = ProcessScheduler(
        asset=world.asset,
        start=START,
        end=START + 6 * HOUR,
        resolution=HOUR,
        flex_model=[
            {"sensor": world.battery.id, **MODEL},
            {"sensor": other.id, "power": 3, "duration": "PT1H", "process-type": "SHIFTABLE"},
        ],
        flex_context=context(world),
    )
    found = {output.sensor: output.values.tolist() for output in scheduler.compute_outputs()}
    assert found == {world.battery: [-0.5, -0.5, 0, 0, 0, 0], other: [0, 0, 0, 0, 0, -3]}


@pytest.mark.parametrize(("day", "hours"), [(29, 23), (25, 25)])
def test_days_on_which_the_clock_changes(day: int, hours: int) -> None:
    """The cheapest hour is the last one of the day, which has fewer or more of them."""
    amsterdam = ZoneInfo("Europe/Amsterdam")
    start = datetime(2026, 3 if day == 29 else 10, day, tzinfo=amsterdam).astimezone(timezone.utc)
    world = make_world(asset_type="load")
    price = world.prices([9] * (hours - 1) + [1], start=start)
    model = {"power": 1, "duration": "PT1H", "process-type": "SHIFTABLE"}
    scheduler = process(
        world,
        model,
        {"consumption-price": {"sensor": price.id}},
        hours,
        start.astimezone(amsterdam),
    )
    scheduler.end = start + timedelta(hours=hours)
    power = scheduler.compute()
    assert np.flatnonzero(power).tolist() == [hours - 1]
    assert power.index[-1].tz_convert("Europe/Amsterdam").hour == 23


@pytest.mark.parametrize(
    ("model", "field"),
    [
        ({}, "power"),
        ([], "_schema"),
        (None, "power"),
        (MODEL | {"duration": "PT6H"}, "time-restrictions"),
        (MODEL | {"duration": "P9999Y"}, "duration"),
        (MODEL | {"power": "5 kWh"}, "power"),
        (MODEL | {"soc-at-start": 1}, "soc-at-start"),
    ],
)
def test_bad_input(model: Any, field: str) -> None:
    world = make_world(asset_type="load")
    with pytest.raises(ValidationError) as error:
        process(world, model).deserialize_config()
    assert field in error.value.messages_dict
