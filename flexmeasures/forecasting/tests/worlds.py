"""Sensors with made-up measurements, and the weather around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np

from flexmeasures.data.beliefs import wire
from flexmeasures.data.beliefs.knowledge import Timing
from flexmeasures.data.beliefs.rows import Rows, microseconds
from flexmeasures.data.beliefs.save import save_rows
from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.forecasting.engine.model import CannotForecast, Prediction
from flexmeasures.forecasting.engine.series import Series, Steps

HOUR, QUARTER, DAY = timedelta(hours=1), timedelta(minutes=15), timedelta(days=1)
START = datetime(2026, 1, 5, tzinfo=timezone.utc)  # a Monday


@dataclass
class World:
    """A building with one sensor; everything is flushed, nothing committed."""

    asset: GenericAsset
    sensor: Sensor
    meter: DataSource
    forecaster: DataSource

    def add(self, name: str, resolution: timedelta = HOUR, **kwargs: Any) -> Sensor:
        """Another sensor of the building."""
        sensor = Sensor(name, generic_asset=self.asset, event_resolution=resolution, **kwargs)
        db.session.add(sensor)
        db.session.flush()
        return sensor

    def measure(
        self,
        values: Sequence[float] | np.ndarray,
        start: datetime = START,
        sensor: Sensor | None = None,
        step: timedelta | None = None,
        source: DataSource | None = None,
        horizon: timedelta = timedelta(0),
    ) -> None:
        """Values of consecutive events; nan is no value."""
        sensor = self.sensor if sensor is None else sensor
        step = sensor.event_resolution if step is None else step
        starts = microseconds(start) + np.arange(len(values)) * microseconds(step)
        self.believe(sensor, starts, values, np.full(len(values), microseconds(horizon)), source)

    def predict(
        self, sensor: Sensor, value: float, event: datetime, known_at: datetime, **kwargs: Any
    ) -> None:
        """A forecast of one event."""
        start = np.array([microseconds(event)])
        horizon = Timing.of(sensor).knowledge_times(start) - microseconds(known_at)
        self.believe(sensor, start, [value], horizon, kwargs.get("source", self.forecaster))

    def believe(
        self,
        sensor: Sensor,
        starts: np.ndarray,
        values: Sequence[float] | np.ndarray,
        horizons: np.ndarray,
        source: DataSource | None = None,
    ) -> None:
        """One belief per event start (microseconds since the Unix epoch)."""
        array = np.asarray(values, dtype=np.float64)
        exists = ~np.isnan(array)
        number = int(exists.sum())
        rows = Rows(
            np.full(number, sensor.id),
            starts[exists],
            np.full(number, (source or self.meter).id),
            horizons[exists],
            np.full(number, 0.5),
            array[exists],
        )
        if np.isfinite(array[exists]).all():
            save_rows(rows, unchanged="store")
        else:  # as older databases have them
            wire.write(db.session.connection(), rows)


def make_world(
    resolution: timedelta = HOUR,
    zone: str = "Europe/Amsterdam",
    attributes: dict[str, Any] | None = None,
    **kwargs: Any,
) -> World:
    kind = GenericAssetType(name="building")
    asset = GenericAsset(name="school", generic_asset_type=kind, latitude=52.4, longitude=4.9)
    kwargs = {"unit": "kW", "timezone": zone, "name": "power"} | kwargs
    sensor = Sensor(
        generic_asset=asset, event_resolution=resolution, attributes=attributes or {}, **kwargs
    )
    meter = DataSource(name="meter", type="script")
    forecaster = DataSource(name="weather service", type="forecaster")
    db.session.add_all([kind, asset, sensor, meter, forecaster])
    db.session.flush()
    return World(asset, sensor, meter, forecaster)


class Latest:
    """A model that repeats the latest known value; and tells how it was called."""

    def __init__(self, least: int = 1) -> None:
        self.least = least
        self.fits: list[tuple[Series, int, Steps]] = []

    def fit(
        self, series: Series, viewpoint: int, ahead: Steps, quantiles: tuple[float, ...] = ()
    ) -> FittedLatest:
        self.fits.append((series, viewpoint, ahead))
        number = int(np.isfinite(series.up_to(viewpoint).values).sum())
        if number < self.least:
            raise CannotForecast(f"{number} values are too few.")
        return FittedLatest(quantiles)


@dataclass(frozen=True)
class FittedLatest:
    quantiles: tuple[float, ...]
    notes: tuple[str, ...] = ("The latest value is repeated.",)

    def predict(self, series: Series, events: Steps, viewpoints: Steps) -> Prediction:
        known = series.known_before(viewpoints)
        exists = np.isfinite(series.values)
        latest = np.maximum.accumulate(np.where(exists, np.arange(len(series)), -1))
        at = np.where(known > 0, latest[np.maximum(known - 1, 0)], -1)
        values = np.where(at >= 0, series.values[np.maximum(at, 0)], np.nan)
        if not self.quantiles:
            return Prediction(values)
        return Prediction(values, values[:, None] + np.array(self.quantiles) - 0.5)
