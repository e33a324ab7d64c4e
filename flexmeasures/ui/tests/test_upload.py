"""Pages to upload data: of whose sensors, and with which panel."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event

from flexmeasures.app import create
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.tests.permissions.world import World, build_world, user_named


@pytest.fixture
def world(fresh_db: SQLAlchemy) -> World:
    return build_world()


@pytest.fixture
def site(app: Flask, world: World) -> Flask:
    return create(env="testing")


def browser_of(site: Flask, name: str) -> FlaskClient:
    client = site.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = user_named(name).fs_uniquifier
    return client


def links(world: World, *owners: str) -> list[str]:
    return [f'href="/upload/{world.ids[f"sensor of {owner}"]}"' for owner in owners]


def test_own_sensors(site: Flask, world: World) -> None:
    page = browser_of(site, "member").get("/upload").text
    assert all(link in page for link in links(world, "Bakery"))
    assert not any(link in page for link in links(world, "Mill", "None"))


def test_sensors_of_everybody_for_admins(site: Flask, world: World) -> None:
    page = browser_of(site, "admin").get("/upload").text
    assert all(link in page for link in links(world, "Bakery", "Mill", "None"))
    page = browser_of(site, "admin-reader").get("/upload").text
    assert not any(link in page for link in links(world, "Bakery", "None"))


def test_search_and_pages_take_as_many_statements_as_ever(
    site: Flask, world: World, fresh_db: SQLAlchemy
) -> None:
    browser = browser_of(site, "member")
    few = statements(fresh_db, browser, "/upload")
    asset = fresh_db.session.get(GenericAsset, world.ids["asset of Bakery"])
    for number in range(30):
        fresh_db.session.add(
            Sensor(f"<b>{number}", asset, unit="kW", event_resolution=timedelta(minutes=5))
        )
    fresh_db.session.commit()
    assert statements(fresh_db, browser, "/upload") == few
    page = browser.get("/upload?filter=%3Cb%3E2").text
    assert "&lt;b&gt;28" in page
    assert "<b>" not in page
    assert "Showing 1 to 10 out of 11 records" in page  # 2, and 20 to 29


def statements(db: SQLAlchemy, browser: FlaskClient, path: str) -> int:
    sent: list[str] = []

    def note(*arguments: object) -> None:
        sent.append(str(arguments[2]))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        assert browser.get(path).status_code == 200
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return len(sent)


def test_panel(site: Flask, world: World) -> None:
    id_ = world.ids["sensor of Bakery"]
    page = browser_of(site, "member").get(f"/upload/{id_}").text
    assert f'action="/api/v3_0/sensors/{id_}/data/upload"' in page
    assert 'accept=".csv,.xlsx,.xls,.xlsm"' in page
    assert "3 MiB at most" in page


def test_where_nothing_can_be_written(site: Flask, world: World, fresh_db: SQLAlchemy) -> None:
    fresh_db.session.delete(fresh_db.session.get(Sensor, world.ids["sensor of Bakery"]))
    fresh_db.session.commit()
    assert "There is no such sensor yet." in browser_of(site, "member").get("/upload").text
