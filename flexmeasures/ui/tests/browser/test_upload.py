"""From a file to marks in a chart."""

from __future__ import annotations

from datetime import timedelta

from playwright.sync_api import FilePayload, expect

from flexmeasures.tests.permissions.world import World
from flexmeasures.ui.tests.browser.conftest import START, Visit
from flexmeasures.ui.tests.browser.visits import PHONE, Watch, barriers


def test_upload(visit: Visit, world: World, watch: Watch) -> None:
    """A file with a mistake is refused, with words beside it; without, the chart shows its data."""
    watch.allow("422")
    page = visit("member", "/upload")
    page.get_by_role("link", name="power").first.click()
    chart = page.locator("#sensorchart")
    expect(chart.locator("svg")).to_be_visible()
    marks = chart.locator("svg .mark-line path, svg .mark-rect path")
    before = marks.first.get_attribute("d")
    hours = [START + timedelta(hours=hour) for hour in range(48)]
    rows = [f"{hour.isoformat()},{25 - number % 10}" for number, hour in enumerate(hours)]

    def choose(name: str, *lines: str) -> None:
        content = "\n".join(["event_start,event_value", *lines]).encode()
        file: FilePayload = {"name": name, "mimeType": "what/ever", "buffer": content}
        page.locator("#upload-files").set_input_files(file)

    choose("mistake.csv", *rows, "2026-03-01T00:00Z,much")
    page.get_by_label("When each event ended").check()
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator(".files li").first).to_contain_text("'much' in row 50 is no number")
    page.get_by_role("button", name="Remove mistake.csv").click()
    choose("data.CSV", *rows)
    assert barriers(page) == []
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Stored 192 values")).to_be_visible()
    expect(marks.first).not_to_have_attribute("d", before or "")
    page = visit("member", page.url, viewport=PHONE)
    expect(page.locator("#sensorchart svg")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
