"""What the storage scheduler makes of unreachable wishes, gaps, units, clocks and bad input."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from marshmallow import ValidationError

from flexmeasures.data.config import db
from flexmeasures.scheduling.base import Settings
from flexmeasures.scheduling.engine.solvers import SolverNotFound
from flexmeasures.scheduling.exceptions import (
    MissingAttributeException,
    UnknownMarketException,
    UnknownPricesException,
    WrongTypeAttributeException,
)
from flexmeasures.scheduling.fallback import fallback_charging_policy
from flexmeasures.scheduling.storage import StorageScheduler
from flexmeasures.scheduling.tests.worlds import HOUR, QUARTER, START, World, make_world

pytestmark = pytest.mark.usefixtures("session")

ONE_WAY = {"is_consumer": True, "is_producer": False}
TWO_WAY = {"is_consumer": True, "is_producer": True}
MODEL: dict[str, Any] = {"soc-unit": "MWh", "soc-at-start": 0, "soc-min": 0, "soc-max": 1}


def battery(capacity: Any = 1, **arguments: Any) -> World:
    return make_world(sensor_attributes={"capacity_in_mw": capacity}, **arguments)


def target(value: float, after: timedelta) -> dict[str, Any]:
    return {"value": value, "datetime": (START + after).isoformat()}


def size_by_limit(scheduler: StorageScheduler) -> dict[str, float]:
    """Largest miss of each kind."""
    sizes: dict[str, float] = {}
    for miss in scheduler.report["misses"]:
        sizes[miss["limit"]] = max(sizes.get(miss["limit"], 0), miss["size"])
    return sizes


class TestUnreachable:
    """The fallback policy is the floor: no plan is further from the first target."""

    @pytest.mark.parametrize("solver", ["cbc", "highs"])
    @pytest.mark.parametrize(
        ("attributes", "model", "expected"),
        [
            pytest.param(
                ONE_WAY,
                {"soc-at-start": 10, "soc-max": 20, "soc-targets": [target(15, 2 * HOUR)]},
                [2] * 8,
                id="charge",
            ),
            pytest.param(
                TWO_WAY,
                {"soc-at-start": 10, "soc-max": 20, "soc-targets": [target(5, 2 * HOUR)]},
                [-2] * 8,
                id="discharge",
            ),
            pytest.param(
                ONE_WAY,
                {"soc-at-start": 10, "soc-max": 20, "soc-targets": [target(9, 2 * HOUR)]},
                [0] * 8,
                id="one-way and too full",
            ),
            pytest.param(
                {},
                {"soc-at-start": 10, "soc-max": 20, "soc-targets": [target(15, 2 * HOUR)]},
                [2] * 8,
                id="unknown directions",
            ),
            pytest.param(
                ONE_WAY,
                {
                    "soc-at-start": 0,
                    "soc-max": 20,
                    "soc-targets": [target(1.3, HOUR), target(9, 2 * HOUR)],
                },
                [2, 2, 1.2, 0, 2, 2, 2, 2],
                id="second target out of reach",
            ),
            pytest.param(
                TWO_WAY,
                {"soc-at-start": 5, "soc-min": 4.6, "soc-max": 4.6},
                [-1.6] + [0] * 7,
                id="above the maximum",
            ),
            pytest.param(
                TWO_WAY,
                {"soc-at-start": 0.1, "soc-min": 1, "soc-max": 1},
                [2, 1.6, 0, 0, 0, 0, 0, 0],
                id="below the minimum",
            ),
        ],
    )
    def test_no_further_from_the_first_target_than_the_fallback(
        self,
        attributes: dict[str, Any],
        model: dict[str, Any],
        expected: list[float],
        solver: str,
    ) -> None:
        world = make_world(QUARTER, sensor_attributes={"capacity_in_mw": 2, **attributes})
        context = {"consumption-price-sensor": world.prices([30, 20]).id}
        scheduler = world.scheduler(2 * HOUR, MODEL | model, context, solver)
        power = scheduler.compute()
        assert power.to_numpy() == pytest.approx(expected, abs=1e-6)
        assert self.distance(power, model) <= self.distance(self.fallback(world, model), model)
        assert json.dumps(scheduler.report)

    @staticmethod
    def fallback(world: World, model: dict[str, Any]) -> pd.Series:
        """What the fallback policy would do; it reckons in MW times slots."""
        model = {**MODEL, **model}
        end = START + 2 * HOUR
        relative = {key: (model[key] - model["soc-at-start"]) * 4 for key in ("soc-min", "soc-max")}
        constraints = pd.DataFrame(
            {"equals": np.nan, "min": relative["soc-min"], "max": relative["soc-max"]},
            index=range(8),
        )
        for wish in model.get("soc-targets", []):
            slot = (datetime.fromisoformat(wish["datetime"]) - START) // QUARTER - 1
            constraints.loc[slot, "equals"] = (wish["value"] - model["soc-at-start"]) * 4
        return fallback_charging_policy(world.battery, constraints, START, end, QUARTER)

    @staticmethod
    def distance(power: pd.Series, model: dict[str, Any]) -> float:
        levels = model["soc-at-start"] + power.cumsum() / 4
        if "soc-targets" not in model:
            low, high = (MODEL | model)["soc-min"], (MODEL | model)["soc-max"]
            return float(max(low - levels.iloc[-1], levels.iloc[-1] - high, 0))
        first = model["soc-targets"][0]
        return abs(
            float(levels[datetime.fromisoformat(first["datetime"]) - QUARTER]) - first["value"]
        )

    def test_misses_are_listed(self, caplog: pytest.LogCaptureFixture) -> None:
        world = battery(capacity=2)
        context = {"consumption-price-sensor": world.prices([20, 30]).id}
        model = MODEL | {"soc-max": 20, "soc-targets": [target(3, HOUR), target(8, 2 * HOUR)]}
        scheduler = world.scheduler(2 * HOUR, model, context)
        with caplog.at_level(logging.WARNING):
            assert scheduler.compute().tolist() == pytest.approx([2, 2])
        assert scheduler.report["misses"] == [
            {
                "limit": "soc-targets",
                "datetime": "2026-03-02T08:00:00+01:00",
                "wanted": 3,
                "reached": pytest.approx(2),
                "size": pytest.approx(1),
                "unit": "MWh",
            },
            {
                "limit": "soc-targets",
                "datetime": "2026-03-02T09:00:00+01:00",
                "wanted": 8,
                "reached": pytest.approx(4),
                "size": pytest.approx(4),
                "unit": "MWh",
            },
        ]
        assert "soc-targets cannot be met at 2 moment(s)" in caplog.text

    def test_the_first_target_goes_first(self) -> None:
        """Half-way would be as close to both."""
        world = battery()
        context = {"consumption-price-sensor": world.prices([20, 30]).id}
        model = MODEL | {
            "soc-max": 5,
            "soc-at-start": 2,
            "soc-targets": [target(3, HOUR), target(0, 2 * HOUR)],
        }
        scheduler = world.scheduler(2 * HOUR, model, context)
        assert scheduler.compute().tolist() == pytest.approx([1, -1])
        assert size_by_limit(scheduler) == pytest.approx({"soc-targets": 2})

    def test_a_target_outside_the_limits(self) -> None:
        world = battery()
        context = {"consumption-price-sensor": world.prices([20, 30]).id}
        scheduler = world.scheduler(
            2 * HOUR, MODEL | {"soc-targets": [target(1.5, 2 * HOUR)]}, context
        )
        assert scheduler.compute().tolist() == pytest.approx([1, 0])
        assert size_by_limit(scheduler) == pytest.approx({"soc-targets": 0.5})

    def test_a_start_outside_the_limits_is_reported_even_if_mended_at_once(self) -> None:
        world = battery()
        context = {"consumption-price-sensor": world.prices([20, 30]).id}
        scheduler = world.scheduler(2 * HOUR, MODEL | {"soc-at-start": 1.25}, context)
        assert scheduler.compute().tolist() == pytest.approx([-0.25, -1])
        assert [(miss["limit"], miss["datetime"]) for miss in scheduler.report["misses"]] == [
            ("soc-max", "2026-03-02T07:00:00+01:00")
        ]

    def test_a_site_that_is_overloaded_anyway(self) -> None:
        """The battery relieves the connection as far as it can, whatever the price."""
        world = make_world(
            sensor_attributes={"capacity_in_mw": 1}, asset_attributes={"capacity_in_mw": 2}
        )
        load = world.sensor("load", "MW", HOUR, consumption_is_positive=True)
        world.believe(load, [2.75, 3.5])
        context = {
            "consumption-price-sensor": world.prices([90, 10]).id,
            "inflexible-device-sensors": [load.id],
        }
        scheduler = world.scheduler(2 * HOUR, MODEL | {"soc-at-start": 1.5, "soc-max": 2}, context)
        power = scheduler.compute()
        assert power.sum() == pytest.approx(-1.5)
        excess = power.to_numpy() + np.array([2.75, 3.5]) - 2
        assert np.maximum(excess, 0).sum() == pytest.approx(0.75)
        assert size_by_limit(scheduler)["site-capacity"] <= 0.75 + 1e-6
        assert scheduler.report["misses"][0]["unit"] == "MW"


class TestPrices:
    def test_a_gap_takes_the_previous_price(self, caplog: pytest.LogCaptureFixture) -> None:
        world = battery()
        price = world.prices([10, np.nan, np.nan, 50])
        scheduler = world.scheduler(4 * HOUR, MODEL, {"consumption-price-sensor": price.id})
        with caplog.at_level(logging.WARNING):
            assert scheduler.compute().tolist() == pytest.approx([1, 0, 0, -1])
        assert scheduler.report["filled-prices"] == [
            {
                "sensor": price.id,
                "start": "2026-03-02T08:00:00+01:00",
                "end": "2026-03-02T10:00:00+01:00",
                "price": 10,
            }
        ]
        assert scheduler.report["cost"] == pytest.approx(-40)
        assert f"Sensor {price.id} (price): prices from 2026-03-02T08:00:00+01:00" in caplog.text

    def test_before_the_first_known_price(self) -> None:
        world = battery()
        price = world.prices([np.nan, 20, 30])
        scheduler = world.scheduler(3 * HOUR, MODEL, {"consumption-price-sensor": price.id})
        assert scheduler.compute().tolist() == pytest.approx([1, 0, -1])
        assert [gap["price"] for gap in scheduler.report["filled-prices"]] == [20]

    def test_only_what_was_known_at_the_time(self) -> None:
        world = battery()
        price = world.prices([10, 20])
        world.believe(price, [20, 10], known_at=START)
        context = {"consumption-price-sensor": price.id}
        then = START - HOUR
        assert world.scheduler(2 * HOUR, MODEL, context).compute().tolist() == pytest.approx([0, 0])
        scheduler = world.scheduler(2 * HOUR, MODEL, context, belief_time=then)
        assert scheduler.compute().tolist() == pytest.approx([1, -1])

    def test_nothing_known(self) -> None:
        world = battery()
        price = world.prices([10, 20], start=START - timedelta(days=2))
        scheduler = world.scheduler(2 * HOUR, MODEL, {"consumption-price-sensor": price.id})
        with pytest.raises(UnknownPricesException) as error:
            scheduler.compute()
        assert str(error.value) == f"Prices unknown for planning window. (sensor {price.id})"

    def test_no_price_sensor(self) -> None:
        with pytest.raises(UnknownMarketException, match="consumption-price-sensor"):
            battery().scheduler(2 * HOUR, MODEL, {}).compute()

    def test_the_market_of_the_asset(self) -> None:
        world = battery()
        world.asset.attributes["market_id"] = world.prices([10, 20]).id
        assert world.scheduler(2 * HOUR, MODEL, {}).compute().tolist() == pytest.approx([1, -1])

    def test_a_market_for_consumption_if_only_production_has_a_sensor(self) -> None:
        world = battery()
        world.asset.attributes["market_id"] = world.prices([10, 20]).id
        selling = world.prices([5, 5], name="feed-in")
        context = {"production-price-sensor": selling.id}
        assert world.scheduler(2 * HOUR, MODEL, context).compute().tolist() == pytest.approx([0, 0])

    def test_currencies_do_not_mix(self) -> None:
        world = battery()
        euros, won = world.prices([1, 2]), world.prices([1, 2], "KRW/MWh", name="feed-in")
        scheduler = world.scheduler(
            2 * HOUR,
            MODEL,
            {"consumption-price-sensor": euros.id, "production-price-sensor": won.id},
        )
        with pytest.raises(ValidationError, match=r"Prices should share one currency") as error:
            scheduler.deserialize_config()
        assert f"Sensor {euros.id} (price) is in EUR/MWh" in str(error.value)
        assert f"Sensor {won.id} (feed-in) is in KRW/MWh" in str(error.value)

    def test_what_is_no_energy_price(self) -> None:
        world = battery()
        price = world.prices([1, 2], "EUR/MW")
        scheduler = world.scheduler(2 * HOUR, MODEL, {"consumption-price-sensor": price.id})
        with pytest.raises(
            ValidationError, match=rf"Sensor {price.id} \(price\) has no energy prices"
        ):
            scheduler.compute()

    def test_emissions_are_a_price_too(self) -> None:
        world = battery()
        price = world.prices([0.1, 0.2], "kg/kWh")
        scheduler = world.scheduler(2 * HOUR, MODEL, {"consumption-price-sensor": price.id})
        assert scheduler.compute().tolist() == pytest.approx([1, -1])
        assert scheduler.report["cost"] == pytest.approx(-100)
        assert scheduler.report["currency"] == "kg"

    @pytest.mark.parametrize("value", [15, "15 EUR/MWh", "0.015 EUR/kWh"])
    def test_value_of_energy_that_is_left(self, value: float | str) -> None:
        world = battery()
        context = {"consumption-price-sensor": world.prices([10, 12]).id}
        model = MODEL | {"soc-value-at-end": value}
        scheduler = world.scheduler(2 * HOUR, model, context)
        assert scheduler.compute().tolist() == pytest.approx([1, 0])
        assert scheduler.report["cost"] == pytest.approx(10)

    def test_value_in_another_currency(self) -> None:
        world = battery()
        context = {"consumption-price-sensor": world.prices([10, 12]).id}
        scheduler = world.scheduler(2 * HOUR, MODEL | {"soc-value-at-end": "1 KRW/MWh"}, context)
        with pytest.raises(ValueError, match="soc-value-at-end should be in EUR/MWh"):
            scheduler.compute()


class TestUnits:
    def test_kilowatts_and_prices_per_kilowatt_hour(self) -> None:
        """The same world in other units gives the same plan, in MW."""
        world = make_world(
            unit="kW",
            sensor_attributes={"capacity_in_mw": 0.002},
            asset_attributes={"capacity_in_mw": 0.001},
        )
        load = world.sensor("load", "kW", HOUR)
        world.believe(load, [-0.4, -0.4])
        context = {
            "consumption-price-sensor": world.prices([0.01, 0.02], "EUR/kWh").id,
            "inflexible-device-sensors": [load.id],
        }
        scheduler = world.scheduler(
            2 * HOUR, {"soc-at-start": 0, "soc-min": 0, "soc-max": 5}, context
        )
        assert scheduler.compute().tolist() == pytest.approx([0.0006, -0.0006], abs=1e-6)
        assert scheduler.flex_model["soc_max"] == pytest.approx(0.005)
        assert scheduler.report["cost"] == pytest.approx(0.001 * 10 - 0.0002 * 20, abs=1e-6)

    def test_energy_per_event_is_power(self) -> None:
        world = make_world(
            sensor_attributes={"capacity_in_mw": 2}, asset_attributes={"capacity_in_mw": 1}
        )
        load = world.sensor("load", "kWh", QUARTER, consumption_is_positive=True)
        world.believe(load, [100] * 8)
        context = {
            "consumption-price-sensor": world.prices([10, 20]).id,
            "inflexible-device-sensors": [load.id],
        }
        scheduler = world.scheduler(2 * HOUR, MODEL | {"soc-max": 5}, context)
        assert scheduler.compute().tolist() == pytest.approx([0.6, -0.6])

    def test_an_inflexible_device_without_power(self) -> None:
        world = battery()
        thermometer = world.sensor("temperature", "°C", HOUR)
        context = {
            "consumption-price-sensor": world.prices([10, 20]).id,
            "inflexible-device-sensors": [thermometer.id],
        }
        with pytest.raises(ValidationError, match=r"\(temperature\) is no inflexible device"):
            world.scheduler(2 * HOUR, MODEL, context).compute()

    def test_unknown_power_is_zero(self, caplog: pytest.LogCaptureFixture) -> None:
        world = battery()
        load = world.sensor("load", "MW", HOUR)
        world.believe(load, [0.1, np.nan])
        context = {
            "consumption-price-sensor": world.prices([10, 20]).id,
            "inflexible-device-sensors": [load.id],
        }
        scheduler = world.scheduler(2 * HOUR, MODEL, context)
        with caplog.at_level(logging.WARNING):
            assert scheduler.compute().tolist() == pytest.approx([1, -1])
        assert scheduler.report["assumed-zeros"] == [
            {
                "sensor": load.id,
                "start": "2026-03-02T08:00:00+01:00",
                "end": "2026-03-02T09:00:00+01:00",
            }
        ]
        assert "(load): power from 2026-03-02T08:00:00+01:00" in caplog.text


class TestTime:
    @pytest.mark.parametrize("solver", ["cbc", "highs"])
    @pytest.mark.parametrize(
        ("day", "hours"),
        [(datetime(2026, 3, 29), 23), (datetime(2026, 10, 25), 25), (datetime(2028, 2, 29), 24)],
    )
    def test_days_of_other_lengths(self, day: datetime, hours: int, solver: str) -> None:
        """Charge in the cheapest hour, discharge in the dearest one, as time passes."""
        amsterdam = ZoneInfo("Europe/Amsterdam")
        start = day.replace(tzinfo=amsterdam)
        end = (day + timedelta(days=1)).replace(tzinfo=amsterdam)
        world = battery()
        prices = [20.0] * hours
        prices[2], prices[4] = 10, 50
        price = world.prices(prices, start=start.astimezone(timezone.utc))
        scheduler = world.scheduler(
            HOUR,
            MODEL | {"roundtrip-efficiency": "90%"},
            {"consumption-price-sensor": price.id},
            solver,
            start=start,
        )
        scheduler.end = end
        power = scheduler.compute()
        assert len(power) == hours
        assert power.index[0] == start
        assert power.index[-1] + HOUR == end.astimezone(timezone.utc)
        assert (power.argmax(), power.argmin()) == (2, 4)

    def test_targets_on_a_day_that_is_short(self) -> None:
        amsterdam = ZoneInfo("Europe/Amsterdam")
        start = datetime(2026, 3, 29, tzinfo=amsterdam)
        world = battery()
        price = world.prices([20] * 6, start=start.astimezone(timezone.utc))
        # Four hours by the clock, three hours that pass.
        moment = datetime(2026, 3, 29, 4, tzinfo=amsterdam).isoformat()
        scheduler = world.scheduler(
            HOUR,
            MODEL | {"soc-targets": [{"value": 1, "datetime": moment}]},
            {"consumption-price-sensor": price.id},
            start=start,
        )
        assert scheduler.compute().tolist() == pytest.approx([1, 0, 0])

    def test_targets_that_fall_on_no_slot_are_ignored_and_reported(self) -> None:
        world = battery()
        context = {"consumption-price-sensor": world.prices([10, 20]).id}
        wishes = [target(0.5, timedelta(0)), target(0.5, 1.5 * HOUR), target(0.25, 2 * HOUR)]
        scheduler = world.scheduler(2 * HOUR, MODEL | {"soc-targets": wishes}, context)
        assert scheduler.compute().sum() == pytest.approx(0.25)
        assert [ignored["reason"] for ignored in scheduler.report["ignored-targets"]] == [
            "not after the first slot",
            "not at the end of a slot",
        ]

    def test_targets_beyond_the_horizon_are_ignored_and_reported(self) -> None:
        world = battery()
        context = {"consumption-price-sensor": world.prices([10, 20, 30]).id}
        wishes = [target(0.5, 3 * HOUR), target(1, 9 * HOUR)]
        scheduler = world.scheduler(HOUR, MODEL | {"soc-targets": wishes}, context)
        scheduler.settings = Settings("highs", max_planning_horizon=3)
        power = scheduler.compute()
        assert len(power) == 3
        assert power.sum() == pytest.approx(0.5)
        assert [ignored["reason"] for ignored in scheduler.report["ignored-targets"]] == [
            "after the end"
        ]

    def test_no_horizon(self) -> None:
        world = battery()
        scheduler = world.scheduler(HOUR, MODEL | {"soc-targets": [target(1, 5000 * HOUR)]}, {})
        scheduler.settings = Settings("highs", max_planning_horizon=None)
        scheduler.deserialize_config()
        assert scheduler.end - scheduler.start == 5000 * HOUR

    @pytest.mark.parametrize(
        ("start", "duration", "message"),
        [
            (START, -HOUR, "cannot be after end"),
            (START, 1.5 * HOUR, "no whole number of slots of 1:00:00"),
            (START + QUARTER, HOUR, "is not the start of a slot"),
            (START, 3000 * HOUR, "FLEXMEASURES_MAX_PLANNING_HORIZON"),
        ],
    )
    def test_bad_timing(self, start: datetime, duration: timedelta, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            battery().scheduler(duration, MODEL, {}, start=start).deserialize_config()

    def test_half_hour_timezones_have_their_own_grid(self) -> None:
        world = battery()
        world.battery.timezone = "Asia/Kolkata"
        midnight = datetime(2026, 3, 2, tzinfo=ZoneInfo("Asia/Kolkata"))
        world.scheduler(HOUR, MODEL, {}, start=midnight).deserialize_config()

    def test_no_slots(self) -> None:
        world = battery()
        context = {"consumption-price-sensor": world.prices([10]).id}
        assert world.scheduler(timedelta(0), MODEL, context).compute().empty


class TestFlexModel:
    def test_attributes_fill_in_what_was_not_sent(self) -> None:
        world = make_world(
            unit="kW",
            sensor_attributes={"capacity_in_mw": 1, "roundtrip_efficiency": "81%"},
            asset_attributes={
                "min_soc_in_mwh": 0.1,
                "max_soc_in_mwh": 0.9,
                "soc_in_mwh": 0.5,
                "soc_datetime": START.astimezone(timezone.utc).isoformat(),
            },
        )
        scheduler = world.scheduler(HOUR, {"soc-max": None}, {})
        scheduler.deserialize_config()
        found = scheduler.flex_model
        assert found["soc_at_start"] == pytest.approx(0.5)
        assert (found["soc_min"], found["soc_max"]) == pytest.approx((0.1, 0.9))
        assert found["roundtrip_efficiency"] == pytest.approx(0.81)
        assert scheduler.report["assumed"] == {
            "soc-unit": "kWh",
            "soc-at-start": 500,
            "roundtrip-efficiency": "81%",
            "soc-min": 100,
            "soc-max": 900,
        }

    def test_a_state_of_charge_of_another_time_does_not_count(self) -> None:
        world = battery(asset_attributes={"soc_in_mwh": 0.5, "soc_datetime": "2026-01-01T00:00Z"})
        scheduler = world.scheduler(HOUR, {"soc-max": 1}, {})
        scheduler.deserialize_config()
        assert scheduler.flex_model["soc_at_start"] == 0

    def test_the_highest_target_says_how_much_fits(self) -> None:
        world = battery()
        scheduler = world.scheduler(
            HOUR, {"soc-targets": [target(2, HOUR), target(3, 2 * HOUR)]}, {}
        )
        scheduler.deserialize_config()
        assert scheduler.flex_model["soc_max"] == 3

    def test_nothing_says_how_much_fits(self) -> None:
        with pytest.raises(ValueError) as error:
            battery().scheduler(HOUR, {}, {}).deserialize_config()
        assert str(error.value) == (
            "Need maximal permitted state of charge, please specify soc-max or some soc-targets."
        )

    def test_bad_targets_are_named(self) -> None:
        scheduler = battery().scheduler(
            HOUR, {"soc-targets": [{"datetime": START.isoformat()}], "soc-max": 1}, {}
        )
        with pytest.raises(ValidationError) as error:
            scheduler.deserialize_config()
        assert error.value.messages == {
            "soc-targets": {0: {"value": ["Missing data for required field."]}}
        }

    def test_no_unit_for_the_state_of_charge(self) -> None:
        world = battery(unit="W")
        context = {"consumption-price-sensor": world.prices([10]).id}
        scheduler = world.scheduler(HOUR, {"soc-max": 1}, context)
        with pytest.raises(NotImplementedError) as error:
            scheduler.compute()
        assert str(error.value) == "Unsupported SoC unit 'None'."

    @pytest.mark.parametrize(
        ("attributes", "error", "message"),
        [
            (
                {},
                MissingAttributeException,
                "Sensor is missing required attributes: capacity_in_mw",
            ),
            ({"capacity_in_mw": "2"}, WrongTypeAttributeException, "capacity_in_mw is a str"),
            ({"capacity_in_mw": -2}, ValueError, "capacity_in_mw should be a positive number"),
        ],
    )
    def test_capacity_is_needed(
        self, attributes: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        world = make_world(sensor_attributes=attributes)
        context = {"consumption-price-sensor": world.prices([10]).id}
        with pytest.raises(error, match=message):
            world.scheduler(HOUR, MODEL, context).compute()

    def test_the_state_of_charge_is_remembered_where_it_was(self) -> None:
        world = battery(asset_attributes={"soc_in_mwh": 9, "soc_datetime": None})
        scheduler = world.scheduler(HOUR, MODEL | {"soc-at-start": 0.5}, {})
        scheduler.deserialize_config()
        scheduler.persist_flex_model()
        assert world.asset.attributes == {
            "soc_in_mwh": 0.5,
            "soc_datetime": "2026-03-02T07:00:00+01:00",
        }

    def test_what_is_not_remembered_stays_so(self) -> None:
        world = battery()
        scheduler = world.scheduler(HOUR, MODEL, {})
        scheduler.deserialize_config()
        scheduler.persist_flex_model()
        assert world.asset.attributes == {}


def test_a_missing_solver() -> None:
    world = battery()
    context = {"consumption-price-sensor": world.prices([10, 20]).id}
    scheduler = world.scheduler(2 * HOUR, MODEL, context, solver="/nowhere/cbc")
    with pytest.raises(SolverNotFound, match="/nowhere/cbc cannot be started"):
        scheduler.compute()


def test_negative_prices_do_not_burn_energy_within_a_slot() -> None:
    """Through a full day of them, with losses: one direction at a time, by construction."""
    world = battery()
    context = {"consumption-price-sensor": world.prices([-10, -20, 5, -30]).id}
    scheduler = world.scheduler(4 * HOUR, MODEL | {"roundtrip-efficiency": 0.81}, context)
    power = scheduler.compute()
    levels = np.cumsum(np.where(power > 0, power * 0.9, power / 0.9))
    assert (levels > -1e-6).all()
    assert (levels < 1 + 1e-6).all()
    assert scheduler.report["cost"] == pytest.approx(
        float(power @ np.array([-10, -20, 5, -30])), abs=1e-5
    )


def test_one_query_for_all_inputs() -> None:
    """Prices and devices are looked up together."""
    from sqlalchemy import event

    world = battery()
    loads = [world.sensor(f"load {i}", "MW", HOUR) for i in range(5)]
    for load in loads:
        world.believe(load, [0.1, 0.1])
    context = {
        "consumption-price-sensor": world.prices([10, 20]).id,
        "production-price-sensor": world.prices([8, 9], name="feed-in").id,
        "inflexible-device-sensors": [load.id for load in loads],
    }
    scheduler = world.scheduler(2 * HOUR, MODEL, context)
    scheduler.deserialize_config()
    statements: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        scheduler.compute()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert len([s for s in statements if "timed_belief" in s]) <= 2
