"""What panels offer to whom, and with what their forms begin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask
from flask_security.utils import login_user
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event

from flexmeasures.data.config import db as database
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.tests.permissions.world import World, build_world, user_named
from flexmeasures.ui.operations import Operations, operations_on_asset, operations_on_sensor

QUARTER = timedelta(minutes=15)


@pytest.fixture
def world(fresh_db: SQLAlchemy) -> World:
    return build_world()


@pytest.fixture
def member(app: Flask, world: World) -> Iterator[None]:
    with app.test_request_context("/"):
        login_user(user_named("member"))
        yield


def asset_of(world: World, owner: str | None = "Bakery") -> GenericAsset:
    asset = database.session.get(GenericAsset, world.ids[f"asset of {owner}"])
    assert asset is not None
    return asset


def add(asset: GenericAsset, name: str, unit: str, resolution: timedelta = QUARTER) -> Sensor:
    sensor = Sensor(name, asset, unit=unit, event_resolution=resolution)
    database.session.add(sensor)
    database.session.flush()
    return sensor


def model_of(operations: Operations) -> Any:
    return json.loads(operations.flex_model)


@pytest.mark.parametrize(
    ("who", "owner", "offered"),
    [
        ("member", "Bakery", True),
        ("account-admin", "Bakery", True),
        ("admin", "Bakery", True),
        ("admin-reader", "Bakery", False),
        ("member", None, False),
        ("admin", None, True),
    ],
)
def test_who_is_offered_what(
    app: Flask, world: World, who: str, owner: str | None, offered: bool
) -> None:
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = user_named(who).fs_uniquifier
    page = client.get(f"/assets/{world.ids[f'asset of {owner}']}/")
    assert page.status_code == 200
    url = f"/api/v3_0/assets/{world.ids[f'asset of {owner}']}/schedules/trigger"
    assert (url in page.text) == offered
    assert ("forecasts/trigger" in page.text) == offered
    assert ("js/operations.js" in page.text) == offered


def test_what_is_not_offered_is_refused(app: Flask, world: World) -> None:
    """Also to a page of ours."""
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = user_named("admin-reader").fs_uniquifier
    for path in (
        f"assets/{world.ids['asset of Bakery']}/schedules/trigger",
        f"sensors/{world.ids['sensor of Bakery']}/schedules/trigger",
        f"sensors/{world.ids['sensor of Bakery']}/forecasts/trigger",
    ):
        body = {"start": "2026-03-01T00:00:00+01:00"}
        answer = client.post(
            f"/api/v3_0/{path}", json=body, headers={"Sec-Fetch-Site": "same-origin"}
        )
        assert answer.status_code == 403


@pytest.mark.usefixtures("member")
def test_forms_begin_with_what_is_stored(world: World) -> None:
    asset = asset_of(world)
    asset.flex_model = {"soc-max": "3 kWh"}
    asset.flex_context = {"consumption-price": "0.2 EUR/kWh"}
    found = operations_on_asset(asset)
    assert model_of(found) == [{"asset": asset.id, "soc-max": "3 kWh"}]
    assert json.loads(found.flex_context) == asset.flex_context
    assert not found.is_example
    about_sensor = operations_on_sensor(asset.sensors[0])
    assert model_of(about_sensor) == {"soc-max": "3 kWh"}


@pytest.mark.usefixtures("member")
def test_a_flex_model_of_another_sensor_is_not_taken(world: World) -> None:
    asset = asset_of(world)
    other = add(asset, "other power", "kW")
    asset.flex_model = {"sensor": other.id, "soc-max": "3 kWh"}
    found = operations_on_sensor(asset.sensors[0])
    assert found.is_example
    assert "3 kWh" not in found.flex_model
    assert not operations_on_sensor(other).is_example


@pytest.mark.usefixtures("member")
def test_examples_tell_what_attributes_do(world: World) -> None:
    asset = asset_of(world)
    asset.attributes = {"capacity_in_mw": 0.5, "max_soc_in_mwh": 0.45}
    price = add(asset_of(world, None), "prices", "EUR/MWh")
    found = operations_on_asset(asset)
    assert model_of(found) == [
        {
            "sensor": world.ids["sensor of Bakery"],
            "soc-at-start": "0 kWh",
            "soc-max": "0.45 MWh",
            "power-capacity": "0.5 MW",
            "roundtrip-efficiency": "90%",
        }
    ]
    assert json.loads(found.flex_context) == {"consumption-price": {"sensor": price.id}}
    add(asset_of(world, "Mill"), "prices of others", "EUR/MWh")
    nearer = add(asset, "own prices", "EUR/kWh")
    context = json.loads(operations_on_asset(asset).flex_context)
    assert context == {"consumption-price": {"sensor": nearer.id}}


@pytest.mark.usefixtures("member")
def test_what_parents_say_is_told_not_shown(world: World) -> None:
    """It is used, but need not be the reader's to see."""
    parent, part = asset_of(world, "Mill"), asset_of(world)
    part.parent_asset = parent
    parent.flex_context = {"consumption-price": "0.1234 EUR/kWh"}
    add(part, "own prices", "EUR/kWh")
    database.session.flush()
    found = operations_on_asset(part)
    assert found.flex_context == "{}"
    assert "consumption-price" in " ".join(found.stored)
    assert "0.1234" not in " ".join(found.stored)


@pytest.mark.usefixtures("member")
def test_sensors_without_power_are_only_forecast(world: World) -> None:
    sensor = add(asset_of(world), "temperature", "°C")
    found = operations_on_sensor(sensor)
    assert (found.schedule_url, found.sensors) == (None, [sensor])
    assert not operations_on_sensor(add(asset_of(world), "level", "%", timedelta(0)))


def test_names_are_texts(app: Flask, world: World) -> None:
    asset = asset_of(world)
    asset.name = "</textarea><script>"
    asset.sensors[0].name = "<b>power"
    asset.flex_model = {"soc-max": "3 kWh", "note": "</textarea><script>alert(1)</script>"}
    add(asset, "second", "kW")
    database.session.commit()
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = user_named("member").fs_uniquifier
    page = client.get(f"/assets/{asset.id}/").text
    seen: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: seen.append(tag)  # type: ignore[method-assign]
    parser.feed(page)
    assert "<script>" not in page
    assert "b" not in seen
    assert "alert(1)" in page


@pytest.mark.usefixtures("member")
def test_few_statements(world: World, fresh_db: SQLAlchemy) -> None:
    """The same, however many parts and sensors there are."""
    asset, statements = asset_of(world), list[str]()

    def note(*told: Any) -> None:
        statements.append(told[2])

    def count() -> int:
        database.session.flush()
        database.session.expire_all()
        database.session.refresh(asset)
        user_named("member")
        statements.clear()
        event.listen(fresh_db.engine, "before_cursor_execute", note)
        operations_on_asset(asset)
        event.remove(fresh_db.engine, "before_cursor_execute", note)
        return len(statements)

    few = count()
    for number in range(20):
        part = GenericAsset(
            name=f"part {number}",
            generic_asset_type=asset.generic_asset_type,
            account_id=asset.account_id,
            parent_asset=asset,
            flex_model={"soc-max": "1 kWh"},
        )
        database.session.add(part)
        add(part, "power", "kW")
        add(asset, f"power {number}", "kW")
    assert count() <= few <= 8
