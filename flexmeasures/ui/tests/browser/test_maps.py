"""Maps: where assets are, and what was last measured on one; choosing a location."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import pytest
from flask_sqlalchemy import SQLAlchemy
from playwright.sync_api import Page, expect

from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.tests.permissions.world import World
from flexmeasures.ui.tests.browser.conftest import Visit, record
from flexmeasures.ui.tests.browser.visits import PHONE, barriers

ODD = "<b>Ünion</b> & \"Co\" 'x'"

# How many colours a map has: more than the sea's where there is land.
_COLOURS = """canvases => canvases.reduce((number, canvas) => {
    const context = canvas.getContext("2d");
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    return Math.max(number, new Set(new Uint32Array(data.buffer)).size);
}, 0)"""


@pytest.fixture(scope="module")
def located(world: World, db: SQLAlchemy) -> World:
    """Assets of the bakery: one in Groningen, and twenty in Rotterdam."""
    kind = GenericAssetType(name="solar")
    owner = db.session.get(GenericAsset, world.ids["asset of Bakery"]).owner  # type: ignore[union-attr]
    places = [(ODD, 53.2, 6.6), *((f"roof {i}", 51.9 + i / 1000, 4.5) for i in range(20))]
    assets = [
        GenericAsset(
            name=name, generic_asset_type=kind, owner=owner, latitude=latitude, longitude=longitude
        )
        for name, latitude, longitude in places
    ]
    sensor = Sensor("power", assets[0], unit="kW", event_resolution=timedelta(minutes=15))
    db.session.add_all([*assets, sensor])
    db.session.flush()
    source = db.session.query(DataSource).filter_by(name="meter").one()
    record(sensor, source, datetime.now(timezone.utc) - timedelta(hours=2), 4)
    db.session.commit()
    return world


def on_map(page: Page, name: str) -> None:
    expect(page.locator("#mapid canvas").first).to_be_attached()
    page.wait_for_load_state("networkidle")
    assert page.locator("#mapid canvas").evaluate_all(_COLOURS) > 3, name


@pytest.mark.parametrize("window", ["desktop", "phone"])
def test_from_the_map_to_an_asset(visit: Visit, located: World, window: str) -> None:
    page = visit("member", "/", **({"viewport": PHONE} if window == "phone" else {}))
    on_map(page, "outlines, without tiles")
    expect(page.locator(".map-cluster")).to_have_text(["20 places"])
    page.get_by_role("button", name=ODD).click()
    popup = page.locator(".leaflet-popup-content")
    expect(popup).to_contain_text(ODD)
    expect(popup).to_contain_text("2.296 kW")  # the last of four
    map_, box = page.locator("#mapid").bounding_box(), popup.bounding_box()
    assert map_
    assert box
    assert map_["y"] < box["y"]
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]
    view = popup.get_by_role("link", name="View", exact=True)
    expect(view).to_have_attribute("href", re.compile(r"^/assets/\d+/$"))


def test_by_keyboard(visit: Visit, located: World) -> None:
    page = visit("member", "/dashboard")
    pin = page.get_by_role("button", name=ODD)
    pin.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".leaflet-popup-content")).to_contain_text("kW")
    expect(page.get_by_role("link", name="View", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".leaflet-popup-content")).to_have_count(0)
    expect(pin).to_be_focused()
    cluster = page.locator(".map-cluster")
    cluster.focus()
    page.keyboard.press("Enter")
    expect(cluster.first).not_to_have_text("20 places")


def test_layers_can_be_switched_off(visit: Visit, located: World) -> None:
    page = visit("admin", "/dashboard?group_by_accounts=1")
    page.get_by_role("button", name="Layers").focus()
    page.keyboard.press("Enter")
    bakery = page.get_by_role("checkbox", name="Bakery")
    bakery.focus()
    page.keyboard.press("Space")
    expect(page.locator(".map-cluster, .map-pin")).to_have_count(0)
    page.get_by_label("Group by account:").uncheck()
    solar = page.get_by_role("row", name="Solar 21").get_by_role("button")
    expect(page.locator(".map-cluster, .map-pin")).not_to_have_count(0)
    # the only located ones: what else is chosen hides them
    solar.click()
    expect(solar).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".map-cluster, .map-pin")).not_to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barriers(visit: Visit, located: World, scheme: str) -> None:
    page = visit("admin", "/dashboard", color_scheme=scheme, reduced_motion="reduce")
    page.get_by_role("button", name=ODD).click()
    expect(page.locator(".states")).to_be_visible()
    assert barriers(page) == []


def test_choosing_a_location(visit: Visit, located: World) -> None:
    """By a click, with arrow keys, or by typing it."""
    page = visit("account-admin", "/assets/new/")
    latitude, longitude = page.locator("#latitude"), page.locator("#longitude")
    pin = page.locator("#mapid .map-pin")
    expect(page.locator("#mapid canvas").first).to_be_attached()
    expect(pin).to_have_count(0)
    page.locator("#mapid").click(position={"x": 150, "y": 150})
    expect(longitude).to_have_value(re.compile(r"^\d+\.\d{4}$"))
    north, east = (float(field.input_value()) for field in (latitude, longitude))
    pin.press("ArrowUp")
    expect(latitude).not_to_have_value(f"{north:.4f}")
    assert float(latitude.input_value()) > north
    assert float(longitude.input_value()) == pytest.approx(east, abs=0.001)
    longitude.fill("200")
    expect(pin).to_have_count(0)
    longitude.fill("4.5")
    expect(pin).to_have_count(1)
