from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from redis import Redis
from rq import Worker
from sqlalchemy import text

from flexmeasures.api.v3_0.tests.conftest import Call
from flexmeasures.app import create
from flexmeasures.bootstrap import local
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.data.services import health
from flexmeasures.tests.permissions.world import World, user_named
from flexmeasures.utils.config_defaults import TestingConfig

_URI = "SQLALCHEMY_TEST_DATABASE_URI"
READY = "/api/v3_0/health/ready"
LIVE = "/api/v3_0/health/live"
DETAILS = "/api/v3_0/health/details"
ALL_IS_WELL = {"database_sql": True, "redis": True, "migrations": True}


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


@pytest.fixture
def migrated(fresh_db: SQLAlchemy) -> Iterator[None]:
    """As if migrations had made the tables."""
    from alembic.script import ScriptDirectory
    from flask import current_app

    head = ScriptDirectory(current_app.extensions["migrate"].directory).get_current_head()
    with fresh_db.engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE alembic_version AS SELECT '{head}' AS version_num"))
    yield
    with fresh_db.engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))


def test_live(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    site = site_with_database_at(9, monkeypatch)
    monkeypatch.setattr(local, "redis_url_of_tests", lambda: "redis://127.0.0.1:9")
    for client in (app.test_client(), site.test_client()):
        answer = client.get(LIVE)
        assert (answer.status_code, answer.json) == (200, {"live": True, "status": 200})


def test_details(migrated: None, call: Call) -> None:
    expected = ALL_IS_WELL | {"workers": False, "status": 200}
    known = call("member", "GET", "health/details")
    assert (known.status_code, known.json) == (200, expected)
    none = {"workers_by_queue": {"forecasting": 0, "scheduling": 0}}
    assert call("admin-reader", "GET", "health/details").json == expected | none


def test_details_of_workers(migrated: None, call: Call) -> None:
    for names in (["scheduling"], ["scheduling", "forecasting"]):
        connection = Redis.from_url(local.redis_url_of_tests())
        Worker(names, f"worker-for-{len(names)}", connection=connection).register_birth()
    known = call("admin", "GET", "health/details").json
    assert known is not None
    assert known["workers"]
    assert known["workers_by_queue"] == {"forecasting": 1, "scheduling": 2}


@pytest.mark.parametrize("revision", ["d814c0688ae0", None])
def test_other_migrations(
    migrated: None, fresh_db: SQLAlchemy, app: Flask, revision: str | None
) -> None:
    with fresh_db.engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
        if revision:
            connection.execute(text(f"INSERT INTO alembic_version VALUES ('{revision}')"))
    answer = app.test_client().get(DETAILS)
    expected = ALL_IS_WELL | {"migrations": False, "workers": False, "status": 503}
    assert (answer.status_code, answer.json) == (503, expected)


def test_details_without_redis(
    migrated: None, app: Flask, monkeypatch: pytest.MonkeyPatch, silent_port: int
) -> None:
    for port in (9, silent_port):
        monkeypatch.setattr(local, "redis_url_of_tests", lambda: f"redis://127.0.0.1:{port}")  # noqa: B023
        start = time.monotonic()
        answer = create(env="testing").test_client().get(DETAILS)
        assert time.monotonic() - start < 4
        expected = ALL_IS_WELL | {"redis": False, "workers": False, "status": 503}
        assert (answer.status_code, answer.json) == (503, expected)


def test_details_without_database(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    client = site_with_database_at(9, monkeypatch).test_client()
    answer = client.get(DETAILS)
    assert answer.status_code == 503
    assert answer.json == {
        "database_sql": False,
        "redis": True,
        "migrations": False,
        "workers": False,
        "status": 503,
    }


def test_details_with_a_frozen_database(
    app: Flask, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = site_with_database_at(silent_port, monkeypatch).test_client()
    start = time.monotonic()
    answer = client.get(DETAILS)
    assert time.monotonic() - start < 5
    assert answer.status_code == 503
    assert answer.json is not None
    assert (answer.json["database_sql"], answer.json["redis"]) == (False, True)
