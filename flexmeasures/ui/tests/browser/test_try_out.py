"""What pages are built of: charts, the calendar, tables, colours, the menu."""

from __future__ import annotations

import csv
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from flexmeasures.tests.permissions.world import World
from flexmeasures.ui.tests.browser.conftest import Visit
from flexmeasures.ui.tests.browser.visits import PHONE, Watch, barriers


def chart_of(visit: Visit, world: World, kind: str, query: str = "") -> Page:
    return visit("member", f"/try-out/{kind}/{world.ids[f'{kind} of Bakery']}/{query}")


def bars(page: Page) -> Locator:
    return page.locator("#sensorchart .mark-rect.role-mark path")


@pytest.fixture
def sensor_page(visit: Visit, world: World) -> Page:
    page = chart_of(visit, world, "sensor")
    expect(bars(page)).not_to_have_count(0)
    return page


def test_a_chart_draws_what_is_known(sensor_page: Page) -> None:
    """The last two days with data; the policy of the pages forbids to evaluate text as code."""
    number = bars(sensor_page).count()
    assert 92 <= number <= 200  # two days, in one of which clocks may change
    heights = {round(bar.bounding_box()["height"]) for bar in bars(sensor_page).all()[:30]}  # type: ignore[index]
    assert len(heights) > 10
    picture = sensor_page.get_by_role("img", name="Chart of try-out")
    expect(picture).to_have_accessible_name(
        f"Chart of try-out: {number} values of power (store), from 1 to 3."
    )


def test_lines_of_an_asset_and_their_tooltip(visit: Visit, world: World) -> None:
    page = chart_of(visit, world, "asset")
    line = page.locator("#sensorchart .mark-line path[d*=L]").first
    expect(line).to_be_visible()
    page.locator("#sensorchart svg").hover(position={"x": 400, "y": 100})
    tooltip = page.locator("#vg-tooltip-element.visible")
    expect(tooltip).to_contain_text("meter (ID:")
    expect(tooltip).to_contain_text("MW")
    expect(tooltip).to_contain_text("60 seconds")


@pytest.mark.parametrize("kind", ["sensor", "asset"])
def test_charts_are_as_wide_as_the_page(visit: Visit, world: World, kind: str) -> None:
    page = chart_of(visit, world, kind)
    for width in (1440, 800, 390, 1440):
        page.set_viewport_size({"width": width, "height": 844})
        expect(page.locator("#sensorchart svg")).to_be_visible()
        page.wait_for_timeout(500)
        available = page.locator(".chart-canvas").bounding_box()
        drawn = page.locator("#sensorchart svg").bounding_box()
        assert available
        assert drawn
        assert available["width"] - 30 < drawn["width"] <= available["width"] + 2
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_saving(sensor_page: Page) -> None:
    saved = {}
    for kind in ("csv", "svg", "png"):
        sensor_page.get_by_role("button", name="Save").click()
        with sensor_page.expect_download() as download:
            sensor_page.locator(f"[data-save={kind}]").click()
        assert download.value.suggested_filename == f"try-out.{kind}"
        saved[kind] = Path(download.value.path()).read_bytes()
    rows = list(csv.DictReader(saved["csv"].decode().splitlines()))
    assert len(rows) == bars(sensor_page).count()
    assert rows[0]["sensor"] == "power (store)"
    assert saved["svg"].startswith(b"<svg")
    assert saved["png"].startswith(b"\x89PNG")


def test_choosing_a_period(sensor_page: Page) -> None:
    """It is in the address, and the session: other pages begin with it."""
    page = sensor_page
    page.get_by_role("button", name="Select dates").click()
    with page.expect_response("**/chart_data/**") as answer:
        page.get_by_role("button", name="Today").click()
    query = parse_qs(urlsplit(page.url).query)
    assert query["start"][0].endswith(("T00:00:00+01:00", "T00:00:00+02:00"))
    number = len(answer.value.json())
    assert 92 <= number <= 100
    expect(bars(page)).to_have_count(number)
    with page.expect_response("**/chart_data/**"):
        page.go_back()
    expect(bars(page)).not_to_have_count(number)
    with page.expect_response("**/chart_data/**"):
        page.go_forward()
    expect(bars(page)).to_have_count(number)
    with page.expect_request("**/chart_data/**") as request:
        page.goto(urlsplit(page.url).path)
    remembered = parse_qs(urlsplit(request.value.url).query)["event_starts_after"][0]
    assert remembered.endswith(("T23:00:00.000Z", "T22:00:00.000Z"))


def test_choosing_a_period_by_keyboard(sensor_page: Page) -> None:
    page = sensor_page
    page.get_by_role("button", name="Select dates").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("First day")).to_be_visible()
    day = page.locator("calendar-month button[tabindex='0']")
    day.focus()
    focused = page.locator("calendar-month button:focus")
    chosen = focused.text_content()
    page.keyboard.press("Enter")
    for _ in range(20):  # the calendar draws itself anew after a choice, and may miss a key then
        page.keyboard.press("ArrowUp")
        page.wait_for_timeout(100)
        if focused.count() and focused.text_content() != chosen:
            break
    with page.expect_response("**/chart_data/**") as answer:
        page.keyboard.press("Enter")
    query = parse_qs(urlsplit(answer.value.url).query)
    assert query["event_starts_after"] < query["event_ends_before"]
    page.keyboard.press("Escape")
    expect(page.get_by_label("First day")).not_to_be_visible()


def test_no_data(sensor_page: Page) -> None:
    page = sensor_page
    page.goto(f"{urlsplit(page.url).path}?start=2020-01-01T00:00:00Z&end=2020-01-02T00:00:00Z")
    expect(page.get_by_text("There are no data in this period.")).to_be_visible()


def test_a_chart_that_fails_says_why(visit: Visit, world: World, watch: Watch) -> None:
    watch.allow("404|403")
    page = visit("member", f"/try-out/sensor/{world.ids['sensor of Mill']}/")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("You cannot be authorized")
    expect(page.locator("#spinner")).to_be_hidden()


def test_a_later_period_overtakes_an_earlier_one(sensor_page: Page) -> None:
    page = sensor_page

    def slowly(route: Route) -> None:
        page.wait_for_timeout(800)
        route.continue_()

    page.get_by_role("button", name="Select dates").click()
    page.route("**/chart_data/**", slowly, times=1)
    page.get_by_role("button", name="Last 7 days").click()
    with page.expect_response("**/chart_data/**") as answer:
        page.get_by_role("button", name="Today").click()
    number = len(answer.value.json())
    assert number <= 100
    expect(bars(page)).to_have_count(number)
    page.wait_for_timeout(1000)
    expect(bars(page)).to_have_count(number)


def test_a_replay_can_show_other_rows(sensor_page: Page) -> None:
    found = sensor_page.evaluate(
        """async () => {
            const source = document.querySelector("script[src*=chart_page]").src;
            const { chartOfPage } = await import(source);
            const chart = await chartOfPage;
            const svg = () => chart.canvas.querySelector("svg");
            const bars = () => svg().querySelectorAll(".mark-rect.role-mark path").length;
            const lines = () => svg().querySelectorAll(".mark-rule.role-mark line").length;
            const all = bars();
            await chart.setRows(chart.loadedRows.slice(0, 5), chart.loadedRows[5].event_start);
            const shown = [bars(), lines()];
            await chart.redraw();
            return [...shown, bars() === all, lines()];
        }"""
    )
    assert found == [5, 1, True, 0]


def test_light_and_dark(visit: Visit, world: World) -> None:
    page = visit("member", "/logged-in-user", color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")


def test_the_menu_on_a_phone(visit: Visit, world: World) -> None:
    page = visit("admin", "/logged-in-user", viewport=PHONE)
    expect(page.get_by_role("link", name="Accounts")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("link", name="Accounts")).to_be_visible()
    page.get_by_role("button", name="Tasks").click()
    expect(page.get_by_role("link", name="Forecasts")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_by_keyboard_to_the_content(visit: Visit, world: World) -> None:
    page = visit("member", "/logged-in-user")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_tables(sensor_page: Page) -> None:
    page = sensor_page
    rows = page.locator("#numbers tbody tr")
    expect(rows).to_have_count(10)
    expect(page.get_by_text("Showing 1 to 10 out of 23 records")).to_be_visible()
    page.get_by_role("button", name="Rest").click()
    expect(rows.first).to_contain_text("22")
    page.get_by_label("Filter records:").fill("odd 9")
    expect(rows.first).to_contain_text("79")
    expect(page.get_by_text("(filtered from 23 total records)")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Filter records:")).to_have_value("odd 9")
    page.get_by_label("Filter records:").fill("nothing")
    expect(rows).to_have_text(["No records to show"])
    expect(page.locator("#numbers th", has_text="Word").get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/login", "/reset", "/nonsense"])
def test_strangers_find_no_barriers(visit: Visit, watch: Watch, path: str, scheme: str) -> None:
    watch.allow("404")
    assert barriers(visit(None, path, color_scheme=scheme)) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/logged-in-user", "/logout", "/try-out/asset/1/"])
def test_users_find_no_barriers(visit: Visit, path: str, scheme: str) -> None:
    page = visit("account-admin", path, color_scheme=scheme)
    if "try-out" in path:
        page.get_by_role("button", name="Select dates").click()
        expect(page.locator("#sensorchart svg")).to_be_visible()
    assert barriers(page) == []


@pytest.mark.parametrize("who", ["other", "admin-reader"])
def test_everybody_can_log_in_and_out(visit: Visit, who: str) -> None:
    page = visit(who, "/logged-in-user")
    expect(page.get_by_role("heading", name=f"Logged-in user: {who}")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Please log in")).to_be_visible()
