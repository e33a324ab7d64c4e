"""What plugins import from here, and how they call it."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.data.models.planning import Scheduler, exceptions
from flexmeasures.data.models.planning.linear_optimization import device_scheduler
from flexmeasures.data.models.planning.storage import StorageScheduler
from flexmeasures.data.models.planning.utils import get_power_values, get_prices
from flexmeasures.data.models.validation_utils import MissingAttributeException
from flexmeasures.scheduling.slots import initialize_index
from flexmeasures.scheduling.tests.worlds import HOUR, START, make_world


def test_classes() -> None:
    assert issubclass(StorageScheduler, Scheduler)
    assert issubclass(exceptions.UnknownPricesException, Exception)
    assert exceptions.MissingAttributeException is MissingAttributeException


def test_prices(fresh_db: SQLAlchemy) -> None:
    world = make_world(asset_attributes={})
    price = world.prices([math.nan, 10, math.nan, 20, math.nan])
    window = (START, START + 5 * HOUR)
    frame, found = get_prices(window, HOUR, None, price_sensor=price)
    assert frame["event_value"].tolist() == [10, 10, 20]
    assert found == (START + HOUR, START + 4 * HOUR)
    assert frame.index[0] == START + HOUR
    world.asset.attributes["market_id"] = price.id
    frame, found = get_prices(
        window, HOUR, None, sensor=world.battery, allow_trimmed_query_window=False
    )
    assert frame["event_value"].tolist() == [10, 10, 10, 20, 20]
    assert found == window
    with pytest.raises(exceptions.UnknownPricesException):
        get_prices(window, HOUR, START - timedelta(days=9), price_sensor=price)
    with pytest.raises(TypeError, match="price_sensor"):
        get_prices(window, HOUR, None)


def test_power(fresh_db: SQLAlchemy) -> None:
    world = make_world()
    solar = world.sensor("solar", "kW", HOUR)
    world.believe(solar, [500, math.nan])
    power = get_power_values((START, START + 2 * HOUR), HOUR, None, solar)
    assert power.tolist() == [-0.5, 0]


class TestDeviceScheduler:
    """Two hours; a battery of 1 MW and 1 MWh, and a load of 0.4 MW."""

    index = initialize_index(START, START + 2 * HOUR, HOUR)

    def frame(self, **columns: float | list[float]) -> pd.DataFrame:
        return pd.DataFrame(
            {name.replace("_", " "): values for name, values in columns.items()}, index=self.index
        )

    def devices(self) -> list[pd.DataFrame]:
        battery = self.frame(min=0, max=1, equals=math.nan, derivative_min=-1, derivative_max=1)
        return [battery, self.frame(derivative_equals=0.4)]

    def test_plan(self) -> None:
        power, cost, results = device_scheduler(
            self.devices(),
            self.frame(derivative_min=-1, derivative_max=1),
            [pd.Series(0.0, index=self.index)],
            [pd.Series([10.0, 20.0], index=self.index)],
            [pd.Series([10.0, 20.0], index=self.index)],
        )
        assert power[0].tolist() == pytest.approx([0.6, -0.6], abs=1e-6)
        assert power[1].tolist() == [0.4, 0.4]
        assert cost == pytest.approx(10 - 4)
        assert results.solver.termination_condition == "optimal"

    def test_no_plan(self) -> None:
        power, cost, results = device_scheduler(
            self.devices(), self.frame(derivative_max=-2), [], [], []
        )
        assert results.solver.termination_condition == "infeasible"
        assert np.isnan(power[0]).all()
        assert math.isnan(cost)

    def test_power_must_be_limited(self) -> None:
        with pytest.raises(ValueError, match="device 0: its power must be limited"):
            device_scheduler([self.frame(max=1)], self.frame(), [], [], [])
