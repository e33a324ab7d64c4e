"""The small worlds, as tests of plugins know them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from flask import Flask
from flask.testing import FlaskClient

from flexmeasures import Account, Asset, AssetType, Sensor, Source, User, conftest
from flexmeasures.data.models.time_series import TimedBelief

WORLDS = {
    "setup_accounts": Account,
    "setup_roles_users": User,
    "setup_sources": Source,
    "setup_markets": Sensor,
    "setup_asset_types": AssetType,
    "setup_assets": Asset,
    "setup_generic_asset_types": AssetType,
    "setup_generic_assets": Asset,
    "add_battery_assets": Asset,
    "add_charging_station_assets": Asset,
    "add_weather_sensors": Sensor,
    "add_sensors": Sensor,
    "add_market_prices": Sensor,
}


@pytest.mark.parametrize("name", [*WORLDS, "setup_beliefs", "battery_soc_sensor"])
def test_any_order_in_a_module(request: pytest.FixtureRequest, name: str) -> None:
    """They share a database here, in which most things are there already."""
    made = request.getfixturevalue(name)
    if name in WORLDS:
        assert {type(one) for one in made.values()} == {WORLDS[name]}


def test_people(
    setup_accounts: dict[str, Account], setup_roles_users: dict[str, User], client: FlaskClient
) -> None:
    assert set(setup_accounts) == {"Prosumer", "Supplier", "Dummy", "Empty", "Multi"}
    assert [role.name for role in setup_accounts["Prosumer"].account_roles] == ["Prosumer"]
    assert len(setup_accounts["Multi"].account_roles) == 3
    admin = setup_roles_users["Test Admin User"]
    assert (admin.email, admin.account) == ("test_admin_user@seita.nl", setup_accounts["Dummy"])
    assert [role.name for role in admin.roles] == ["admin"]
    told = client.post(
        "/api/requestAuthToken",
        json={"email": "test_prosumer_user_2@seita.nl", "password": "testtest"},
    )
    assert told.status_code == 200
    assert told.json is not None
    assert told.json["user_id"] == setup_roles_users["Test Prosumer User 2"].id


def test_prices(add_market_prices: dict[str, Any], setup_sources: dict[str, Source]) -> None:
    prices = add_market_prices["epex_da"].corresponding_sensor
    assert (prices.unit, prices.event_resolution) == ("EUR/MWh", pd.Timedelta(hours=1))
    start = pd.Timestamp("2015-01-01", tz="Europe/Amsterdam")
    found = prices.search_beliefs(
        start, start + pd.Timedelta(days=2), source=setup_sources["Seita"]
    )
    assert list(found.event_value[24:]) == [100.0] * 8 + [90.0] * 8 + [100.0] * 8
    assert found.knowledge_times[24] == pd.Timestamp("2015-01-01T12:00", tz="Europe/Paris")


def test_beliefs(setup_beliefs: int, setup_sources: dict[str, Source]) -> None:
    stored = TimedBelief.query.filter_by(source_id=setup_sources["ENTSO-E"].id)
    assert setup_beliefs == stored.count() == 4


def test_assets(
    setup_assets: dict[str, Any],
    add_battery_assets: dict[str, Asset],
    add_weather_sensors: dict[str, Sensor],
    battery_soc_sensor: Sensor,
) -> None:
    wind = setup_assets["wind-asset-1"]
    assert wind.owner.name == "Test Prosumer Account"
    assert TimedBelief.query.filter_by(sensor_id=wind.corresponding_sensor.id).count() == 96
    battery = add_battery_assets["Test battery"]
    assert [battery.get_attribute(name) for name in ("capacity_in_mw", "soc_in_mwh")] == [2, 2.5]
    assert (
        Sensor.find_closest("weather station", "temperature", lat=33, lng=126)
        == (add_weather_sensors["temperature"])
    )
    assert battery_soc_sensor.generic_asset.name == "Test grid connected battery storage"


def test_queues_are_emptied(app: Flask, request: pytest.FixtureRequest) -> None:
    queue = app.queues["forecasting"]  # type: ignore[attr-defined]
    queue.enqueue(print, "something")
    request.getfixturevalue("clean_redis")
    assert queue.count == 0


def test_endpoints_that_fail_are_not_for_our_own_tests(client: FlaskClient) -> None:
    assert hasattr(conftest, "error_endpoints") and "error_endpoints" not in dir(conftest)
    assert client.get("/raise-error").status_code == 404
