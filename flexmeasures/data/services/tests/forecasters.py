"""Worlds to forecast, and forecasters that misbehave."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from flexmeasures.data.beliefs.save import save
from flexmeasures.data.config import db
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.forecasting.base import Forecaster, Forecasts
from flexmeasures.forecasting.forecaster import ModelForecaster
from flexmeasures.scheduling.tests.worlds import HOUR, QUARTER, World, make_world
from flexmeasures.utils.timely import tb

DAY = 24 * HOUR
NOW = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)


def make_load(resolution: timedelta = QUARTER, days: int = 28, **attributes: Any) -> Sensor:
    """A power sensor with a daily pattern until NOW; committed."""
    world = make_world(resolution, unit="kW", sensor_attributes=attributes, asset_type="building")
    sensor = world.battery
    measure(world, sensor, days)
    db.session.commit()
    return sensor


def measure(world: World, sensor: Sensor, days: int = 28, constant: float | None = None) -> None:
    """Measurements of the days before NOW, each known when its event ends."""
    step = sensor.event_resolution
    index = pd.date_range(end=NOW - step, periods=timedelta(days=days) // step, freq=step)
    hours = np.asarray(index.hour + index.minute / 60)
    noise = np.random.default_rng(0).normal(size=len(index))
    values = 10 + 5 * np.sin(2 * np.pi * hours / 24) + 0.3 * noise
    if constant is not None:
        values[:] = constant
    series = pd.Series(values, index=index.tz_convert(sensor.timezone), name="event_value")
    frame = tb.BeliefsDataFrame(
        series, sensor=sensor, source=world.source, belief_horizon=timedelta(0)
    )
    save(frame, unchanged="store")


def stored(sensor: Sensor) -> pd.DataFrame:
    """Forecasts of a sensor, with the names of sources and a column belief_horizon."""
    db.session.rollback()
    frame: Any = sensor.search_beliefs(most_recent_beliefs_only=False)
    if frame.empty:
        return pd.DataFrame()
    table = frame.reset_index()
    table["belief_horizon"] = pd.to_timedelta(frame.belief_horizons.to_numpy())
    table = table[[source.type == "forecaster" for source in table["source"]]]
    return table.assign(source=[source.name for source in table["source"]]).reset_index(drop=True)


class Crashing(ModelForecaster):
    """Its process ends when it asks the default model."""

    def rolling(self, start: datetime, end: datetime, horizons: Sequence[timedelta]) -> Forecasts:
        if self.model_search_term == "auto":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().rolling(start, end, horizons)

    def fixed(self, start: datetime, end: datetime, belief_time: datetime) -> Forecasts:
        if self.model_search_term == "auto":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fixed(start, end, belief_time)


class Slow(ModelForecaster):
    """Takes its time when it is run first. The attribute `log` names the file of its runs."""

    def rolling(self, start: datetime, end: datetime, horizons: Sequence[timedelta]) -> Forecasts:
        made = super().rolling(start, end, horizons)
        with Path(self.sensor.attributes["log"]).open("a") as log:
            first = log.tell() == 0
            log.write("run\n")
        time.sleep(60 if first else 0)
        return made


class Failing(Forecaster):
    """A forecaster of a plugin, with a defect."""

    __author__, __version__ = "Example Ltd", "1"

    def compute(self, *args: Any) -> pd.Series:
        raise RuntimeError("as always")


def custom(name: str) -> dict[str, Any]:
    """The attribute that makes a sensor use one of these."""
    return {"custom-forecaster": {"module": __name__, "class": name}}
