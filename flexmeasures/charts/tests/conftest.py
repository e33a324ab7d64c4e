"""A store with sensors of all kinds: in memory for specifications, in the database for rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.models.user import Account

QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)

MakeSensor = Callable[..., Sensor]


def new_sensor(asset: GenericAsset, name: str, unit: str, length: timedelta, **kw: Any) -> Sensor:
    return Sensor(
        name, asset, unit=unit, event_resolution=length, timezone="Europe/Amsterdam", **kw
    )


@pytest.fixture
def make_sensor() -> MakeSensor:
    """Makes sensors that no database knows."""
    asset = GenericAsset(name="store", generic_asset_type=GenericAssetType(name="battery"))

    def make(
        name: str = "power", unit: str = "MW", length: timedelta = QUARTER, **kwargs: Any
    ) -> Sensor:
        sensor = new_sensor(asset, name, unit, length, **kwargs)
        sensor.id = len(asset.sensors)
        return sensor

    return make


@pytest.fixture
def session(db: SQLAlchemy) -> Iterator[Any]:
    """A session whose changes are undone."""
    yield db.session
    db.session.rollback()


@pytest.fixture
def asset(session: Any) -> GenericAsset:
    """A store with power (15 minutes), price (an hour) and temperature (instants)."""
    asset = GenericAsset(
        name="store",
        generic_asset_type=GenericAssetType(name="battery"),
        owner=Account(name="Bakery"),
    )
    session.add(asset)
    for name, unit, length in (
        ("power", "MW", QUARTER),
        ("price", "EUR/MWh", HOUR),
        ("temperature", "°C", timedelta(0)),
    ):
        session.add(new_sensor(asset, name, unit, length))
        session.flush()
    return asset


@pytest.fixture
def source(session: Any) -> DataSource:
    source = DataSource(name="Seita", type="scheduler", model="naive", version="1.2")
    session.add(source)
    session.flush()
    return source
