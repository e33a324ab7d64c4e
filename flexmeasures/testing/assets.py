"""Assets with their sensors: batteries, charging stations, wind, sun and weather."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np

from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.testing.data import asset, asset_type, markets, measurements, sensor
from flexmeasures.testing.people import accounts

_QUARTER = timedelta(minutes=15)
_SOMEWHERE = {"latitude": 10, "longitude": 100}


def generic_asset_types() -> dict[str, GenericAssetType]:
    """Asset types, by short names."""
    names = {
        "public_good": "public good",
        "solar": "solar panel",
        "wind": "wind turbine",
        "battery": "battery",
        "weather_station": "weather station",
    }
    return {key: asset_type(name) for key, name in names.items()}


def power_asset_types() -> dict[str, GenericAssetType]:
    """Types of assets with power sensors, by their names."""
    names = ("wind", "solar", "battery", "one-way_evse", "two-way_evse")
    return {name: asset_type(name) for name in names}


def generic_assets() -> dict[str, GenericAsset]:
    """The troposphere, which is public, a battery of the prosumer, a turbine of the supplier."""
    owners = accounts()
    return {
        "troposphere": asset("troposphere", "public good"),
        "test_battery": asset(
            "Test grid connected battery storage",
            "battery",
            owner=owners["Prosumer"],
            attributes={"some-attribute": "some-value", "sensors_to_show": [1, 2]},
        ),
        "test_wind_turbine": asset("Test wind turbine", "wind turbine", owner=owners["Supplier"]),
    }


def renewables() -> dict[str, GenericAsset]:
    """Wind and solar assets of the prosumer, with a day of power values from 2015-01-01 on."""
    made: dict[str, Any] = {}
    for name in ("wind-asset-1", "wind-asset-2", "solar-asset-1"):
        made[name] = _with_power(
            name, name.partition("-")[0], {"capacity_in_mw": 1, "is_producer": True}
        )
        values = 0.5 + 0.5 * np.sin(np.arange(96) / 15)
        measurements(made[name].corresponding_sensor, values)
    return made


def batteries() -> dict[str, GenericAsset]:
    """Two batteries of the prosumer; the second is half full when no price is known any more."""
    storage = {"is_consumer": True, "is_producer": True}
    return {
        "Test battery": _storage("Test battery", "battery", storage, "2015-01-01T00:00+01:00"),
        "Test battery with no known prices": _storage(
            "Test battery with no known prices", "battery", storage, "2040-01-01T00:00+01:00"
        ),
    }


def charging_stations() -> dict[str, GenericAsset]:
    """A station that only charges, and one that also discharges."""
    one_way = {"is_consumer": True, "is_producer": False}
    two_way = {"is_consumer": True, "is_producer": True}
    known = "2015-01-01T00:00+01:00"
    return {
        "Test charging station": _storage("Test charging station", "one-way_evse", one_way, known),
        "Test charging station (bidirectional)": _storage(
            "Test charging station (bidirectional)", "two-way_evse", two_way, known
        ),
    }


def weather_sensors() -> dict[str, Sensor]:
    """Wind and temperature of a public weather station, every 5 minutes."""
    station = asset("Test weather station", "weather station", latitude=33.4843866, longitude=126)
    often = {"event_resolution": timedelta(minutes=5)}
    return {
        "wind": sensor(station, "wind speed", "m/s", **often),
        "temperature": sensor(station, "temperature", "°C", **often),
    }


def height_sensor() -> dict[str, Sensor]:
    """How high the troposphere is."""
    return {"height": sensor(generic_assets()["troposphere"], "height", "m")}


def state_of_charge_sensor() -> Sensor:
    """The state of charge of the test battery, in percent."""
    battery = generic_assets()["test_battery"]
    return sensor(battery, "state of charge", "%", event_resolution=_QUARTER)


def _storage(name: str, kind: str, directions: dict[str, Any], known_at: str) -> GenericAsset:
    """2 MW and 5 MWh, half full at that time."""
    levels = {
        "capacity_in_mw": 2,
        "min_soc_in_mwh": 0,
        "max_soc_in_mwh": 5,
        "soc_in_mwh": 2.5,
        "soc_datetime": known_at,
        "soc_udi_event_id": 203,
        "market_id": markets()["epex_da"].id,
    }
    return _with_power(name, kind, levels | directions)


def _with_power(name: str, kind: str, attributes: dict[str, Any]) -> GenericAsset:
    """An asset of the prosumer, with a power sensor of the same name."""
    made = asset(name, kind, owner=accounts()["Prosumer"], attributes=attributes, **_SOMEWHERE)
    power = sensor(made, name, "MW", event_resolution=_QUARTER)
    made.corresponding_sensor = power  # type: ignore[attr-defined]
    return made
