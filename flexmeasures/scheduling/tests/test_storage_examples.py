"""Worked examples: beliefs in the database, through the storage scheduler, with both solvers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from flexmeasures.scheduling.tests.worlds import HOUR, QUARTER, START, World, make_world

ONE_WAY = {"is_consumer": True, "is_producer": False}


@dataclass
class Example:
    """Prices and results per slot; power in MW (consumption positive), levels in MWh."""

    name: str
    prices: Sequence[float]
    power: Sequence[float]
    levels: Sequence[float]
    flex_model: dict[str, Any]
    capacity: float = 1
    resolution: timedelta = HOUR
    production_prices: Sequence[float] | None = None
    sensor_attributes: dict[str, Any] = field(default_factory=dict)
    asset_attributes: dict[str, Any] = field(default_factory=dict)
    inflexible: Sequence[float] | None = None
    price_resolution: timedelta | None = None
    cost: float | None = None

    def world(self) -> World:
        capacity = (
            {} if "capacity_in_mw" in self.asset_attributes else {"capacity_in_mw": self.capacity}
        )
        return make_world(
            self.resolution,
            sensor_attributes=capacity | self.sensor_attributes,
            asset_attributes=self.asset_attributes,
        )

    def flex_context(self, world: World) -> dict[str, Any]:
        resolution = self.price_resolution or self.resolution
        context: dict[str, Any] = {
            "consumption-price-sensor": world.prices(self.prices, resolution=resolution).id
        }
        if self.production_prices is not None:
            context["production-price-sensor"] = world.prices(
                self.production_prices, resolution=resolution, name="feed-in price"
            ).id
        if self.inflexible is not None:
            solar = world.sensor("solar", "MW", resolution)
            world.believe(solar, self.inflexible)
            context["inflexible-device-sensors"] = [solar.id]
        return context


def model(**fields: Any) -> dict[str, Any]:
    """A flex-model in MWh, empty at the start, lossless, unless said otherwise."""
    given = {key.replace("_", "-"): value for key, value in fields.items()}
    return {"soc-unit": "MWh", "soc-at-start": 0, "soc-min": 0, "soc-max": 1} | given


def target(value: float, after: timedelta) -> list[dict[str, Any]]:
    return [{"value": value, "datetime": (START + after).isoformat()}]


def hours(by_hour: dict[int, Sequence[float]]) -> list[float]:
    """Power of the quarters of twelve hours from 7 o'clock; 0 in hours that are not mentioned."""
    return [quarter for hour in range(7, 19) for quarter in by_hour.get(hour, [0, 0, 0, 0])]


def hourly_levels(first: float, by_hour: dict[int, float]) -> list[float]:
    """Levels at the end of each hour from 7 to 18; those of hours not mentioned do not change."""
    levels = []
    for hour in range(7, 19):
        first = by_hour.get(hour, first)
        levels.append(first)
    return levels


TUTORIAL = {
    "prices": [9, 9.5, 9, 8.5, 10, 8, 5, 4, 4, 5.5, 8, 12],
    "resolution": QUARTER,
    "price_resolution": HOUR,
    "asset_attributes": {"capacity_in_mw": 0.5},
    "flex_model": model(soc_at_start=0.225, soc_min=0.05, soc_max=0.45, roundtrip_efficiency="90%"),
}

EXAMPLES = [
    Example("A", [10, 20], [1, -1], [1, 0], model()),
    Example("B1", [10, 20], [1, -0.81], [0.9, 0], model(roundtrip_efficiency="81%")),
    Example("B2", [10, 12], [0, 0], [0, 0], model(roundtrip_efficiency="81%")),
    Example(
        "C",
        [100] * 4,
        [1, 1, 0, 0],
        [0.25, 0.5, 0.5, 0.5],
        model(soc_max=0.5, soc_targets=target(0.5, HOUR)),
        resolution=QUARTER,
        sensor_attributes=ONE_WAY,
    ),
    Example(
        "D",
        [20, 10, 30],
        [-0.5, 0.2, -0.5],
        [0.5, 0.7, 0.2],
        model(soc_at_start=1, soc_min=0.2),
        capacity=0.5,
    ),
    Example(
        "E",
        [30, 30],
        [1, -1],
        [1, 0],
        model(),
        production_prices=[10, 10],
        inflexible=[1, -1],  # stored production positive
        cost=0,
    ),
    Example(
        "F",
        [10, 20],
        [0.6, -0.6],
        [0.6, 0],
        model(soc_max=5),
        sensor_attributes={"capacity_in_mw": 2},
        asset_attributes={"capacity_in_mw": 1},
        inflexible=[-0.4, -0.4],
    ),
    Example(
        "G",
        [10, 30, 20, 5],
        [1, -1, 1, -1],
        [2, 1, 2, 1],
        model(soc_at_start=1, soc_max=2, soc_targets=target(2, 3 * HOUR)),
    ),
    Example(
        "H",
        [50, 20, 30, 10],
        [0, 2, 2, 0],
        [1, 3, 5, 5],
        model(soc_at_start=1, soc_max=5, soc_targets=target(5, 3 * HOUR)),
        capacity=2,
        sensor_attributes=ONE_WAY,
    ),
    # Without exclusive directions, the full battery would burn energy, and be paid for 0.19 MW.
    Example("I", [-10], [0], [1], model(soc_at_start=1, roundtrip_efficiency="81%")),
    Example("J", [10, 20, np.nan, np.nan], [1, 0, 0, -1], [1, 1, 1, 0], model()),
    Example(
        "K",
        [30, 10, 50, 20, 30, 10, 50, 20],
        [2] * 8,
        [10.5, 11, 11.5, 12, 12.5, 13, 13.5, 14],
        model(soc_at_start=10, soc_max=15, soc_targets=target(15, 2 * HOUR)),
        capacity=2,
        resolution=QUARTER,
        sensor_attributes=ONE_WAY,
    ),
    Example(
        name="L",
        power=hours(
            {
                8: [0, 0, -0.164078, -0.5],
                10: [0.5, 0.5, 0.5, 0.186548],
                11: [-0.017893, -0.5, -0.5, -0.5],
                14: [0.5, 0.5, 0.5, 0.186548],
                18: [-0.017893, -0.5, -0.5, -0.5],
            }
        ),
        levels=hourly_levels(0.225, {8: 0.05, 10: 0.45, 11: 0.05, 14: 0.45, 18: 0.05}),
        cost=-4.655136,
        **TUTORIAL,  # type: ignore[arg-type]
    ),
    Example(
        name="M",
        power=hours(
            {
                8: [0, 0, -0.304078, -0.36],
                10: [0.5, 0.5, 0.288889, 0],
                11: [-0.29, -0.29, -0.29, -0.29],
                14: [0.5, 0.5, 0.5, 0.186548],
                18: [-0.197893, -0.44, -0.44, -0.44],
            }
        ),
        levels=hourly_levels(0.225, {8: 0.05, 10: 0.355687, 11: 0.05, 14: 0.45, 18: 0.05}),
        inflexible=[0.1, 0.14, 0.17, 0.19, 0.21, 0.22, 0.21, 0.19, 0.17, 0.14, 0.1, 0.06],
        **TUTORIAL,  # type: ignore[arg-type]
    ),
]


def levels_of(power: np.ndarray, example: Example) -> np.ndarray:
    """MWh at the end of each slot, by the definition of efficiency."""
    efficiency = example.flex_model.get("roundtrip-efficiency", "100%")
    one_way = (float(efficiency.rstrip("%")) / 100) ** 0.5
    gained = np.where(power > 0, power * one_way, power / one_way)
    return example.flex_model["soc-at-start"] + np.cumsum(gained) * (example.resolution / HOUR)


@pytest.mark.parametrize("solver", ["cbc", "highs"])
@pytest.mark.parametrize("example", EXAMPLES, ids=[example.name for example in EXAMPLES])
def test_worked_example(example: Example, solver: str, session: None) -> None:
    world = example.world()
    duration = len(example.power) * example.resolution
    scheduler = world.scheduler(duration, example.flex_model, example.flex_context(world), solver)
    power = scheduler.compute()
    assert power.to_numpy() == pytest.approx(np.array(example.power), abs=1e-6)
    assert power.index[0] == START
    assert power.index.freq == example.resolution
    levels = levels_of(power.to_numpy(), example)
    per_level = len(levels) // len(example.levels)
    assert levels[per_level - 1 :: per_level] == pytest.approx(example.levels, abs=2e-6)
    if example.cost is not None:
        assert scheduler.report["cost"] == pytest.approx(example.cost, abs=1e-6)
    assert scheduler.report["status"] == "optimal"
    assert scheduler.report["solver"] == solver


@pytest.mark.parametrize("solver", ["cbc", "highs"])
def test_without_preference_only_the_end_is_sure(solver: str, session: None) -> None:
    """Example C': any two slots' worth will do."""
    world = make_world(QUARTER, sensor_attributes={"capacity_in_mw": 1, **ONE_WAY})
    flex_model = model(soc_max=0.5, soc_targets=target(0.5, HOUR), prefer_charging_sooner=False)
    context = {"consumption-price-sensor": world.prices([100] * 4, resolution=QUARTER).id}
    scheduler = world.scheduler(HOUR, flex_model, context, solver)
    power = scheduler.compute()
    assert power.sum() == pytest.approx(2, abs=1e-6)
    assert power.between(0, 1).all()
    assert scheduler.report["cost"] == pytest.approx(50, abs=1e-6)
    assert scheduler.report["cost-with-slope"] == scheduler.report["cost"]


def test_kilowatt_hours(session: None) -> None:
    """Example N."""
    world = make_world(sensor_attributes={"capacity_in_mw": 1})
    scheduler = world.scheduler(
        2 * HOUR,
        {
            "soc-unit": "kWh",
            "soc-at-start": 12.1,
            "soc-min": 10,
            "soc-max": 25,
            "soc-targets": target(25, HOUR),
        },
        {},
    )
    scheduler.deserialize_config()
    found = scheduler.flex_model
    assert [found[key] for key in ("soc_at_start", "soc_min", "soc_max")] == pytest.approx(
        [0.0121, 0.010, 0.025]
    )
    assert found["soc_targets"][0]["value"] == pytest.approx(0.025)


@pytest.mark.parametrize("solver", ["cbc", "highs"])
def test_targets_extend_the_schedule(solver: str, session: None) -> None:
    """Example O: 47 hours in place of 24."""
    world = make_world(QUARTER, sensor_attributes={"capacity_in_mw": 2})
    start = datetime.fromisoformat("2015-01-01T00:00+01:00")
    price = world.prices([30, 10] * 24, start=start)
    scheduler = world.scheduler(
        timedelta(hours=24),
        model(soc_max=5, soc_targets=[{"value": 5, "datetime": "2015-01-02T23:00:00+01:00"}]),
        {"consumption-price-sensor": price.id},
        solver,
        start=start,
    )
    power = scheduler.compute()
    assert len(power) == 188
    assert power.sum() / 4 == pytest.approx(5, abs=1e-5)
