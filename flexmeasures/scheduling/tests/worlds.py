"""The smallest world that a schedule needs: a storage device, prices, perhaps a solar panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pandas as pd

from flexmeasures.data.beliefs.save import save
from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.scheduling.base import Settings
from flexmeasures.scheduling.slots import initialize_index
from flexmeasures.scheduling.storage import StorageScheduler
from flexmeasures.utils.timely import tb

START = datetime(2026, 3, 2, 7, tzinfo=timezone(timedelta(hours=1)))
HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)


@dataclass
class World:
    """A battery and what surrounds it; everything is flushed, nothing committed."""

    source: DataSource
    asset: GenericAsset
    battery: Sensor

    def sensor(self, name: str, unit: str, resolution: timedelta, **attributes: Any) -> Sensor:
        sensor = Sensor(
            name=name,
            generic_asset=self.asset,
            unit=unit,
            event_resolution=resolution,
            timezone="Europe/Amsterdam",
            attributes=attributes,
        )
        db.session.add(sensor)
        db.session.flush()
        return sensor

    def believe(
        self,
        sensor: Sensor,
        values: Sequence[float],
        start: datetime = START,
        known_at: datetime | None = None,
    ) -> None:
        """Let the source have believed these values in a row; nan is no belief."""
        end = start + len(values) * sensor.event_resolution
        index = initialize_index(start, end, sensor.event_resolution)
        series = pd.Series(values, index=index.tz_convert(sensor.timezone), dtype=float).dropna()
        known_at = start - timedelta(days=1) if known_at is None else known_at
        frame = tb.BeliefsDataFrame(series, sensor=sensor, source=self.source, belief_time=known_at)
        save(frame)

    def believe_instant(self, sensor: Sensor, moment: datetime, value: float) -> None:
        """Let the source have believed this, a day before, of an instantaneous sensor."""
        index = pd.DatetimeIndex([moment]).tz_convert(sensor.timezone)
        series = pd.Series([value], index=index, dtype=float)
        known_at = moment - timedelta(days=1)
        save(tb.BeliefsDataFrame(series, sensor=sensor, source=self.source, belief_time=known_at))

    def prices(
        self,
        values: Sequence[float],
        unit: str = "EUR/MWh",
        resolution: timedelta = HOUR,
        name: str = "price",
        start: datetime = START,
    ) -> Sensor:
        sensor = self.sensor(name, unit, resolution)
        self.believe(sensor, values, start)
        return sensor

    def scheduler(
        self,
        duration: timedelta,
        flex_model: dict[str, Any],
        flex_context: dict[str, Any],
        solver: str = "highs",
        start: datetime = START,
        **arguments: Any,
    ) -> StorageScheduler:
        scheduler = StorageScheduler(
            self.battery,
            start,
            start + duration,
            self.battery.event_resolution,
            flex_model=flex_model,
            flex_context=flex_context,
            **arguments,
        )
        scheduler.settings = Settings(solver=solver)
        return scheduler


def make_world(
    resolution: timedelta = HOUR,
    unit: str = "MW",
    sensor_attributes: dict[str, Any] | None = None,
    asset_attributes: dict[str, Any] | None = None,
    asset_type: str = "battery",
) -> World:
    kind = GenericAssetType(name=asset_type)
    asset = GenericAsset(
        name="my battery", generic_asset_type=kind, attributes=asset_attributes or {}
    )
    battery = Sensor(
        name="power",
        generic_asset=asset,
        unit=unit,
        event_resolution=resolution,
        timezone="Europe/Amsterdam",
        attributes=sensor_attributes or {},
    )
    source = DataSource(name="test", type="demo script")
    db.session.add_all([kind, asset, battery, source])
    db.session.flush()
    return World(source, asset, battery)
