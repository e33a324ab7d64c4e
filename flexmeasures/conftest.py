"""Fixtures for our tests and for those of plugins: an app with a real database.

Each test process has a PostgreSQL server of its own, unless `SQLALCHEMY_TEST_DATABASE_URI` names a
database to use; that one is emptied by every test that asks for `db` or `fresh_db`. The same goes
for the Redis server of the queues and `FLEXMEASURES_TEST_REDIS_URL`; it starts when it is used.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from flask import Flask
    from flask_sqlalchemy import SQLAlchemy

_URI = "SQLALCHEMY_TEST_DATABASE_URI"


@pytest.fixture(scope="session")
def test_database_uri() -> Iterator[str]:
    """The address of a database that tests may fill and empty."""
    configured = os.environ.get(_URI)
    if configured:
        yield configured
        return
    from flexmeasures.bootstrap.local import throwaway_database_server

    with throwaway_database_server() as uri:
        os.environ[_URI] = uri
        yield uri
        del os.environ[_URI]


@pytest.fixture(scope="session")
def app(test_database_uri: str) -> Iterator[Flask]:
    """An app in the testing environment, with its context pushed and all tables made."""
    from flexmeasures.app import create
    from flexmeasures.data.config import db as database

    test_app = create(env="testing")
    with test_app.app_context():
        database.drop_all()
        database.create_all()
        yield test_app
        database.session.remove()
        database.drop_all()


@pytest.fixture(scope="module")
def db(app: Flask) -> Iterator[SQLAlchemy]:
    """The database with empty tables, shared by the tests of a module."""
    yield from _with_empty_tables()


@pytest.fixture
def fresh_db(app: Flask) -> Iterator[SQLAlchemy]:
    """The database with empty tables, for one test."""
    yield from _with_empty_tables()


def _with_empty_tables() -> Iterator[SQLAlchemy]:
    from sqlalchemy import text

    from flexmeasures.data.config import db as database

    yield database
    database.session.rollback()
    database.session.remove()
    tables = ", ".join(f'"{table.name}"' for table in database.metadata.sorted_tables)
    with database.engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
    _forget_jobs()


def _forget_jobs() -> None:
    """Ids of sensors begin anew, so jobs about them must not be found again."""
    from flask import current_app

    # Nothing to forget if no test of this process has used a queue: that would start the server.
    if "FLEXMEASURES_TEST_REDIS_URL" in os.environ:
        current_app.redis_connection.flushdb()  # type: ignore[attr-defined]


@pytest.fixture
def run_as_cli(app: Flask) -> Iterator[None]:
    """Pretend to be a `flexmeasures` command, for which no authorization is needed."""
    before = app.config.get("PRETEND_RUNNING_AS_CLI")
    app.config["PRETEND_RUNNING_AS_CLI"] = True
    yield
    app.config["PRETEND_RUNNING_AS_CLI"] = before
