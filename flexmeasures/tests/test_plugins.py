"""Plugins from a folder and from a package: found, checked, and in charge of what they override."""

from __future__ import annotations

import importlib
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy

from flexmeasures import Asset, Sensor
from flexmeasures.app import create
from flexmeasures.data.models.task_runs import LatestTaskRun
from flexmeasures.tests.permissions.world import World, build_world, user_named
from flexmeasures.utils.config_defaults import TestingConfig

PLUGINS = Path(__file__).parent / "plugins"
FOLDER = str(PLUGINS / "our_client")
TOKEN_MISSING = (
    "Missing config setting 'OUR_CLIENT_TOKEN' (Opens our client's doors.)."
    " Without it, doors stay closed."
)
BLUEPRINT = "from flask import Blueprint\nbp = Blueprint('bp', __name__)\n"


@pytest.fixture(scope="module")
def world(db: SQLAlchemy) -> World:
    return build_world()


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The package, installed."""
    target, source = tmp_path_factory.mktemp("installed"), PLUGINS / "energy_service"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    copy = tmp_path_factory.mktemp("source") / "energy_service"
    subprocess.run(["cp", "-r", str(source), str(copy)], check=True)
    subprocess.run([*pip, "--target", str(target), str(copy)], check=True, timeout=120)
    sys.path.insert(0, str(target))
    yield "energy_service"
    sys.path.remove(str(target))


@pytest.fixture(autouse=True)
def paths() -> Iterator[None]:
    """Plugins may put themselves on the search path."""
    before = list(sys.path)
    yield
    sys.path[:] = before
    for name in [name for name in sys.modules if name.split(".")[0] in NAMES]:
        del sys.modules[name]


NAMES = ("our_client", "meetings", "energy_service", "broken", "our-tool", "our_tool")


@pytest.fixture
def site(app: Flask, world: World, package: str) -> Flask:
    return create(env="testing", plugins=[FOLDER + "/", package])


def browser_of(site: Flask, name: str) -> FlaskClient:
    client = site.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = user_named(name).fs_uniquifier
    return client


def write(folder: Path, text: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "__init__.py").write_text(text)
    return str(folder)


def test_both_are_loaded(site: Flask) -> None:
    assert site.config["LOADED_PLUGINS"] == {"our_client": "2.0", "energy_service": "1.2"}


def test_plugins_of_one_app_are_not_those_of_the_next(site: Flask) -> None:
    assert create(env="testing").config["LOADED_PLUGINS"] == {}
    assert create(env="testing").config["FLEXMEASURES_PLUGINS"] == []


def test_pages(site: Flask) -> None:
    member = browser_of(site, "member")
    page = member.get("/my-page").text
    assert "I am a plugin &amp; proud of it." in page
    assert "<title> Our client dashboard - FlexMeasures</title>" in " ".join(page.split())
    assert "Created by Our Client" in page
    assert "/static/css/style.css" in page
    with member.get("/static/css/style.css") as styles:
        assert styles.content_type.startswith("text/css")
    assert member.get("/static/css/nothing.css").status_code == 404
    assert member.get("/static/../__init__.py").status_code == 404
    assert "our_client" in page and "2.0" in page and "energy_service" in page  # the footer
    assert "Our page" in page  # the menu
    assert "Saving energy" in member.get("/energy-service/dashboard").text
    assert site.test_client().get("/my-page").status_code == 302  # to log in


def test_pages_of_plugins_go_before_ours(site: Flask) -> None:
    member = browser_of(site, "member")
    assert "proud of it" in member.get("/").text
    assert member.get("/dashboard").text == "our dashboard"
    with member.get("/favicon.ico") as icon:
        assert (icon.content_type, icon.data[:4]) == ("image/png", b"\x89PNG")
    assert "Welcome to our client!" in site.test_client().get("/login").text


def test_endpoints(site: Flask) -> None:
    stranger = site.test_client()
    refused = stranger.get("/energy-service/api/somedata", content_type="application/json")
    assert refused.status_code == 401
    assert "not be properly authenticated" in refused.text
    token = user_named("member").get_auth_token()
    told = stranger.get("/energy-service/api/somedata", headers={"Authorization": token})
    assert told.json == {"data": "some", "status": 200}
    failed = stranger.get("/energy-service/api/nodata")
    assert (failed.status_code, failed.json) == (418, {"message": "short and stout", "status": 418})


def test_commands(site: Flask, world: World) -> None:
    run = site.test_cli_runner().invoke
    assert "I am a command of a plugin in <FlexMeasures" in run(args=["our-client", "test"]).output
    told = run(args=["our-client", "meet", "--where", "here", "--when", "2030-01-01T00:00+01:00"])
    assert "Okay, see you here on 2030-01-01 00:00:00+01:00." in told.output
    assert run(args=["our-client", "meet", "--where", "x", "--when", "noon"]).exit_code == 2
    assert "Hello, George!" in run(args=["energy-service", "hello-world", "--name=George"]).output


def test_a_task_is_recorded(site: Flask, world: World) -> None:
    told = site.test_cli_runner().invoke(args=["energy-service", "register-meter", "--name", "M1"])
    assert "Reported task energy-service-register-meter status as True" in told.output
    assert LatestTaskRun.query.filter_by(name="energy-service-register-meter").one().status
    asset = Asset.query.filter_by(name="M1").one()
    assert Sensor.query.filter(Sensor.generic_asset == asset).one().unit == "kW"


def test_settings_are_checked(
    app: Flask,
    package: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(TestingConfig, "LOGGING_LEVEL", logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    create(env="testing", plugins=[FOLDER, package])
    told = {(record.levelname, record.getMessage()) for record in caplog.records}
    assert {
        ("ERROR", "Missing config setting 'OUR_CLIENT_URL' (Where our client is.)."),
        ("WARNING", TOKEN_MISSING),
        ("INFO", "Missing config setting 'OUR_CLIENT_COLOR'."),
        ("WARNING", "Unrecognized logger level 'colossal' for config setting 'OUR_CLIENT_AGE'."),
        ("ERROR", "Missing config setting 'OUR_CLIENT_AGE'."),
        ("DEBUG", "Missing config setting 'ENERGY_SERVICE_PRICE' (EUR per month.)."),
    } <= told


def test_settings_of_another_type(
    app: Flask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plugin = write(
        tmp_path / "our-tool",
        f"{BLUEPRINT}__settings__ = {{'MAIL_PORT': {{'parse_as': str}}}}\n",
    )
    site = create(env="testing", plugins=[plugin])
    assert "Config setting 'MAIL_PORT' is a int whereas a str was expected." in caplog.messages
    assert site.config["LOADED_PLUGINS"] == {"our-tool": "0.1"}


def test_plugins_that_are_not_there(
    app: Flask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    missing = str(tmp_path / "nowhere")
    empty = tmp_path / "empty"
    empty.mkdir()
    bare = write(tmp_path / "our-tool", "")
    site = create(env="testing", plugins=[missing, str(empty), bare, FOLDER])
    told = "\n".join(caplog.messages)
    assert "Attempted to import module nowhere (as it is not a valid file path), but it is" in told
    assert "is a valid file path, but does not contain an '__init__.py' file. Cannot load" in told
    assert f"No blueprints found for plugin our-tool at {bare}." in told
    assert list(site.config["LOADED_PLUGINS"]) == ["our_client"]


def test_no_list(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(TestingConfig, "FLEXMEASURES_PLUGINS", "our_client")
    assert create(env="testing").config["LOADED_PLUGINS"] == {}
    assert "is not a list" in caplog.text and "Cannot install plugins" in caplog.text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import batteries_not_included\n", "No module named 'batteries_not_included'"),
        ("1 / 0\n", "ZeroDivisionError: division by zero (line 1 of"),
        ("def f(:\n", "SyntaxError"),
        (f"{BLUEPRINT}two = Blueprint('bp', __name__)\n", "already registered"),
        (f"{BLUEPRINT}bp.record_once(lambda s: s.app.config['X'])\n", "KeyError: 'X'"),
        ("__settings__ = {'X': 1}\n", "X should be described by a dict"),
    ],
)
def test_a_broken_plugin_is_named(
    app: Flask, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    plugin = write(tmp_path / "broken", text)
    with pytest.raises(SystemExit) as stop:
        create(env="testing", plugins=[plugin])
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert f"Plugin broken ({plugin}) cannot be loaded: " in message
    assert told in message
    assert "take it out of FLEXMEASURES_PLUGINS" in message


def test_modules_of_a_plugin_in_a_folder(app: Flask, tmp_path: Path) -> None:
    """Views belong to all apps of a process, also if tests import them before there is an app."""
    plugin = write(tmp_path / "our_tool", f"{BLUEPRINT}from . import views\n")
    view = "from . import bp\n@bp.get('/tool')\ndef tool():\n    return '1'\n"
    (tmp_path / "our_tool" / "views.py").write_text(view)
    sys.path.insert(0, str(tmp_path))
    views = importlib.import_module("our_tool.views")
    for _ in range(2):
        assert create(env="testing", plugins=[plugin]).test_client().get("/tool").text == "1"
        assert sys.modules["our_tool.views"] is views
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = write(elsewhere / "our_tool", f"{BLUEPRINT}from . import views\n")
    (elsewhere / "our_tool" / "views.py").write_text(view.replace("'1'", "'2'"))
    assert create(env="testing", plugins=[other]).test_client().get("/tool").text == "2"


def test_a_plugin_without_further_modules_is_run_each_time(app: Flask, tmp_path: Path) -> None:
    for version in ("1", "2.0"):  # of another length: files of bytecode tell seconds only
        plugin = write(tmp_path / "our-tool", f"{BLUEPRINT}__version__ = '{version}'\n")
        loaded = create(env="testing", plugins=[plugin]).config["LOADED_PLUGINS"]
        assert loaded == {"our-tool": version}


def test_names_that_others_need(
    app: Flask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = write(tmp_path / "json", BLUEPRINT)
    with pytest.raises(SystemExit):
        create(env="testing", plugins=[plugin])
    assert "There is a module json that others need." in capsys.readouterr().err
    assert sys.modules["json"].__name__ == "json" and hasattr(sys.modules["json"], "loads")
