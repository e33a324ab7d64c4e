"""The dashboard: who sees which assets on it, how they are grouped, and how quickly it comes.
Also the pages without much on them: control, docs."""

from __future__ import annotations

import html
import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.app import create
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.models.user import Account
from flexmeasures.tests.permissions.world import World, build_world, user_named
from flexmeasures.ui.views import docs

ODD = "</script>'\"<b> & ü"
# name, type, owner, location
ASSETS: list[tuple[str, str, str | None, tuple[float, float] | None]] = [
    ("roof", "solar", "Bakery", (52.0, 4.0)),
    ("barn", "solar", "Bakery", None),
    ("mill", "wind", "Bakery", (54.0, 8.0)),
    ("charger", "two-way_evse", "Bakery", None),
    (ODD, "heat pump <i>", "Bakery", (53.0, 5.0)),
    ("theirs", "building", "Mill", (10.0, 20.0)),
    ("prices", "market", None, (50.0, 0.0)),
]


@pytest.fixture(scope="module")
def site(app: Flask) -> Flask:
    return create(env="testing")


@pytest.fixture(scope="module")
def world(db: SQLAlchemy) -> World:
    world = build_world()
    add(db, ASSETS)
    return world


def add(db: SQLAlchemy, assets: list[tuple[str, str, str | None, Any]]) -> None:
    kinds = {kind.name: kind for kind in db.session.query(GenericAssetType)}
    owners = {account.name: account for account in db.session.query(Account)}
    for name, type_name, owner, place in assets:
        kind = kinds.setdefault(
            type_name, GenericAssetType(name=type_name, description=f"a {type_name}")
        )
        latitude, longitude = place or (None, None)
        db.session.add(
            GenericAsset(
                name=name,
                generic_asset_type=kind,
                owner=owners.get(owner or ""),
                latitude=latitude,
                longitude=longitude,
            )
        )
    db.session.commit()


def browser_of(site: Flask, name: str) -> FlaskClient:
    client = site.test_client()
    with client.session_transaction() as session:
        session.update(_user_id=user_named(name).fs_uniquifier, _fresh=True)
    return client


def page_of(site: Flask, name: str, query: str = "") -> str:
    answer = browser_of(site, name).get(f"/dashboard{query}")
    assert answer.status_code == 200
    return answer.text


def layers_of(page: str) -> dict[str, Any]:
    (found,) = re.findall(r"data-layers='([^']*)'", page)
    layers: dict[str, Any] = json.loads(html.unescape(found))
    return layers


def on_map(page: str) -> dict[str, set[str]]:
    """Names of assets by layer."""
    return {
        layer["title"]: {row[1] for row in layer["rows"]} for layer in layers_of(page)["layers"]
    }


def summary_of(page: str) -> dict[str, int]:
    table = page.partition('id="asset-summary"')[2].partition("</table>")[0]
    rows = re.findall(r"<th scope[^>]*>(.*?)</th>\s*<t[hd][^>]*>([\d,]+)</t", table, re.S)
    return {
        html.unescape(re.sub(r"<[^>]*>", "", head)).strip(): int(number.replace(",", ""))
        for head, number in rows
    }


def test_members_see_their_assets_and_public_ones(site: Flask, world: World) -> None:
    page = page_of(site, "member")
    assert on_map(page) == {
        "Heat pump <i>s": {ODD},
        "Markets": {"prices"},
        "Solar": {"roof"},
        "Wind": {"mill"},
    }
    assert "theirs" not in page
    assert summary_of(page) == {
        "My assets:": 8,
        "Renewables": 3,
        "EVSE": 1,
        "Batteries": 2,  # one is public
        "Heat pump <i>s": 1,
        "Markets": 1,
        "Solar": 2,
        "Two-way EVSEs": 1,
        "Wind": 1,
    }
    assert 'title="A solar and a wind"' in page
    assert "<title>Dashboard - FlexMeasures</title>" in page


def test_names_are_escaped(site: Flask, world: World) -> None:
    page = page_of(site, "member")
    assert "<i>s" not in page
    assert "<b> &" not in page


def test_the_map_is_centred_on_the_account(site: Flask, world: World) -> None:
    assert "data-center='53.0000,6.0000'" in page_of(site, "member")
    assert "data-center='10.0000,20.0000'" in page_of(site, "other")
    assert "data-fit=''" in page_of(site, "other")
    # who has no assets sees all at once
    assert "data-fit='all'" in page_of(site, "admin")


def test_no_tiles_without_a_token(site: Flask, world: World) -> None:
    assert "mapbox" not in page_of(site, "member")


def test_with_a_token(app: Flask, world: World) -> None:
    site = create(env="testing")
    site.config["MAPBOX_ACCESS_TOKEN"] = 'pk."abc'
    assert 'data-mapbox-token="pk.&#34;abc"' in page_of(site, "member")


@pytest.mark.parametrize("who", ["admin", "admin-reader"])
def test_admins_see_all(site: Flask, world: World, who: str) -> None:
    page = page_of(site, who)
    assert "theirs" in on_map(page)["Buildings"]
    assert layers_of(page)["accounts"] == ["Bakery", "Mill", "PUBLIC"]
    assert summary_of(page)["FlexMeasures total:"] == 10
    assert 'id="dashboard-grouping-options"' in page


@pytest.mark.parametrize("query", ["=1", "=", "=on"])
def test_grouping_by_account(site: Flask, world: World, query: str) -> None:
    page = page_of(site, "admin-reader", f"?group_by_accounts{query}")
    assert on_map(page) == {
        "Bakery": {"roof", "mill", ODD},
        "Mill": {"theirs"},
        "PUBLIC": {"prices"},
    }
    assert summary_of(page) == {"FlexMeasures total:": 10, "Bakery": 6, "Mill": 2, "PUBLIC": 2}
    assert "agg-group" not in page
    assert f'href="/accounts/{world.ids["account of Bakery"]}"' in page


def test_no_grouping_by_account(site: Flask, world: World) -> None:
    assert "Solar" in on_map(page_of(site, "admin", "?group_by_accounts=0"))
    page = page_of(site, "member", "?group_by_accounts=1")
    assert "Solar" in on_map(page)
    assert layers_of(page)["accounts"] == []
    assert "dashboard-grouping-options" not in page


def test_groups_are_configured(site: Flask, world: World) -> None:
    before = site.config["FLEXMEASURES_ASSET_TYPE_GROUPS"]
    site.config["FLEXMEASURES_ASSET_TYPE_GROUPS"] = {"things": ["solar", "solar", "battery", "x"]}
    try:
        found = summary_of(page_of(site, "member"))
    finally:
        site.config["FLEXMEASURES_ASSET_TYPE_GROUPS"] = before
    assert found["Things"] == 4
    assert "Renewables" not in found


def test_clearing_the_session(site: Flask, world: World) -> None:
    client = browser_of(site, "member")
    with client.session_transaction() as session:
        session["event_starts_after"] = "2026-01-01T00:00:00+00:00"
    assert "Your session was cleared." not in client.get("/dashboard").text
    page = client.get("/?clear-session", follow_redirects=True)
    assert "Your session was cleared." in page.text
    with client.session_transaction() as session:
        assert "event_starts_after" not in session
        assert session["_user_id"] == user_named("member").fs_uniquifier


NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


def test_the_latest_state(site: Flask, world: World, db: SQLAlchemy) -> None:
    id_ = world.ids["asset of Bakery"]
    path = f"/dashboard/state/{id_}"
    assert "nothing measured yet" in browser_of(site, "member").get(path).text
    sensor = db.session.get(Sensor, world.ids["sensor of Bakery"])
    assert sensor
    meter, forecaster = (DataSource(name=kind, type=kind) for kind in ("meter", "forecaster"))
    for hours, value, source in [(0, 1.5, meter), (1, 12345.678, meter), (2, 9, forecaster)]:
        db.session.add(
            TimedBelief(
                sensor=sensor,
                source=source,
                event_start=NOON + timedelta(hours=hours),
                belief_horizon=timedelta(hours=2 if source is forecaster else 0),
                event_value=value,
            )
        )
    db.session.commit()
    page = browser_of(site, "member").get(path).text
    assert "12,346 MW" in " ".join(re.sub(r"<[^>]*>", "", page).split())
    assert "2026-01-01T13:00:00" in page
    assert "<html" not in page


def test_a_state_without_sensors(site: Flask, world: World, db: SQLAlchemy) -> None:
    asset = db.session.query(GenericAsset).filter_by(name="roof").one()
    assert "No sensors" in browser_of(site, "member").get(f"/dashboard/state/{asset.id}").text


def test_control(site: Flask, world: World) -> None:
    page = browser_of(site, "member").get("/control")
    assert page.mimetype == "text/html"
    assert "Control actions" in page.text
    assert "<title>Balancing actions" in page.text
    stranger = site.test_client().get("/control")
    assert (stranger.status_code, stranger.location) == (302, "/login?next=/control")


def test_documentation(site: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answer = site.test_client().get("/docs", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "does not have the documentation" in answer.text
    monkeypatch.setattr(docs, "documentation_exists", lambda: True)
    answer = site.test_client().get("/docs")
    assert answer.status_code == 302
    assert answer.location.endswith("/documentation/html/index.html")
