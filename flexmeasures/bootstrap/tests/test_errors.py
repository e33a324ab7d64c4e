from __future__ import annotations

import errno

import pytest
from flask_sqlalchemy import SQLAlchemy
from redis import exceptions as redis
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from flexmeasures.bootstrap import extensions
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.bootstrap.errors import explain
from flexmeasures.data.config import db as database
from flexmeasures.utils.config_defaults import Config


def what_is_said_of(statement: str) -> str | None:
    try:
        with database.engine.connect() as connection:
            connection.execute(text(statement))
    except SQLAlchemyError as error:
        return explain(error)
    raise AssertionError("no error")


def test_a_closed_door_is_named_without_credentials() -> None:
    app = FlexMeasures()
    app.config.from_object(Config)
    app.config["LOCAL_MODE"] = False
    app.config["SQLALCHEMY_DATABASE_URI"] = "postgresql://user:secret@127.0.0.1:1/nowhere"
    extensions.set_up_database(app)
    with app.app_context():
        sentence = what_is_said_of("SELECT 1")
    assert sentence is not None
    assert sentence.startswith("Cannot connect to the database nowhere on 127.0.0.1:1: ")
    assert "Connection refused" in sentence
    assert "SQLALCHEMY_DATABASE_URI" in sentence
    assert "secret" not in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("local", [True, False])
def test_queues_without_a_server(local: bool) -> None:
    app = FlexMeasures()
    app.config["LOCAL_MODE"] = local
    with app.app_context():
        sentence = explain(redis.ConnectionError("Error 111 connecting to here:1. Refused."))
    assert sentence is not None
    assert sentence.startswith(
        "Cannot connect to the server of the job queues: Error 111 connecting to here:1. Refused. "
    )
    assert ("flexmeasures local status" if local else "FLEXMEASURES_REDIS_") in sentence


def test_a_full_disk() -> None:
    assert explain(OSError(errno.ENOSPC, "No space left on device")) == (
        "Cannot write: No space left on device."
    )
    assert explain(OSError(errno.EIO, "Input/output error")) is None


def test_missing_tables_and_columns_call_for_an_upgrade(db: SQLAlchemy) -> None:
    sentence = what_is_said_of("SELECT * FROM no_such_table")
    assert sentence is not None
    assert 'relation "no_such_table" does not exist' in sentence
    assert "flexmeasures db upgrade" in sentence
    assert "flexmeasures db upgrade" in str(what_is_said_of("SELECT colour FROM sensor"))


def test_a_lost_connection(db: SQLAlchemy) -> None:
    sentence = what_is_said_of("SELECT pg_terminate_backend(pg_backend_pid())")
    assert sentence is not None
    assert sentence.startswith("The connection to the database ")


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x")])
def test_errors_of_our_own_are_no_accident(error: Exception) -> None:
    assert explain(error) is None


def test_a_wrong_statement_is_a_bug(db: SQLAlchemy) -> None:
    assert what_is_said_of("SELECT 1 / 0") is None
