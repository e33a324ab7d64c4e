"""First page, and settings that depend on account roles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.app import create
from flexmeasures.tests.permissions.world import World, build_world, user_named


@pytest.fixture(scope="module")
def world(db: SQLAlchemy) -> World:
    return build_world()


@pytest.fixture
def site(app: Flask) -> Flask:
    return create(env="testing")


def browser_of(site: Flask, name: str | None) -> FlaskClient:
    client = site.test_client()
    if name is not None:
        with client.session_transaction() as session:
            session["_user_id"] = user_named(name).fs_uniquifier
    return client


@pytest.mark.parametrize(
    ("setting", "who", "page"),
    [
        ([], None, "/dashboard"),
        ("/", None, "/dashboard"),
        ("my-page", None, "/my-page"),
        (["/my-page/"], None, "/my-page"),
        ([("of-prosumers", ["Prosumer", "MDC"]), "of-others"], "member", "/of-prosumers"),
        ([("of-prosumers", ["Prosumer", "MDC"]), "of-others"], "other", "/of-others"),
        ([("of-prosumers", ["Prosumer", "MDC"]), "of-others"], None, "/of-others"),
        ([5, ("a", "b"), (1, ["Prosumer"]), ("a",), "good"], "member", "/good"),
    ],
)
def test_the_first_page(
    site: Flask, world: World, setting: Any, who: str | None, page: str
) -> None:
    site.config["FLEXMEASURES_ROOT_VIEW"] = setting
    answer = browser_of(site, who).get("/?clear-session=1")
    assert (answer.status_code, answer.location) == (302, f"{page}?clear-session=1")


def test_malformed_entries_are_logged(
    site: Flask, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    site.config["FLEXMEASURES_ROOT_VIEW"] = [5, ("a", "b"), (1, ["Prosumer"])]
    site.test_client().get("/")
    assert "is neither a string nor two-part tuple. Ignoring ..." in caplog.text
    assert "b in setting FLEXMEASURES_ROOT_VIEW is not a list. Ignoring ..." in caplog.text
    assert "1 in setting FLEXMEASURES_ROOT_VIEW is not a string. Ignoring ..." in caplog.text


def test_name_of_the_platform(site: Flask, world: World) -> None:
    site.config["FLEXMEASURES_PLATFORM_NAME"] = [("Bread & Power", ["Prosumer"]), "Power"]
    assert "Please log in - Power" in site.test_client().get("/login").text
    page = browser_of(site, "member").get("/logged-in-user").text
    assert "Your user overview - Bread &amp; Power" in page


def test_the_page_about_oneself(site: Flask, world: World) -> None:
    answer = browser_of(site, "account-admin").get("/logged-in-user")
    for text in ("account-admin@example.com", "Bakery", "Prosumer", "Fresh access token"):
        assert text in answer.text
    assert "for 6 hours" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_demo_shows_how_to_log_in(site: Flask) -> None:
    site.config["FLEXMEASURES_PUBLIC_DEMO_CREDENTIALS"] = ("demo@example.com", "demo-word")
    assert "demo-word" not in site.test_client().get("/login").text
    site.config["FLEXMEASURES_MODE"] = "demo"
    page = site.test_client().get("/login").text
    assert "Interested in a demo?" in page
    assert "demo-word" in page


def test_a_plugin_replaces_the_teaser(site: Flask, tmp_path: Path) -> None:
    page = "{% extends 'admin/login_user.html' %}{% block teaser %}Hello{% endblock %}"
    (tmp_path / "my_login.html").write_text(page)
    site.register_blueprint(Blueprint("plugin", __name__, template_folder=str(tmp_path)))
    site.config["SECURITY_LOGIN_USER_TEMPLATE"] = "my_login.html"
    text = site.test_client().get("/login").text
    assert "Hello" in text
    assert "Please log in" in text
    assert "Welcome to" not in text
