from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.api.v3_0.tests.conftest import Call
from flexmeasures.app import create
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.data.services import health
from flexmeasures.tests.permissions.world import World, user_named
from flexmeasures.utils.config_defaults import TestingConfig

_URI = "SQLALCHEMY_TEST_DATABASE_URI"
READY = "/api/v3_0/health/ready"


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Of a server that takes connections and says nothing, as a frozen database does."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def site_with_database_at(port: int, monkeypatch: pytest.MonkeyPatch) -> FlexMeasures:
    monkeypatch.setenv(_URI, f"postgresql://fm:secret@127.0.0.1:{port}/fm")
    monkeypatch.setitem(
        TestingConfig.SQLALCHEMY_ENGINE_OPTIONS["connect_args"], "connect_timeout", 2
    )
    return create(env="testing")


def test_ready(call: Call, app: Flask) -> None:
    answer = app.test_client().get(READY)
    assert (answer.status_code, answer.json) == (200, {"database_sql": True, "status": 200})
    assert call("member", "GET", "health/ready").json == {"database_sql": True, "status": 200}


@pytest.mark.parametrize("token", [False, True])
def test_database_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch, token: bool, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"Authorization": str(user_named("member").get_auth_token())} if token else {}
    answer = site_with_database_at(9, monkeypatch).test_client().get(READY, headers=headers)
    assert (answer.status_code, answer.json) == (503, {"database_sql": False, "status": 503})
    assert answer.content_type == "application/json"
    assert "secret" not in caplog.text


def test_database_is_frozen(app: Flask, silent_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    site = site_with_database_at(silent_port, monkeypatch)
    with site.app_context():
        engine = site.extensions["sqlalchemy"].engine
    start = time.monotonic()
    assert not health.database_answers(engine, timeout=0.2)
    assert not health.database_answers(engine, timeout=0.2)  # while the first one still waits
    assert time.monotonic() - start < 1
    waiting = [thread for thread in threading.enumerate() if "health" in thread.name]
    assert len(waiting) == 1
    waiting[0].join(10)


def test_recovery(fresh_db: SQLAlchemy, silent_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    good = fresh_db.engine
    with site_with_database_at(silent_port, monkeypatch).app_context():
        bad = fresh_db.engine
    assert not health.database_answers(bad, timeout=0.1)
    assert health.database_answers(good, timeout=5)
