"""What is answered when something goes wrong."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask import Flask
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from werkzeug import exceptions

from flexmeasures.app import create
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.data.config import db

HTML = {"Accept": "text/html"}
JSON = {"Content-Type": "application/json"}
SECRET = "postgresql://user:secret@host/db"


@pytest.fixture(scope="module")
def site(app: Flask) -> FlexMeasures:
    site = create(env="testing")
    errors = {
        "gone": exceptions.Gone("It was here."),
        "bad": exceptions.BadRequest("What?"),
        "unauthorized": exceptions.Unauthorized(),
        "forbidden": exceptions.Forbidden(),
        "server": exceptions.InternalServerError("On purpose."),
        "bug": ValueError(SECRET),
        "database": OperationalError(None, None, Exception(SECRET)),
        "queue": RedisConnectionError(SECRET),
    }
    for name, error in errors.items():

        def view(error: Exception = error) -> Any:
            raise error

        site.add_url_rule(f"/{name}", name, view)
        site.add_url_rule(f"/api/{name}", f"api {name}", view)

    def divide() -> Any:
        return db.session.execute(text("SELECT :p, 1 / 0"), {"p": SECRET})

    site.add_url_rule("/api/sql", "sql", divide)
    return site


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("gone", 410, "It was here."),
        ("bad", 400, "What?"),
        ("server", 500, "On purpose."),
        ("database", 503, "The database does not answer. Please try again later."),
        ("queue", 503, "The job queue does not answer. Please try again later."),
        ("nope", 404, None),
    ],
)
def test_json(site: FlexMeasures, name: str, status: int, message: str | None) -> None:
    client = site.test_client()
    for path, headers in (
        (f"/api/{name}", HTML),
        (f"/{name}", JSON),
        (f"/{name}", {"Accept": "application/json"}),
    ):
        answer = client.get(path, headers=headers)
        assert answer.status_code == status
        body = answer.get_json()
        assert body["status"] == status
        assert message in (None, body["message"])
    assert ("Retry-After" in answer.headers) is (status == 503)


@pytest.mark.parametrize(
    ("name", "status", "texts"),
    [
        ("gone", 410, ["We encountered an Http exception.", "Gone :", "It was here."]),
        ("bad", 400, ["We encountered a bad request.", "BadRequest :", "What?"]),
        ("server", 500, ["We encountered an internal problem.", "InternalServerError :"]),
        ("bug", 500, ["We encountered an internal problem.", "InternalServerError :"]),
        ("database", 503, ["ServiceUnavailable :"]),
        ("nope", 404, ["The page you are looking for cannot be found."]),
        ("unauthorized", 401, ["Unauthorized :", "could not be properly authenticated"]),
        ("forbidden", 403, ["InvalidSender :", "cannot be authorized"]),
    ],
)
def test_pages(site: FlexMeasures, name: str, status: int, texts: list[str]) -> None:
    for headers in (HTML, {"Content-Type": "text/html"}):
        answer = site.test_client().get(f"/{name}", headers=headers)
        assert answer.status_code == status
        assert answer.mimetype == "text/html"
        assert "Error - FlexMeasures" in answer.text
        assert "Sorry, something went wrong :(" in answer.text
        assert all(text_ in answer.text for text_ in texts)


def test_documented_default_is_json_for_401_and_a_page_for_404(site: FlexMeasures) -> None:
    client = site.test_client()
    assert client.get("/unauthorized").mimetype == "application/json"
    assert client.get("/unauthorized", headers={"Accept": "*/*"}).mimetype == "application/json"
    assert client.get("/nope").mimetype == "text/html"
    assert client.get("/nope", headers={"Accept": "*/*"}).mimetype == "text/html"


def test_methods(site: FlexMeasures) -> None:
    answer = site.test_client().delete("/api/v3_0/accounts")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert answer.get_json()["status"] == 405


@pytest.mark.parametrize("path", ["/api/bug", "/bug", "/api/sql", "/api/database", "/api/queue"])
def test_secrets_stay_with_us(site: FlexMeasures, path: str) -> None:
    assert "secret" not in site.test_client().get(path).text


def test_the_log_tells_more(site: FlexMeasures, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        site.test_client().get("/api/bug?auth_token=hidden")
    assert "ValueError on GET /api/bug" in caplog.text
    assert "Traceback" in caplog.text
    assert "hidden" not in caplog.text


def test_while_a_server_is_away_the_log_gets_a_line_per_request(
    site: FlexMeasures, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        site.test_client().get("/api/database")
    assert "OperationalError on GET /api/database" in caplog.text
    assert len(caplog.text.splitlines()) == 1


def test_the_log_tells_no_values_of_statements(
    site: FlexMeasures, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert site.test_client().get("/api/sql").status_code == 500
    assert "SELECT" in caplog.text
    assert "secret" not in caplog.text


def test_plugins_put_their_own_pages(site: FlexMeasures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "NotFound_handler_html", lambda error: ("lost", 404))
    monkeypatch.setattr(site, "unauthorized_handler_html", lambda: ("no", 403))
    monkeypatch.setattr(site, "unauthenticated_handler_api", lambda: ("who?", 401), raising=False)
    monkeypatch.setattr(
        site, "unauthorized_handler_api", lambda *roles: ("not you", 403), raising=False
    )
    client = site.test_client()
    assert client.get("/nope", headers=HTML).text == "lost"
    assert client.get("/forbidden", headers=HTML).text == "no"
    assert client.get("/api/forbidden").text == "not you"
    assert client.get("/api/unauthorized").text == "who?"
