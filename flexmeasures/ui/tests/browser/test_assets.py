"""The life of an asset, from a click on a map to its end; and what its page draws."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from flexmeasures.tests.permissions.world import World
from flexmeasures.ui.tests.browser.conftest import Visit
from flexmeasures.ui.tests.browser.visits import PHONE, barriers


def test_the_life_of_an_asset(visit: Visit, world: World) -> None:
    page = visit("account-admin", "/assets/")
    page.get_by_role("link", name="Create new asset").click()
    page.get_by_label("Name").fill("Oven & Co")
    page.get_by_label("Asset type").select_option(label="battery")
    page.get_by_role("region", name="Location").click(position={"x": 200, "y": 150})
    for field in ("Latitude", "Longitude"):
        expect(page.get_by_label(field)).to_have_value(re.compile(r"^-?\d+\.\d{4}$"))
    chosen = page.get_by_label("Latitude").input_value()
    assert barriers(page) == []
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("Creation was successful.")).to_be_visible()
    # To load the page again does not create another one.
    expect(page).to_have_url(re.compile(r"/assets/\d+/$"))
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Oven & Co")
    expect(page.locator("#where .map-pin")).to_be_visible()
    edit_attributes(page)
    expect(page.get_by_label("Latitude")).to_have_value(str(float(chosen)))
    delete(page)


def edit_attributes(page: Page) -> None:
    page.get_by_role("button", name="Edit asset").click()
    attributes = page.get_by_label("Other attributes (JSON)", exact=True)
    attributes.fill('{"capacity_in_mw": 0.5,\n "site": }')
    state = page.locator("#attributes-state")
    expect(state).to_contain_text("Not valid JSON. Line 2, column 10: a value is missing.")
    page.locator("#edit-asset").get_by_role("button", name="Save").click()
    expect(attributes).to_be_focused()  # and nothing was sent
    attributes.fill('{"capacity_in_mw":0.5,"order":[1,[2,3]]}')
    expect(state).to_have_text("Valid JSON.")
    page.get_by_role("button", name="Put in order: Other attributes").click()
    ordered = '{\n  "capacity_in_mw": 0.5,\n  "order": [1, [2, 3]]\n}'
    expect(attributes).to_have_value(ordered)
    assert barriers(page) == []
    page.locator("#edit-asset").get_by_role("button", name="Save").click()
    expect(page.get_by_text("Editing was successful.")).to_be_visible()
    expect(attributes).to_have_value(ordered)


def delete(page: Page) -> None:
    page.get_by_role("link", name="Delete this asset").click()
    expect(page.get_by_text("0 sensors")).to_be_visible()
    assert barriers(page) == []
    page.get_by_role("button", name="Delete Oven & Co").click()
    expect(
        page.get_by_text("and assorted meter readings / forecasts have been deleted.")
    ).to_be_visible()
    page.get_by_label("Filter records:").fill("oven")
    expect(page.get_by_text("No records to show")).to_be_visible()


def test_the_page_of_an_asset(visit: Visit, world: World) -> None:
    """Its chart has lines with values, as wide as the page; errors of the form open its panel."""
    page = visit("member", f"/assets/{world.ids['asset of Bakery']}/")
    line = page.locator("#sensorchart .mark-line path[d*=L]").first
    expect(line).to_be_visible()
    box = line.bounding_box()
    assert box
    assert box["height"] > 50
    assert box["width"] > 300
    expect(page.locator("#sensorchart svg")).to_contain_text("Power (MW)")
    assert barriers(page) == []
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    page.get_by_role("button", name="Edit asset").click()
    page.get_by_label("Latitude").fill("91")
    page.locator("#edit-asset").get_by_role("button", name="Save").click()
    expect(page.locator("#problems")).to_contain_text("Cannot edit asset.")
    expect(page.locator("#problems")).to_be_focused()
    expect(page.get_by_label("Latitude")).to_be_visible()
    expect(page.get_by_label("Latitude")).to_have_accessible_description(
        "Latitude 91.0 exceeds the maximum latitude of 90 degrees."
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert barriers(page) == []
