"""A server with data, and visitors who look at it in Chromium.

    def test_something(visit: Visit, world: World) -> None:
        page = visit("member", f"/assets/{world.ids['asset of Bakery']}/")
        expect(page.locator("#sensorchart svg")).to_be_visible()

Each test fails if a page of it writes errors to the console, or asks another server for something;
`watch.allow("404")` makes an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from playwright.sync_api import Browser, Page, sync_playwright

from flexmeasures.bootstrap.local.throwaway import redis_url_of_tests
from flexmeasures.data.beliefs.rows import Rows, microseconds
from flexmeasures.data.beliefs.save import save_rows
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.tests.live_server import live_server
from flexmeasures.tests.permissions.world import PASSWORD, World, build_world, user_named
from flexmeasures.ui.tests.browser.visits import ARGUMENTS, DESKTOP, Watch, find_browser

Visit = Callable[..., Page]

# Four days, today among them wherever the browser is.
TODAY = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
START = TODAY - timedelta(days=1)
STEPS = 4 * 96  # of 15 minutes


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "ui/tests/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> str:
    found = find_browser()
    if found is None:
        pytest.skip("There is no Chromium: install it, or name one in FLEXMEASURES_TEST_CHROMIUM.")
    return found


@pytest.fixture(scope="session")
def address(chromium: str, test_database_uri: str, app: Flask) -> Iterator[str]:
    """Of a server as in production (forms are protected, static files are versioned)."""
    redis_url_of_tests()  # starts the server
    settings = {
        "FLEXMEASURES_TIMEZONE": "Europe/Amsterdam",
        "SECURITY_PASSWORD_SALT": app.config["SECURITY_PASSWORD_SALT"],
    }
    application = "flexmeasures.ui.tests.browser.application:application"
    with live_server(test_database_uri, settings=settings, application=application) as url:
        yield url


@pytest.fixture(scope="module")
def world(db: SQLAlchemy) -> World:
    """Two tenants, as for the tests of permissions; all sensors have data."""
    world = build_world()
    source = DataSource(name="meter", type="demo script")
    db.session.add(source)
    db.session.flush()
    for sensor in db.session.query(Sensor):
        record(sensor, source)
    db.session.commit()
    return world


def record(sensor: Sensor, source: DataSource, start: datetime = START, steps: int = STEPS) -> None:
    """A wave of values, one per step of the sensor, measured a minute after each."""
    step = microseconds(sensor.event_resolution)
    number = np.arange(steps, dtype=np.int64)
    save_rows(
        Rows(
            sensor_id=np.full(steps, sensor.id),
            event_start=microseconds(start) + step * number,
            source_id=np.full(steps, source.id),
            belief_horizon=np.full(steps, -microseconds(timedelta(minutes=1))),
            cumulative_probability=np.full(steps, 0.5),
            event_value=np.sin(number / 10) + 2,
        )
    )


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def logged_in() -> dict[str, Any]:
    """Cookies of who has logged in already, by name."""
    return {}


@pytest.fixture
def watch(address: str) -> Iterator[Watch]:
    watch = Watch(address)
    yield watch
    assert watch.problems() == []


@pytest.fixture
def visit(
    browser: Browser, address: str, world: World, logged_in: dict[str, Any], watch: Watch
) -> Iterator[Visit]:
    """Opens a path as somebody of `world` (None: a stranger), in a window of that size."""
    contexts = []

    def visit(name: str | None, path: str, **options: Any) -> Page:
        options = {"viewport": DESKTOP, "timezone_id": "Europe/Amsterdam"} | options
        context = browser.new_context(
            base_url=address, storage_state=logged_in.get(name or ""), **options
        )
        contexts.append(context)
        watch.over(context)
        page = context.new_page()
        if name is not None and name not in logged_in:
            log_in(page, name)
            logged_in[name] = context.storage_state()
        page.goto(path)
        return page

    yield visit
    for context in contexts:
        context.close()


def log_in(page: Page, name: str) -> None:
    """As people do."""
    page.goto("/login")
    page.get_by_label("Email address").fill(user_named(name).email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Login").click()
    page.wait_for_url(lambda url: "/login" not in url, timeout=10_000)
