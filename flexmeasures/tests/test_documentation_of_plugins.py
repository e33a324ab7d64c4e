"""The page about plugins: its blocks of code are one plugin, which does what the page says."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from flask import Flask
from flask.testing import FlaskClient
from marshmallow import ValidationError

from flexmeasures import Sensor, User
from flexmeasures.app import create
from flexmeasures.data.services.scheduling import find_scheduler_class
from flexmeasures.forecasting.registry import load_custom_forecaster
from flexmeasures.utils.config_defaults import TestingConfig

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "documentation" / "plugins.md"
BLOCK = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
START = pd.Timestamp("2030-01-01T00:00+01:00")


def write_files(folder: Path) -> None:
    """Blocks that name the same file follow each other in it."""
    for name, text in BLOCK.findall(PAGE.read_text()):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as stream:
            stream.write(text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documented")
    write_files(folder)
    return folder


@pytest.fixture(scope="module")
def site(app: Flask, folder: Path) -> Iterator[Flask]:
    settings: dict[str, Any] = {}
    exec((folder / "flexmeasures.cfg").read_text(), settings)
    del settings["FLEXMEASURES_PLUGINS"], settings["__builtins__"]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setattr(TestingConfig, name, value, raising=False)
        yield create(env="testing", plugins=[str(folder / "our_client")])
    for name in [name for name in sys.modules if name.split(".")[0] == "our_client"]:
        del sys.modules[name]


@pytest.fixture
def member(site: Flask, setup_roles_users: dict[str, User]) -> FlaskClient:
    client = site.test_client()
    user = setup_roles_users["Test Prosumer User"]
    with client.session_transaction() as session:
        session["_user_id"] = user.fs_uniquifier
    return client


def test_pages(member: FlaskClient) -> None:
    page = member.get("/my-page").text
    assert "Made by a plugin." in page and "our_client (v2.0)" in page
    assert re.search(r'<a class="nav-link active" id="my-page"[^>]*>.*Our client</a>', page)
    assert "fa-handshake-o" in page
    assert "Made for our client. &copy; 20" in page
    assert 'id="navbar-logo" src="/static/img/logo.svg"' in page
    assert member.get("/").text.count("Made by a plugin.") == 1
    for path, kind in {"css/style.css": "text/css", "img/logo.svg": "image/svg+xml"}.items():
        with member.get(f"/static/{path}") as file:
            assert file.content_type.startswith(kind)
    with member.get("/favicon.ico") as icon:
        assert icon.content_type.startswith("image/svg+xml")


def test_log_in_page_and_policy(site: Flask, setup_roles_users: dict[str, User]) -> None:
    page = site.test_client().get("/login")
    assert "<h1>Welcome to our client!</h1>" in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "connect-src 'self' https://weather.example.com" in policy


def test_endpoint(
    site: Flask, setup_roles_users: dict[str, User], add_battery_assets: dict[str, Any]
) -> None:
    sensor = add_battery_assets["Test battery"].corresponding_sensor.id
    status = {}
    for name in ("Test Prosumer User", "Test Supplier User"):
        headers = {"Authorization": setup_roles_users[name].get_auth_token()}
        for id_ in (sensor, 12345):
            answer = site.test_client().get(f"/our-client/api/sensors/{id_}/name", headers=headers)
            status[name[5:-5], id_] = answer.status_code
    assert status == {
        ("Prosumer", sensor): 200,
        ("Prosumer", 12345): 404,
        ("Supplier", sensor): 403,
        ("Supplier", 12345): 404,
    }


def test_commands(site: Flask) -> None:
    run = site.test_cli_runner().invoke
    assert "A command of a plugin, in <FlexMeasures" in run(args=["our-client", "test"]).output
    meet = ["our-client", "meet", "--where"]
    assert "see you at home on None" in run(args=[*meet, "home"]).output
    for words in (["x" * 21], ["home", "--when", "noon"]):
        assert run(args=[*meet, *words]).exit_code == 2


def test_settings(app: Flask, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    create(env="testing", plugins=[str(folder / "our_client")])
    told = {(r.levelno, r.getMessage()) for r in caplog.records}
    assert (logging.ERROR, "Missing config setting 'OUR_CLIENT_URL' (Where our client is.).") in (
        told
    )
    assert "Without it, doors stay closed." in caplog.text


def test_scheduler(site: Flask, folder: Path, add_battery_assets: dict[str, Any]) -> None:
    sensor: Sensor = add_battery_assets["Test battery"].corresponding_sensor
    sensor.attributes |= json.loads((folder / "attributes.json").read_text())
    when = (START, START + timedelta(hours=1), timedelta(minutes=15))
    scheduler = find_scheduler_class(sensor)(sensor, *when, flex_model={"share": 0.5})
    scheduler.deserialize_config()
    power = scheduler.compute()
    assert power is not None and list(power) == [1.0] * 4
    with pytest.raises(ValidationError, match="share"):
        find_scheduler_class(sensor)(sensor, *when, flex_model={"share": "x"}).deserialize_config()


def test_forecaster(site: Flask, add_battery_assets: dict[str, Any]) -> None:
    sensor = add_battery_assets["Test battery"].corresponding_sensor
    specs = {"module": "our_client.forecasters", "class": "SameAsLastWeek"}
    history = pd.Series(range(8), index=pd.date_range(START, periods=8, freq="D"), dtype=float)
    events = pd.date_range(START + pd.Timedelta(days=8), periods=2, freq="D")
    forecaster = load_custom_forecaster(specs)(sensor)
    told = forecaster.compute(history, events, events[0].to_pydatetime(), pd.DataFrame())
    assert list(told) == [1.0, 2.0]


def test_its_tests_pass(folder: Path) -> None:
    """With a database of its own, as ours is in use."""
    ours = ("SQLALCHEMY_TEST_DATABASE_URI", "FLEXMEASURES_TEST_REDIS_URL")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=folder,
        env=environment | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_fixtures_are_all_told() -> None:
    from flexmeasures import conftest

    told = set(re.findall(r"`(\w+)`", PAGE.read_text().split("| Fixture |")[1]))
    fixtures = {name for name in dir(conftest) if name.startswith(("setup_", "add_", "battery_"))}
    assert {name.removesuffix("_fresh_db") for name in fixtures} <= told
