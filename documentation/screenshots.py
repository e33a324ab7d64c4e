"""Take the pictures of pages in `documentation/images`, from a server with data of its own.

    make screenshots

Nothing of the machine's own databases is used: a folder of local mode is made and thrown away.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from playwright.sync_api import Browser, Page, sync_playwright

from flexmeasures.tests.live_server import free_port
from flexmeasures.ui.tests.browser.visits import ARGUMENTS, find_browser

IMAGES = Path(__file__).parent / "images"
ADMIN, PASSWORD = "ann@example.com", "battery-horse-staple"
DESKTOP, PHONE = (1280, 860), (390, 844)
DAYS = 28
ZONE = "Europe/Amsterdam"
QUARTER = timedelta(minutes=15)
PLACES = {
    "Bakery": ("building", 52.36, 4.90),
    "Bakery's roof": ("solar", 52.361, 4.902),
    "Depot": ("one-way_evse", 51.92, 4.48),
    "Cold store": ("building", 51.44, 5.47),
    "Wind farm Dijk": ("wind", 52.70, 5.60),
    "Mill": ("wind", 53.20, 5.80),
}


def main() -> None:
    browser = find_browser()
    if browser is None:
        sys.exit("There is no Chromium: install it, or name one in FLEXMEASURES_TEST_CHROMIUM.")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"FLEXMEASURES_LOCAL_DATA": folder, "HOME": folder}
        os.environ |= {"FLEXMEASURES_TIMEZONE": ZONE, "TZ": ZONE}
        try:
            run("quickstart")
            run("add", "initial-structure")
            fill()
            with serving() as address, sync_playwright() as playwright:
                program = playwright.chromium.launch(executable_path=browser, args=ARGUMENTS)
                take(program, address)
                program.close()
        finally:
            run("local", "stop")


def run(*words: str) -> None:
    program = [sys.executable, "-m", "flexmeasures", *words]
    subprocess.run(program, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def fill() -> None:
    """An admin, assets around the country, and a bakery with four weeks of data and forecasts."""
    from flexmeasures.app import create
    from flexmeasures.data.config import db
    from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
    from flexmeasures.data.models.time_series import Sensor
    from flexmeasures.data.models.user import Account
    from flexmeasures.data.services.forecasting import forecast
    from flexmeasures.data.services.users import create_user

    with create().app_context():
        create_user(
            PASSWORD,
            ["admin"],
            check_email_deliverability=False,
            account_name="Toy Account",
            username="Ann",
            email=ADMIN,
        )
        account = db.session.query(Account).filter_by(name="Toy Account").one()
        types = {kind.name: kind for kind in db.session.query(GenericAssetType)}
        assets = {
            name: GenericAsset(
                name=name,
                generic_asset_type=types[kind],
                owner=account,
                latitude=latitude,
                longitude=longitude,
            )
            for name, (kind, latitude, longitude) in PLACES.items()
        }
        power = Sensor(
            "consumption", assets["Bakery"], unit="kW", timezone=ZONE, event_resolution=QUARTER
        )
        db.session.add_all([*assets.values(), power])
        db.session.flush()
        now = datetime.now(timezone.utc)
        store(power, now)
        db.session.flush()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        past = midnight - timedelta(days=5), midnight
        hour, day = timedelta(hours=1), timedelta(days=1)
        forecast(power, *past, horizons=[hour, day])
        forecast(
            power,
            now.replace(minute=0, second=0, microsecond=0),
            midnight + 2 * day,
            belief_time=now,
            quantiles=(0.05, 0.95),
        )
        db.session.commit()


def store(power: object, now: datetime) -> None:
    """What a bakery takes: ovens in the morning, less on Sundays, some noise."""
    from flexmeasures.data.utils import get_data_source, save_to_db
    from flexmeasures.utils.timely import tb

    end = pd.Timestamp(now).floor("15min")
    times = pd.date_range(end - pd.Timedelta(days=DAYS), end, freq="15min", inclusive="left")
    hours = np.asarray(times.hour + times.minute / 60)
    ovens = 28 * np.exp(-(((hours - 4.5) / 2.2) ** 2)) + 9 * np.exp(-(((hours - 13) / 3) ** 2))
    values = 6 + ovens * np.where(times.weekday == 6, 0.3, 1)
    values += np.random.default_rng(1).normal(scale=1.2, size=len(times))
    series = pd.Series(
        values.round(2), pd.DatetimeIndex(times, name="event_start"), name="event_value"
    )
    source = get_data_source("Meter", data_source_type="demo script")
    known = pd.DatetimeIndex(times + pd.Timedelta(minutes=16))
    save_to_db(tb.BeliefsDataFrame(series, source=source, sensor=power, belief_time=known))


@contextmanager
def serving() -> Iterator[str]:
    """A server, and a worker for both queues."""
    address = f"127.0.0.1:{free_port()}"
    gunicorn = [sys.executable, "-m", "gunicorn", "wsgi:application", f"--bind={address}"]
    worker = [sys.executable, "-m", "flexmeasures", "jobs", "run-worker"]
    commands = (
        [*gunicorn, "--workers=2", "--log-level=warning", "--no-control-socket"],
        [*worker, "--queue", "scheduling|forecasting"],
    )
    root = Path(__file__).parents[1]
    processes = [subprocess.Popen(words, cwd=root) for words in commands]
    try:
        wait_for(f"http://{address}/api/ops/ping")
        yield f"http://{address}"
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


def wait_for(url: str) -> None:
    import time
    import urllib.request

    for _ in range(120):
        try:
            urllib.request.urlopen(url, timeout=5)
        except OSError:  # not yet
            time.sleep(0.5)
        else:
            return
    sys.exit("The server does not start.")


def take(program: Browser, address: str) -> None:
    stranger = open_window(program, address)
    shoot(stranger, "/login", "log-in")
    page = open_window(program, address)
    log_in(page)
    shoot(page, "/dashboard", "dashboard")
    shoot(page, "/assets/", "assets")
    shoot(page, "/assets/new/", "new-asset")
    shoot(page, "/assets/1/", "asset")
    tomorrow = (datetime.now(ZoneInfo(ZONE)) + timedelta(days=1)).date()
    page.locator("#schedule-start-field").fill(f"{tomorrow}T00:00")
    page.locator("#operations input[type=number]:visible").first.fill("24")
    page.get_by_role("button", name="Make a schedule").click()
    page.get_by_text("Cost", exact=True).wait_for()
    settle(page)
    picture(page, "schedule", page.locator("#operations"))
    sensor = page.evaluate("fetch('/api/v3_0/sensors').then(answer => answer.json())")
    number = next(one["id"] for one in sensor if one["name"] == "consumption")
    shoot(page, f"/sensors/{number}/", "sensor")
    accuracy = page.locator("#accuracy")
    accuracy.scroll_into_view_if_needed()
    accuracy.locator("table").wait_for()
    picture(page, "accuracy", accuracy)
    shoot(page, "/users", "users")
    shoot(page, "/tasks/scheduling", "tasks")
    shoot(page, f"/upload/{number}", "upload")
    phone = open_window(program, address, PHONE, "dark")
    log_in(phone)
    shoot(phone, f"/sensors/{number}/", "sensor-on-a-phone")


def open_window(
    program: Browser, address: str, size: tuple[int, int] = DESKTOP, colours: str = "light"
) -> Page:
    context = program.new_context(
        base_url=address,
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if colours == "dark" else "light",
        timezone_id=ZONE,
        reduced_motion="reduce",
    )
    return context.new_page()


def log_in(page: Page) -> None:
    page.goto("/login")
    page.get_by_label("Email address").fill(ADMIN)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Login").click()
    page.wait_for_url(lambda url: "/login" not in url)


def shoot(page: Page, path: str, name: str) -> None:
    page.goto(path)
    settle(page)
    picture(page, name)


def settle(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(800)  # charts and maps have drawn


def picture(page: Page, name: str, part: object = None) -> None:
    target = page if part is None else part
    target.screenshot(path=IMAGES / f"{name}.png")  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
