"""A battery of the bakery that can be scheduled, and workers that do it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from flask import Flask

from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.services import jobs
from flexmeasures.data.services.scheduling import handle_scheduling_exception
from flexmeasures.tests.permissions.world import World

START = datetime(2026, 3, 1, 7, tzinfo=timezone(timedelta(hours=1)))
HOUR = timedelta(hours=1)


@dataclass
class Depot:
    """Ids. Slots are hours; prices are 10, 20, 10, 20, ... EUR/MWh from the start on, for a day."""

    asset: int
    battery: int
    price: int
    world: World

    @property
    def trigger(self) -> str:
        return f"sensors/{self.battery}/schedules/trigger"

    def message(self, hours: Any = 2, **changes: Any) -> dict[str, Any]:
        """Charge in the first hour, discharge in the second."""
        return {
            "start": START.isoformat(),
            "duration": f"PT{hours}H",
            "flex-model": {"soc-at-start": 0, "soc-max": 1, "soc-unit": "MWh"},
            "flex-context": {"consumption-price": {"sensor": self.price}},
        } | changes


def build_depot(world: World) -> Depot:
    asset = db.session.get(GenericAsset, world.ids["asset of Bakery"])
    assert asset is not None
    battery = add_sensor(asset.id, "battery", "MW", capacity_in_mw=1)
    price = add_sensor(asset.id, "price", "EUR/MWh")
    believe(price, [10, 20] * 12)
    db.session.commit()
    return Depot(asset.id, battery.id, price.id, world)


def add_sensor(asset_id: int, name: str, unit: str, **attributes: Any) -> Sensor:
    resolution = attributes.pop("resolution", HOUR)
    sensor = Sensor(
        name,
        db.session.get(GenericAsset, asset_id),
        unit=unit,
        event_resolution=resolution,
        timezone="Europe/Amsterdam",
        attributes=attributes,
    )
    db.session.add(sensor)
    db.session.commit()
    return sensor


def believe(sensor: Sensor, values: Sequence[float]) -> None:
    source = DataSource(name="market", type="demo script")
    db.session.add_all(
        TimedBelief(
            sensor=sensor,
            source=source,
            event_start=START + slot * sensor.event_resolution,
            belief_time=START - timedelta(days=1),
            event_value=value,
        )
        for slot, value in enumerate(values)
    )


def work(app: Flask) -> None:
    """Run all jobs, in this process."""
    from rq import SimpleWorker

    queue = jobs.find_queue("scheduling")
    SimpleWorker(
        [queue], connection=queue.connection, exception_handlers=[handle_scheduling_exception]
    ).work(burst=True)
    db.session.rollback()
