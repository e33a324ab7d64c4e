"""Having schedules and forecasts made from pages, with real workers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from flexmeasures.data.beliefs.rows import Rows, microseconds
from flexmeasures.data.beliefs.save import save_rows
from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services import jobs
from flexmeasures.data.services.tests.workers import WorkerProcess
from flexmeasures.tests.permissions.world import World
from flexmeasures.ui.tests.browser.conftest import Visit
from flexmeasures.ui.tests.browser.visits import Watch, barriers

QUARTER, HOUR, DAY = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
TODAY = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
FIRST = TODAY - 21 * DAY
PATIENCE = 90_000  # milliseconds, on a busy machine


@dataclass(frozen=True)
class Plant:
    """Ids: an asset, and on it a battery's power and state of charge, a load, and prices.

    Each day, energy costs 10 EUR/MWh in the first half and 30 in the second.
    """

    site: int
    battery: int
    level: int
    load: int
    price: int


def build_plant(world: World) -> Plant:
    site = db.session.get(GenericAsset, world.ids["asset of Bakery"])
    assert site is not None
    sensors = [
        Sensor("battery power", site, unit="kW", event_resolution=QUARTER),
        Sensor("battery level", site, unit="kWh", event_resolution=timedelta(0)),
        Sensor("load", site, unit="kW", event_resolution=QUARTER),
        Sensor("day-ahead price", site, unit="EUR/MWh", event_resolution=HOUR),
    ]
    db.session.add_all(sensors)
    db.session.flush()
    battery, level, load, price = sensors
    site.flex_model = {
        "sensor": battery.id,
        "soc-at-start": "0 kWh",
        "soc-max": "20 kWh",
        "power-capacity": "10 kW",
        "roundtrip-efficiency": "100%",
        "state-of-charge": {"sensor": level.id},
    }
    site.flex_context = {"consumption-price": {"sensor": price.id}}
    source = DataSource(name="meter", type="demo script")
    db.session.add(source)
    db.session.flush()
    _record(price, source, np.tile(np.repeat([10.0, 30.0], 12), 25))
    passed = (datetime.now(timezone.utc) - FIRST) // QUARTER
    daily = 5 - 4 * np.cos(2 * np.pi * np.arange(passed) / 96)
    _record(load, source, daily + np.random.default_rng(1).normal(scale=0.2, size=passed))
    db.session.commit()
    return Plant(site.id, battery.id, level.id, load.id, price.id)


def _record(sensor: Sensor, source: DataSource, values: np.ndarray) -> None:
    """From FIRST on; prices two days ahead, anything else once it is over."""
    number = len(values)
    step = microseconds(sensor.event_resolution)
    ahead = microseconds(2 * DAY) if "price" in sensor.name else 0
    start = microseconds(FIRST) + step * np.arange(number, dtype=np.int64)
    save_rows(
        Rows(
            sensor_id=np.full(number, sensor.id),
            event_start=start,
            source_id=np.full(number, source.id),
            belief_horizon=np.full(number, ahead),
            cumulative_probability=np.full(number, 0.5),
            event_value=values,
        )
    )


@pytest.fixture(scope="module")
def plant(world: World) -> Plant:
    return build_plant(world)


def fill_start(form: Locator, start: datetime) -> None:
    local = start.astimezone(ZoneInfo("Europe/Amsterdam"))
    form.get_by_label("Start").fill(local.strftime("%Y-%m-%dT%H:%M"))


def told(page: Page) -> Locator:
    return page.locator("#operations .tab-pane.active [data-job-text]")


def test_nobody_works(visit: Visit, plant: Plant) -> None:
    """That is said, and nothing spins."""
    jobs.redis_connection().flushdb()
    page = visit("member", f"/sensors/{plant.battery}/")
    page.get_by_role("button", name="Make a schedule").click()
    expect(told(page)).to_contain_text("no worker serves its queue")
    expect(page.locator("#operations .job").first).to_have_attribute("data-state", "waiting")
    jobs.redis_connection().flushdb()


@pytest.fixture(scope="module")
def worker(test_database_uri: str, address: str) -> Iterator[None]:
    """For all tests from the first one on that asks for it."""
    process = WorkerProcess(
        "scheduling|forecasting", SQLALCHEMY_TEST_DATABASE_URI=test_database_uri
    )
    yield
    process.close()
    jobs.redis_connection().flushdb()


@pytest.mark.usefixtures("worker")
def test_a_schedule(visit: Visit, plant: Plant, watch: Watch) -> None:
    """20 kWh are bought at 10 EUR/MWh and sold at 30."""
    watch.allow("422")
    page = visit("member", f"/assets/{plant.site}/")
    form = page.locator("[data-operation=schedule]")
    context = form.get_by_label("flex-context")
    stored = context.input_value()
    fill_start(form, TODAY + DAY)
    form.get_by_label("Hours").fill("24")
    context.fill('{"consumption-price": {"sensor": 123456}}')
    form.get_by_role("button", name="Make a schedule").click()
    expect(context).to_have_accessible_description(re.compile("No sensor found with id 123456"))
    expect(context).to_be_focused()
    context.fill("{")
    form.get_by_role("button", name="Make a schedule").click()
    expect(form.locator("[data-field=flex-context] .field-error")).to_contain_text("not JSON")
    context.fill(stored)

    form.get_by_role("button", name="Make a schedule").click()
    expect(told(page)).to_contain_text("Done.", timeout=PATIENCE)
    expect(form.locator("[aria-invalid]")).to_have_count(0)
    result = page.locator("#operations .tab-pane.active [data-job-result]")
    expect(result.locator("dl")).to_contain_text("Cost\u22120.40 EUR")
    expect(result.locator("dl")).to_contain_text("Saved0.40 EUR")
    bars = result.locator(".mark-rect.role-mark path")
    expect(bars).to_have_count(96)
    heights = [
        (box or {"height": 0})["height"] for box in (bar.bounding_box() for bar in bars.all())
    ]
    assert (
        sum(height > 20 for height in heights) == 16
    )  # two hours of charging, two of the opposite
    expect(result.locator(".mark-line.role-mark path[d*=L]")).to_have_count(2)  # price and level
    expect(result.get_by_text("Not given, so assumed: soc-min 0")).to_be_visible()
    with page.expect_response("**/chart_data/**") as shown:
        result.get_by_role("link", name="Show in the chart").click()
    query = parse_qs(urlsplit(shown.value.url).query)
    assert datetime.fromisoformat(query["event_starts_after"][0]) == TODAY + DAY
    assert any(row["source"]["type"] == "scheduler" for row in shown.value.json())
    assert barriers(page) == []


@pytest.mark.usefixtures("worker")
def test_a_schedule_that_fails(visit: Visit, plant: Plant, watch: Watch) -> None:
    watch.allow("422")
    page = visit("member", f"/sensors/{plant.battery}/")
    form = page.locator("[data-operation=schedule]")
    fill_start(form, TODAY + 300 * DAY)
    form.get_by_role("button", name="Make a schedule").click()
    expect(told(page)).to_contain_text("No prices are known for this period.", timeout=PATIENCE)
    expect(page.locator("#operations .job").first).to_have_attribute("data-state", "failed")


@pytest.mark.usefixtures("worker")
def test_a_forecast_and_its_accuracy(visit: Visit, plant: Plant) -> None:
    """Of a day that is over, as it would have been forecast when it began."""
    page = visit("member", f"/sensors/{plant.load}/")
    accuracy = page.locator("#accuracy")
    accuracy.scroll_into_view_if_needed()
    expect(accuracy).to_contain_text("nobody has forecast these")
    page.get_by_role("tab", name="Forecast").click()
    form = page.locator("[data-operation=forecast]")
    fill_start(form, TODAY - 2 * DAY)
    form.get_by_label("Hours", exact=True).fill("24")
    form.get_by_role("button", name="Make a forecast").click()
    expect(told(page)).to_contain_text("Done.", timeout=PATIENCE)
    result = page.locator("#operations .tab-pane.active [data-job-result]")
    expect(result.locator("dl")).to_contain_text("Forecasts96")
    expect(result.locator(".mark-line.role-mark path[d*=L]")).to_have_count(2)  # known, forecast

    accuracy.get_by_role("button", name="Compare").click()
    expect(accuracy).to_contain_text("Errors in kW.")
    rows = accuracy.locator("tbody:not(.reference) tr:has(td)")
    expect(rows).to_have_count(4)
    cells = rows.filter(has_text="1 hour").first.locator("td").all_inner_texts()
    assert 0 < float(cells[0]) < 0.5  # kW, of 5 on average
    assert float(cells[2].removesuffix(" %")) + float(cells[3].removesuffix(" %")) == pytest.approx(
        100, abs=0.1
    )
    assert barriers(page) == []
    accuracy.get_by_label("First day").fill("2020-01-01")
    accuracy.get_by_label("Last day").fill("2020-01-31")
    accuracy.get_by_role("button", name="Compare").click()
    expect(accuracy).to_contain_text("nothing was measured from 1 Jan 2020")
    expect(accuracy.locator("table")).to_be_hidden()
