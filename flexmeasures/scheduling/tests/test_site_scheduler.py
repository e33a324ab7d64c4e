"""Worked examples of the newer fields: beliefs in the database, through the scheduler."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from flexmeasures.data.models.time_series import Sensor
from flexmeasures.scheduling.base import Settings
from flexmeasures.scheduling.storage import StorageScheduler
from flexmeasures.scheduling.tests.worlds import HOUR, QUARTER, START, World, make_world

pytestmark = pytest.mark.usefixtures("session")

SOLVERS = pytest.mark.parametrize("solver", ["cbc", "highs"])


def at(tick: int, step: timedelta = HOUR) -> str:
    return (START + tick * step).isoformat()


def one_device(
    world: World,
    slots: int,
    model: dict[str, Any],
    context: dict[str, Any],
    solver: str = "highs",
) -> StorageScheduler:
    return world.scheduler(slots * world.battery.event_resolution, model, context, solver)


def several(
    world: World,
    slots: int,
    models: list[dict[str, Any]],
    context: dict[str, Any],
    solver: str = "highs",
    resolution: timedelta = HOUR,
    **arguments: Any,
) -> StorageScheduler:
    scheduler = StorageScheduler(
        asset=world.asset,
        start=START,
        end=START + slots * resolution,
        resolution=resolution,
        flex_model=models,
        flex_context=context,
        **arguments,
    )
    scheduler.settings = Settings(solver=solver)
    return scheduler


def stored(scheduler: StorageScheduler) -> dict[Sensor, list[float]]:
    outputs = scheduler.compute_outputs()
    json.dumps(scheduler.report)  # for whoever asks about the job
    return {output.sensor: output.values.tolist() for output in outputs}


def prices(world: World, values: Sequence[float], resolution: timedelta = HOUR) -> dict[str, Any]:
    return {"consumption-price": {"sensor": world.prices(values, resolution=resolution).id}}


@SOLVERS
def test_standing_loss(solver: str) -> None:
    """Example 1."""
    world = make_world()
    model = {
        "soc-at-start": "2 MWh",
        "storage-efficiency": "90 %",
        "consumption-capacity": "1 MW",
        "soc-minima": [{"datetime": at(3), "value": "2 MWh"}],
    }
    scheduler = one_device(world, 3, model, prices(world, [30, 50, 40]), solver)
    assert scheduler.compute().tolist() == pytest.approx([0.705005, 0, 0], abs=1e-6)
    assert scheduler.report["cost"] == pytest.approx(21.150148, abs=1e-4)
    assert scheduler.report["unresolved"] == []
    [resolved] = scheduler.report["resolved"]
    assert resolved["sensor"] == world.battery.id
    assert [margin["datetime"] for margin in resolved["soc-minima"]] == [
        "2026-03-02T09:00:00+00:00"
    ]


@SOLVERS
def test_heat_pump(solver: str) -> None:
    """Example 2: efficiency from a sensor, use of heat, and a state of charge that is stored."""
    world = make_world()
    performance = world.sensor("performance", "%", HOUR)
    world.believe(performance, [300, 250, 350, 300])
    buffer = world.sensor("buffer", "kWh", timedelta(0))
    model = {
        "soc-at-start": "3 MWh",
        "soc-min": "1000 kWh",
        "soc-max": "8 MWh",
        "charging-efficiency": {"sensor": performance.id},
        "soc-usage": ["2 MW"],
        "storage-efficiency": 0.99,
        "consumption-capacity": "1 MW",
        "production-capacity": "0 kW",
        "state-of-charge": {"sensor": buffer.id},
    }
    scheduler = one_device(world, 4, model, prices(world, [40, 20, 60, 50]), solver)
    found = stored(scheduler)
    assert found[world.battery] == pytest.approx([-1, -1, 0, -0.209464], abs=1e-5)
    levels = [3000, 3964.992, 4422.838, 2388.626, 1000]
    assert found[buffer] == pytest.approx(levels, abs=0.01)
    assert scheduler.report["cost"] == pytest.approx(70.473180, abs=1e-4)


@SOLVERS
def test_electric_vehicle(solver: str) -> None:
    """Example 3: a window of minima, and a moment."""
    world = make_world()
    model = {
        "soc-at-start": 500,
        "soc-max": 4000,
        "soc-unit": "kWh",
        "charging-efficiency": "90%",
        "consumption-capacity": "1000 kW",
        "production-capacity": "0 kW",
        "soc-minima": [
            {"start": at(3), "duration": "PT1H", "value": 2500},
            {"datetime": at(6), "value": 4000},
        ],
    }
    scheduler = one_device(world, 6, model, prices(world, [30, 25, 28, 60, 10, 20]), solver)
    expected = [0.222222, 1, 1, 0, 1, 0.666667]
    assert scheduler.compute().tolist() == pytest.approx(expected, abs=1e-5)
    assert scheduler.report["cost"] == pytest.approx(83, abs=1e-3)


@SOLVERS
def test_solar_panels(solver: str) -> None:
    """Example 4: curtailed for prices and for the site; sums are stored by direction."""
    world = make_world(unit="kW", asset_type="solar")
    forecast, load = world.sensor("forecast", "kW", HOUR), world.sensor("load", "kW", HOUR)
    world.believe(forecast, [200, 2000, 3000, 1000])
    world.believe(load, [500] * 4)
    selling = world.prices([20, -10, 20, 5], name="feed-in")
    consumed = world.sensor("consumed", "kW", HOUR)
    produced = world.sensor("produced", "kW", HOUR)
    context = {
        "consumption-price": "0.05 EUR/kWh",
        "production-price": {"sensor": selling.id},
        "site-production-capacity": "(1 + 0.5) MW",
        "inflexible-consumption": [{"sensor": load.id}],
        "aggregate-consumption": {"sensor": consumed.id},
        "aggregate-production": {"sensor": produced.id},
    }
    model = {"consumption-capacity": "0 kW", "production-capacity": {"sensor": forecast.id}}
    scheduler = one_device(world, 4, model, context, solver)
    found = stored(scheduler)
    assert found[world.battery] == pytest.approx([200, 500, 2000, 1000], abs=1e-2)
    assert found[consumed] == pytest.approx([300, 0, 0, 0], abs=1e-2)
    assert found[produced] == pytest.approx([0, 0, 1500, 500], abs=1e-2)
    assert scheduler.report["cost"] == pytest.approx(-17.5, abs=1e-3)
    scheduler.persist_flex_model()
    assert consumed.attributes["consumption_is_positive"] is True
    assert produced.attributes["consumption_is_positive"] is False


class TestTwoDevices:
    """Example 8: a battery and a vehicle behind one connection."""

    BATTERY = {
        "power-capacity": "1 MW",
        "charging-efficiency": "95%",
        "discharging-efficiency": "95%",
        "storage-efficiency": "99%",
        "soc-at-start": "0 MWh",
        "soc-max": "1.5 MWh",
    }
    VEHICLE = {
        "consumption-capacity": "1 MW",
        "soc-at-start": "0 MWh",
        "soc-max": "2.5 MWh",
        "soc-minima": [{"datetime": at(3), "value": "2 MWh"}],
    }

    def plan(
        self, solver: str, *, vehicle_first: bool = False, sequential: bool = False
    ) -> tuple[list[float], list[float], StorageScheduler]:
        """Power of the battery and of the vehicle, consumption positive."""
        world = make_world()
        car = world.sensor("car", "MW", HOUR, consumption_is_positive=True)
        load = world.sensor("load", "MW", HOUR, consumption_is_positive=True)
        world.believe(load, [0.2] * 4)
        context = {
            "consumption-price-sensor": world.prices([20, 60, 30, 70]).id,
            "production-price-sensor": world.prices([18, 55, 25, 65], name="feed-in").id,
            "inflexible-device-sensors": [load.id],
            "site-power-capacity": "1200 kVA",
        }
        models = [{"sensor": world.battery.id, **self.BATTERY}, {"sensor": car.id, **self.VEHICLE}]
        if vehicle_first:
            models.reverse()
        scheduler = several(world, 4, models, context, solver, sequential=sequential)
        found = stored(scheduler)
        return [-value for value in found[world.battery]], found[car], scheduler

    @SOLVERS
    def test_at_once(self, solver: str) -> None:
        battery, vehicle, scheduler = self.plan(solver)
        assert battery == pytest.approx([0, 0, 0.223845, -0.2], abs=1e-4)
        assert vehicle == pytest.approx([1, 0.223845, 0.776155, 0], abs=1e-4)
        assert scheduler.report["cost"] == pytest.approx(85.430706, abs=0.01)
        assert scheduler.report["unresolved"] == []

    @SOLVERS
    def test_the_vehicle_first(self, solver: str) -> None:
        battery, vehicle, scheduler = self.plan(solver, vehicle_first=True, sequential=True)
        assert battery == pytest.approx([0, 0.226106, 0, -0.2], abs=1e-4)
        assert vehicle == pytest.approx([1, 0, 1, 0], abs=1e-4)
        assert scheduler.report["cost"] == pytest.approx(85.566370, abs=0.01)
        assert scheduler.report["unresolved"] == []

    @SOLVERS
    def test_the_battery_first(self, solver: str) -> None:
        battery, vehicle, scheduler = self.plan(solver, sequential=True)
        assert battery == pytest.approx([1, -0.784787, 1, -1], abs=1e-4)
        assert vehicle == pytest.approx([0, 1, 0, 0], abs=1e-4)
        assert scheduler.report["cost"] == pytest.approx(32.912773, abs=0.01)
        [unresolved] = scheduler.report["unresolved"]
        [miss] = unresolved["soc-minima"]
        assert miss["datetime"] == "2026-03-02T09:00:00+00:00"
        assert float(miss["violation"].removesuffix(" kWh")) == pytest.approx(1000, abs=0.01)


@SOLVERS
def test_quarters_of_an_hour(solver: str) -> None:
    """Example 11: losses per slot, in both directions."""
    world = make_world(QUARTER, asset_type="wall")
    model = {
        "power-capacity": "2 MW",
        "charging-efficiency": 0.95,
        "discharging-efficiency": "0.9",
        "storage-efficiency": "98 %",
        "soc-at-start": "0.5 MWh",
        "soc-max": "1 MWh",
        "soc-minima": [{"datetime": at(4, QUARTER), "value": "0.5 MWh"}],
    }
    scheduler = one_device(world, 4, model, prices(world, [80, 20, 20, 60], QUARTER), solver)
    expected = [-1.781879, 2, 2, -1.499840]
    assert scheduler.compute().tolist() == pytest.approx(expected, abs=1e-5)
    assert scheduler.report["cost"] == pytest.approx(-38.135181, abs=1e-3)


@SOLVERS
def test_negative_price(solver: str) -> None:
    """Example 13: nothing is burnt."""
    world = make_world()
    model = {
        "power-capacity": "1 MW",
        "charging-efficiency": "90%",
        "discharging-efficiency": "90%",
        "soc-at-start": "1 MWh",
        "soc-max": "1 MWh",
    }
    scheduler = one_device(world, 3, model, prices(world, [-10, 5, 40]), solver)
    assert scheduler.compute().tolist() == pytest.approx([0, 0, -0.9], abs=1e-6)
    assert scheduler.report["cost"] == pytest.approx(-36, abs=1e-4)


BATTERY = {"soc-at-start": "0 MWh", "soc-max": "1 MWh", "power-capacity": "1 MW"}


class TestCapacities:
    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({"power-capacity": "0.5 MW"}, [0.5, -0.5]),
            ({"consumption-capacity": "0.5 MW"}, [0, 0]),
            ({"power-capacity": "1 MW", "consumption-capacity": "0.5 MW"}, [0, 0]),
            ({"consumption-capacity": "0.5 MW", "production-capacity": "0.25 MW"}, [0.25, -0.25]),
            ({"power-capacity": "1 MW", "production-capacity": "0 kW"}, [0, 0]),
            ({"power-capacity": "1 MW", "consumption-capacity": "-1 MW"}, [0, 0]),
            ({}, [0.75, -0.75]),
        ],
        ids=[
            "symmetric",
            "one way",
            "one way below symmetric",
            "both ways",
            "no feed-in",
            "negative is none",
            "that of the site",
        ],
    )
    def test_defaults(self, fields: dict[str, Any], expected: list[float]) -> None:
        world = make_world()
        model = {"soc-at-start": "0 MWh", "soc-max": "1 MWh", **fields}
        model.setdefault("prefer-curtailing-later", True)  # a newer field
        context = prices(world, [10, 20]) | {"site-power-capacity": "0.75 MW"}
        assert one_device(world, 2, model, context).compute().tolist() == pytest.approx(expected)

    def test_absence_and_gaps(self) -> None:
        """A window in which the car is away; otherwise the wider limit holds."""
        world = make_world()
        model = BATTERY | {
            "consumption-capacity": [{"start": at(0), "end": at(2), "value": "0 kW"}],
            "soc-minima": [{"datetime": at(4), "value": "1 MWh"}],
        }
        context = prices(world, [10, 10, 30, 20])
        power = one_device(world, 4, model, context).compute()
        assert power.tolist() == pytest.approx([0, 0, 0, 1])

    def test_the_smallest_of_overlapping_windows(self) -> None:
        world = make_world()
        model = BATTERY | {
            "power-capacity": [
                {"start": at(0), "duration": "PT2H", "value": "400 kW"},
                {"start": at(0), "end": at(1), "value": "300 kW"},
            ]
        }
        context = prices(world, [10, 20])
        power = one_device(world, 2, model, context).compute()
        assert power.tolist() == pytest.approx([0.3, -0.3])

    def test_unknown_capacities_are_zero_and_told(self) -> None:
        world = make_world(asset_type="solar")
        forecast = world.sensor("forecast", "MW", HOUR)
        world.believe(forecast, [1, np.nan])
        model = {"consumption-capacity": "0 kW", "production-capacity": {"sensor": forecast.id}}
        scheduler = one_device(world, 2, model, prices(world, [10, 20]))
        assert scheduler.compute().tolist() == pytest.approx([-1, 0])
        assert scheduler.report["unknown-capacities"] == [
            {
                "sensor": world.battery.id,
                "asset": world.asset.id,
                "start": "2026-03-02T08:00:00+01:00",
                "end": "2026-03-02T09:00:00+01:00",
            }
        ]

    def test_a_default_for_what_a_sensor_does_not_know(self) -> None:
        world = make_world()
        limit = world.sensor("limit", "kW", HOUR)
        world.believe(limit, [np.nan, 500])
        model = BATTERY | {"power-capacity": {"sensor": limit.id, "default": "0.25 MW"}}
        power = one_device(world, 2, model, prices(world, [10, 20])).compute()
        assert power.tolist() == pytest.approx([0.25, -0.25])


class TestStateOfCharge:
    def test_the_start_level_is_looked_up(self) -> None:
        """The nearest value counts; of two that are as near, the later one."""
        world = make_world()
        level = world.sensor("level", "kWh", timedelta(0))
        for hours, value in ((-3, 100), (-1, 200), (1, 300)):
            world.believe_instant(level, START + hours * HOUR, value)
        model = {
            "power-capacity": "1 MW",
            "soc-max": "1 MWh",
            "state-of-charge": {"sensor": level.id},
        }
        scheduler = one_device(world, 2, model, prices(world, [20, 10]))
        scheduler.deserialize_config()
        assert scheduler.flex_model["soc_at_start"] == pytest.approx(0.3)

    def test_percentages(self) -> None:
        world = make_world()
        level = world.sensor("level", "%", timedelta(0))
        world.believe_instant(level, START - HOUR, 50)
        model = {
            "power-capacity": "1 MW",
            "soc-max": "2 MWh",
            "state-of-charge": {"sensor": level.id},
        }
        scheduler = one_device(world, 2, model, prices(world, [10, 20]))
        found = stored(scheduler)
        assert found[level] == pytest.approx([50, 50, 0])

    def test_what_is_too_old(self) -> None:
        world = make_world()
        level = world.sensor("level", "kWh", timedelta(0))
        world.believe_instant(level, START - 5 * HOUR, 50)
        model = BATTERY | {"state-of-charge": {"sensor": level.id}}
        del model["soc-at-start"]
        with pytest.raises(Exception, match="all values are older"):
            one_device(world, 2, model, prices(world, [10, 20])).deserialize_config()

    def test_shared_by_a_charger_and_a_discharger(self) -> None:
        world = make_world()
        out = world.sensor("discharger", "MW", HOUR)
        level = world.sensor("level", "MWh", timedelta(0))
        place = {"state-of-charge": {"sensor": level.id}}
        models: list[dict[str, Any]] = [
            {"sensor": world.battery.id, "consumption-capacity": "1 MW", **place},
            {"sensor": out.id, "production-capacity": "0.5 MW", **place},
            {"soc-at-start": "0.5 MWh", "soc-max": "1 MWh", **place},
        ]
        scheduler = several(world, 3, models, prices(world, [10, 30, 20]))
        found = stored(scheduler)
        assert found[world.battery] == pytest.approx([-0.5, 0, 0], abs=1e-6)
        assert found[out] == pytest.approx([0, 0.5, 0.5], abs=1e-6)
        assert found[level] == pytest.approx([0.5, 1, 0.5, 0], abs=1e-6)


class TestOutputs:
    @pytest.mark.parametrize(
        ("names", "expected"),
        [
            (["consumption"], [[1, -1]]),
            (["production"], [[-1, 1]]),
            (["consumption", "production"], [[1, 0], [0, 1]]),
        ],
    )
    def test_directions(self, names: list[str], expected: list[list[float]]) -> None:
        world = make_world()
        sensors = {name: world.sensor(name, "MW", HOUR) for name in names}
        model = BATTERY | {name: {"sensor": sensor.id} for name, sensor in sensors.items()}
        found = stored(one_device(world, 2, model, prices(world, [10, 20])))
        assert [found[sensor] for sensor in sensors.values()] == [
            pytest.approx(values) for values in expected
        ]

    def test_other_resolutions(self) -> None:
        """Averages for longer events, repetition for shorter ones."""
        world = make_world(QUARTER)
        hourly = world.sensor("hourly", "MW", HOUR)
        fine = world.sensor("fine", "kW", timedelta(minutes=5), consumption_is_positive=True)
        models = [
            {"sensor": hourly.id, "consumption-capacity": "1 MW", "soc-at-start": "0 MWh"}
            | {"soc-minima": [{"datetime": at(1), "value": "0.5 MWh"}]},
            {"sensor": fine.id, "consumption-capacity": "1 MW", "soc-at-start": "0 MWh"}
            | {"soc-minima": [{"datetime": at(1), "value": "0.25 MWh"}]},
        ]
        context = prices(world, [10, 20, 30, 40], QUARTER)
        found = stored(several(world, 4, models, context, resolution=QUARTER))
        assert found[hourly] == pytest.approx([-0.5])
        assert found[fine] == pytest.approx([1000] * 3 + [0] * 9)

    def test_the_sum_with_the_sign_of_the_sensor(self) -> None:
        world = make_world()
        total = world.sensor("total", "MW", HOUR)
        context = prices(world, [10, 20]) | {"aggregate-power": {"sensor": total.id}}
        found = stored(one_device(world, 2, BATTERY, context))
        assert found[total] == pytest.approx([-1, 1])


class TestMoments:
    def test_between_two_ticks(self) -> None:
        """At 8:30 there shall be 0.75 MWh: so 0.25 at 8, and 0 at 9 would do."""
        world = make_world()
        moment = (START + 1.5 * HOUR).isoformat()
        model = BATTERY | {"soc-minima": [{"datetime": moment, "value": "0.75 MWh"}]}
        context = prices(world, [20, 10, 30])
        power = one_device(world, 3, model, context).compute()
        levels = power.cumsum()
        assert levels.iloc[0] == pytest.approx(0.25)
        assert levels.iloc[1] >= 0.25 - 1e-6

    def test_windows_that_pass_the_end_are_cut(self) -> None:
        world = make_world()
        model = BATTERY | {"soc-minima": [{"start": at(2), "end": at(9), "value": "1 MWh"}]}
        scheduler = one_device(world, 3, model, prices(world, [20, 10, 30]))
        power = scheduler.compute()
        assert np.cumsum(power).tolist()[1:] == pytest.approx([1, 1])

    def test_a_miss_at_one_tick(self) -> None:
        world = make_world()
        model = BATTERY | {
            "soc-max": "4 MWh",
            "soc-minima": [{"datetime": at(2), "value": "3 MWh"}],
        }
        scheduler = one_device(world, 3, model, prices(world, [10, 500, 20]))
        assert scheduler.compute().tolist()[:2] == pytest.approx([1, 1])
        [unresolved] = scheduler.report["unresolved"]
        assert unresolved["soc-minima"] == [
            {"datetime": "2026-03-02T08:00:00+00:00", "violation": "1000.0 kWh"}
        ]


def test_sources_are_filtered() -> None:
    from flexmeasures.data.config import db
    from flexmeasures.data.models.data_sources import DataSource

    world = make_world()
    price = world.prices([10, 20])
    other = DataSource(name="other", type="forecaster")
    db.session.add(other)
    db.session.flush()
    world.source = other
    world.believe(price, [20, 10], known_at=START - HOUR)
    plain = {"sensor": price.id}
    for filters, expected in (
        ({}, [0, 0]),
        ({"exclude-source-types": ["forecaster"]}, [1, -1]),
        ({"source-types": ["forecaster"]}, [0, 0]),
        ({"sources": [other.id]}, [0, 0]),
        ({"source-type": "demo script"}, [1, -1]),
    ):
        context = {"consumption-price": plain | filters}
        power = one_device(world, 2, BATTERY, context).compute()
        assert power.tolist() == pytest.approx(expected), filters


def test_one_query_for_any_number_of_sensors() -> None:
    from sqlalchemy import event

    from flexmeasures.data.config import db

    world = make_world()
    models = []
    for number in range(6):
        power = world.sensor(f"power {number}", "MW", HOUR)
        limit = world.sensor(f"limit {number}", "MW", HOUR)
        world.believe(limit, [1, 1])
        models.append(
            {"sensor": power.id, "soc-at-start": "0 MWh", "soc-max": "1 MWh"}
            | {"power-capacity": {"sensor": limit.id}}
        )
    context = prices(world, [10, 20])
    db.session.flush()
    db.session.expire_all()
    scheduler = several(world, 2, models, context)
    statements: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        scheduler.compute_outputs()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert len([s for s in statements if "timed_belief" in s]) <= 2
    assert len([s for s in statements if "FROM sensor" in s]) <= 3
