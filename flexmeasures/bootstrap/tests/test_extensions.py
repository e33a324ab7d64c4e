from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from flexmeasures.bootstrap import extensions, local
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.bootstrap.exceptions import ConfigurationError
from flexmeasures.data.config import db
from flexmeasures.utils.config_defaults import Config

CLOSED = "postgresql://user:secret@127.0.0.1:1/nowhere"


def make_app(uri: str | None, local_mode: bool = False, **settings: Any) -> FlexMeasures:
    app = FlexMeasures()
    app.config.from_object(Config)
    app.config.update(SQLALCHEMY_DATABASE_URI=uri, LOCAL_MODE=local_mode, **settings)
    return app


def test_nothing_is_contacted_at_start() -> None:
    app = make_app(CLOSED, FLEXMEASURES_REDIS_URL="127.0.0.1", FLEXMEASURES_REDIS_PORT=1)
    extensions.set_up_database(app)
    extensions.set_up_queues(app)
    assert set(app.queues) == {"forecasting", "scheduling"}


def test_plain_addresses_mean_one_driver_whatever_sqlalchemy_prefers() -> None:
    app = make_app(CLOSED)
    extensions.set_up_database(app)
    with app.app_context():
        assert db.engine.dialect.driver == "psycopg2"


@pytest.mark.parametrize("uri", ["sqlite://", "mysql://user:secret@host/db", "secret", "://secret"])
def test_other_databases_are_refused_without_showing_secrets(uri: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        extensions.set_up_database(make_app(uri))
    assert "postgresql://user:password@host:port/database" in str(error.value)
    assert "secret" not in str(error.value)


def test_sessions_speak_utc(test_database_uri: str) -> None:
    app = make_app(test_database_uri)
    extensions.set_up_database(app)
    with app.app_context(), db.engine.connect() as connection:
        assert connection.execute(text("SHOW timezone")).scalar_one().upper() == "UTC"
        db.engine.dispose()


def test_local_mode_starts_the_database_with_the_first_connection(
    test_database_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    def start() -> str:
        started.append("database")
        return test_database_uri

    monkeypatch.setattr(local, "database_uri", start)
    monkeypatch.setattr(local, "announce", lambda: started.append("announced"))
    app = make_app(None, local_mode=True)
    extensions.set_up_database(app)
    assert started == []
    with app.app_context():
        with db.engine.connect() as connection:
            assert connection.execute(text("SHOW timezone")).scalar_one().upper() == "UTC"
        assert started == ["database", "announced"]
        db.engine.dispose()  # as after a stop of the server
        with db.engine.connect():
            assert started == ["database", "announced"] * 2
        db.engine.dispose()


def test_queues_of_tests_are_on_a_server_of_their_own() -> None:
    app = make_app(CLOSED)
    app.testing = True
    extensions.set_up_queues(app)
    job = app.queues["forecasting"].enqueue(sys.getrecursionlimit)
    assert app.queues["forecasting"].job_ids == [job.id]
    assert app.queues["scheduling"].is_empty()
    assert app.redis_connection.dbsize() > 0
    assert "path" in app.redis_connection.connection_pool.connection_kwargs  # nobody else's
    app.redis_connection.flushdb()


def test_redis_as_configured() -> None:
    app = make_app(
        CLOSED,
        FLEXMEASURES_REDIS_URL="redis.example.com",
        FLEXMEASURES_REDIS_PORT=7000,
        FLEXMEASURES_REDIS_DB_NR=3,
        FLEXMEASURES_REDIS_PASSWORD="word",
    )
    extensions.set_up_queues(app)
    arguments = app.redis_connection.connection_pool.connection_kwargs
    assert arguments["host"] == "redis.example.com"
    assert (arguments["port"], arguments["db"], arguments["password"]) == (7000, 3, "word")


def test_local_mode_starts_redis_when_a_queue_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And again, if somebody stopped it since."""
    monkeypatch.setenv("FLEXMEASURES_LOCAL_DATA", str(tmp_path))
    app = make_app(None, local_mode=True, FLEXMEASURES_REDIS_URL=None)
    extensions.set_up_queues(app)
    assert app.queues["scheduling"].name == "scheduling"
    assert not any(server.pid for server in local.status())
    try:
        assert app.queues["scheduling"].count == 0
        local.stop()
        assert app.queues["forecasting"].count == 0
    finally:
        assert local.stop() == ["Valkey"]


def test_migrations_are_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (extensions.migrations_folder() / "env.py").is_file()
