"""Charts on the pages of sensors and assets, as people use them."""

from __future__ import annotations

import csv
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from flask_sqlalchemy import SQLAlchemy
from playwright.sync_api import Locator, Page, expect

from flexmeasures.data.beliefs.rows import Rows, microseconds
from flexmeasures.data.beliefs.save import save_rows
from flexmeasures.data.models.annotations import Annotation, SensorAnnotationRelationship
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.tests.permissions.world import World
from flexmeasures.ui.tests.browser.conftest import START, TODAY, Visit
from flexmeasures.ui.tests.browser.visits import PHONE, Watch, barriers

DAY = timedelta(days=1)
YEAR = 365 * 1440  # minutes


@pytest.fixture(scope="module")
def year(world: World, db: SQLAlchemy) -> Sensor:
    """A sensor with a year of 1-minute values: each day's number, ten times that in one minute."""
    asset = db.session.get(GenericAsset, world.ids["asset of Bakery"])
    assert asset is not None
    sensor = Sensor("year", asset, unit="kW", event_resolution=timedelta(minutes=1))
    source = DataSource(name="meter of minutes", type="demo script")
    db.session.add_all([sensor, source])
    db.session.flush()
    number = np.arange(YEAR, dtype=np.int64)
    values = 1.0 + number // 1440
    values[720::1440] *= 10
    save_rows(
        Rows(
            np.full(YEAR, sensor.id),
            microseconds(TODAY - 365 * DAY) + 60_000_000 * number,
            np.full(YEAR, source.id),
            np.zeros(YEAR, np.int64),
            np.full(YEAR, 0.5),
            values.astype(np.float64),
        )
    )
    db.session.commit()
    return sensor


@pytest.fixture(scope="module")
def forecast(world: World, db: SQLAlchemy) -> Sensor:
    """The bakery's sensor: what was measured was forecast, too, six hours before."""
    sensor = db.session.get(Sensor, world.ids["sensor of Bakery"])
    assert sensor is not None
    source = DataSource(name="oracle", type="forecaster", model="crystal ball", version="3")
    note = Annotation(
        start=START, end=START + DAY, content="Out of flour", type="label", source=source
    )
    db.session.add_all([source, note])
    db.session.flush()
    db.session.add(SensorAnnotationRelationship(sensor_id=sensor.id, annotation_id=note.id))
    number = np.arange(2 * 96, dtype=np.int64)
    save_rows(
        Rows(
            np.full(len(number), sensor.id),
            microseconds(START) + 900_000_000 * number,
            np.full(len(number), source.id),
            np.full(len(number), microseconds(timedelta(hours=6))),
            np.full(len(number), 0.5),
            np.sin(number / 10) + 3,
        )
    )
    db.session.commit()
    return sensor


def period(days: float, start: int = 0) -> str:
    """So many days from the start of that day on; today is day 0."""
    first = TODAY + start * DAY
    return f"?start={first:%Y-%m-%dT%H:%M}Z&end={first + days * DAY:%Y-%m-%dT%H:%M}Z"


def bars(page: Page) -> Locator:
    return page.locator("#sensorchart .mark-rect.role-mark path")


def test_a_year_of_minutes(visit: Visit, year: Sensor) -> None:
    """Means of 24 hours, and the chart and the file say so; a part of it shows what there is."""
    page = visit("member", "/logged-in-user")
    with page.expect_response("**/chart_data/**") as answer:
        page.goto(f"/sensors/{year.id}/{period(365, -365)}")
    assert answer.value.request.sizes()["responseBodySize"] < 1_000_000
    expect(bars(page)).to_have_count(2 * 365)  # means, and from the lowest to the highest value
    note = page.get_by_text("Means per 24 hours, shaded from the lowest to the highest value.")
    expect(note).to_be_visible()
    page.locator("#sensorchart svg").hover(position={"x": 600, "y": 250})
    tooltip = page.locator("#vg-tooltip-element.visible")
    for text in (
        "Mean of",
        "24 hours",
        "Lowest",
        "Highest",
        "kW",
        "meter of minutes",
        "Believed at",
    ):
        expect(tooltip).to_contain_text(text)
    rows = saved_rows(page, f"{year.name}-means.csv")
    assert [float(row["event_value"]) for row in rows] == pytest.approx(
        [day * (1439 + 10) / 1440 for day in range(1, 366)]
    )
    assert (rows[9]["mean_of"], rows[9]["least"], rows[9]["most"]) == ("PT86400S", "10", "100")

    page.goto(
        f"/sensors/{year.id}/?start={TODAY - DAY:%Y-%m-%d}T12:00Z&end={TODAY - DAY:%Y-%m-%d}T20:00Z"
    )
    expect(bars(page)).to_have_count(480)
    expect(note).to_be_hidden()


def saved_rows(page: Page, name: str) -> list[dict[str, str]]:
    page.get_by_role("button", name="Save").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="data as CSV").click()
    assert download.value.suggested_filename == name
    return list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))


def test_replay(visit: Visit, forecast: Sensor) -> None:
    """By keyboard: what was known when, with pauses; then the chart is as it was."""
    page = visit("member", f"/sensors/{forecast.id}/{period(1, -1)}")
    expect(bars(page)).not_to_have_count(0)
    every = bars(page).count()
    button, moment = page.locator("#replay"), page.locator("#replay-time")
    rule = page.locator("#sensorchart .mark-rule.role-mark line")
    expect(rule).to_have_count(0)
    page.keyboard.press("p")
    expect(button).to_have_class(re.compile("playing"))
    expect(rule).to_have_count(1)
    page.wait_for_timeout(500)
    page.keyboard.press("p")
    expect(button).to_have_class(re.compile("paused"))
    expect(button).to_contain_text("Resume")
    page.wait_for_timeout(300)
    known, paused_at = bars(page).count(), moment.text_content()
    assert 24 <= known < every  # six hours of forecasts, at least
    page.wait_for_timeout(500)
    assert (bars(page).count(), moment.text_content()) == (known, paused_at)
    page.keyboard.press("p")
    expect(moment).not_to_have_text(paused_at or "")
    page.keyboard.press("s")
    expect(button).to_have_class(re.compile("stopped"))
    expect(moment).to_be_empty()
    expect(rule).to_have_count(0)
    expect(bars(page)).to_have_count(every)
    button.click()
    expect(button).to_have_class(re.compile("playing"))
    expect(button).to_have_class(re.compile("stopped"), timeout=20_000)
    expect(bars(page)).to_have_count(every)


def test_too_much_to_replay(visit: Visit, year: Sensor, watch: Watch) -> None:
    watch.allow("422")
    page = visit("member", f"/sensors/{year.id}/{period(365, -365)}")
    expect(bars(page)).not_to_have_count(0)
    page.locator("#replay").click()
    expect(page.locator("#replay-time")).to_have_text(
        "There are more than 50000 beliefs. Choose a shorter period."
    )
    expect(page.locator("#replay")).to_have_class(re.compile("stopped"))
    expect(bars(page)).to_have_count(2 * 365)


def test_keys_that_are_typed_do_not_play(visit: Visit, forecast: Sensor) -> None:
    page = visit("member", f"/sensors/{forecast.id}/{period(1, -1)}")
    expect(bars(page)).not_to_have_count(0)
    page.locator("textarea").first.press("p")
    expect(page.locator("#replay")).to_have_class(re.compile("stopped"))


def test_annotations(visit: Visit, forecast: Sensor) -> None:
    """Shades, and a list; without them when that is chosen, which is remembered."""
    page = visit("member", f"/sensors/{forecast.id}/{period(2, -1)}")
    item = page.locator("#annotations li")
    expect(item).to_contain_text("Out of flour")
    expect(bars(page)).not_to_have_count(0)
    shown = bars(page).count()
    with page.expect_response("**/chart/?**"):
        page.get_by_label("Annotations").uncheck()
    expect(item).to_be_hidden()
    expect(bars(page)).to_have_count(shown - 1)  # the shade is a bar, too
    page.reload()
    expect(page.get_by_label("Annotations")).not_to_be_checked()
    expect(bars(page)).to_have_count(shown - 1)


def test_data_are_loaded_when_needed(visit: Visit, forecast: Sensor) -> None:
    """A part of what is there already does not come again; the session still remembers it."""
    page = visit("member", f"/sensors/{forecast.id}/{period(3, -2)}")
    expect(bars(page)).not_to_have_count(0)
    before = bars(page).count()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.get_by_role("button", name="Select dates").click()
    with page.expect_response("**/chart/?**") as answer:
        page.get_by_role("button", name="Today").click()
    expect(bars(page)).not_to_have_count(before)
    assert 0 < bars(page).count() < before
    assert not any(path.endswith("/chart_data/") for path in asked)
    query = parse_qs(urlsplit(answer.value.url).query)
    assert "event_starts_after" in query
    assert "start" in parse_qs(urlsplit(page.url).query)


def test_an_asset_is_replayed_too(visit: Visit, world: World, forecast: Sensor) -> None:
    page = visit("member", f"/assets/{world.ids['asset of Bakery']}/{period(1, -1)}")
    expect(page.locator("#sensorchart .mark-line path[d*=L]").first).to_be_visible()
    page.locator("#replay").click()
    expect(page.locator("#sensorchart .mark-rule.role-mark line").first).to_be_attached()
    expect(page.locator("#replay-time")).to_contain_text(str(START.year))
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#replay")).to_be_focused()


@pytest.mark.parametrize(("theme", "ground"), [("light", 255), ("dark", 51)])
def test_the_chart_alone(visit: Visit, forecast: Sensor, theme: str, ground: int) -> None:
    window = (
        period(1, -1).replace("start", "event_starts_after").replace("end=", "event_ends_before=")
    )
    page = visit("member", f"/sensors/{forecast.id}/chart/{window}&chart_theme={theme}")
    marks = page.locator("#vis .mark-rect.role-mark path")
    expect(marks).to_have_count(2 * 96)
    marks.nth(40).hover(force=True)
    expect(page.locator("#vg-tooltip-element")).to_contain_text("MW")
    assert f"rgb({ground}, {ground}, {ground})" in page.evaluate(
        "getComputedStyle(document.body).backgroundColor"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barriers(visit: Visit, forecast: Sensor, scheme: str) -> None:
    page = visit("member", f"/sensors/{forecast.id}/{period(1, -1)}", color_scheme=scheme)
    expect(bars(page)).not_to_have_count(0)
    assert barriers(page) == []
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    expect(page.locator("#sensorchart svg")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
