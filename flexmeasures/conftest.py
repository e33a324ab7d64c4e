"""Fixtures for our tests and for those of plugins: an app with a real database; small worlds.

A plugin imports in its `conftest.py` what it needs: `from flexmeasures.conftest import app, db`.
It may have an `app` of its own instead, made with `create(env="testing", plugins=[...])`.

Each test process has a PostgreSQL server of its own, unless `SQLALCHEMY_TEST_DATABASE_URI` names a
database to use; that one is emptied by every test that asks for `db` or `fresh_db`. The same goes
for the Redis server of the queues and `FLEXMEASURES_TEST_REDIS_URL`; it starts when it is used.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
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
    from sqlalchemy import inspect, text

    from flexmeasures.data.config import db as database

    # An app of a plugin comes without tables, and may have some of its own.
    if not set(database.metadata.tables) <= set(inspect(database.engine).get_table_names()):
        database.create_all()
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


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of the app, with cookies of its own."""
    return app.test_client()


@pytest.fixture
def clean_redis(app: Flask) -> None:
    """Empty the forecasting queue, and forget what failed there."""
    queue = app.queues["forecasting"]  # type: ignore[attr-defined]
    queue.empty()
    failed = queue.failed_job_registry
    for job in failed.get_job_ids():
        failed.remove(job, delete_job=True)


def _world(home: str, name: str) -> tuple[Any, Any]:
    """What `flexmeasures.testing.<home>.<name>()` makes, for a module and for one test."""

    def make() -> Any:
        from flexmeasures.data.config import db as database

        made = getattr(importlib.import_module(f"flexmeasures.testing.{home}"), name)()
        database.session.commit()
        return made

    @pytest.fixture(scope="module")
    def of_module(db: SQLAlchemy) -> Any:
        return make()

    @pytest.fixture
    def of_test(fresh_db: SQLAlchemy) -> Any:
        return make()

    return of_module, of_test


setup_accounts, setup_accounts_fresh_db = _world("people", "accounts")
setup_roles_users, setup_roles_users_fresh_db = _world("people", "users")
setup_sources, setup_sources_fresh_db = _world("data", "sources")
setup_markets, setup_markets_fresh_db = _world("data", "markets")
setup_beliefs, setup_beliefs_fresh_db = _world("data", "market_beliefs")
add_market_prices, add_market_prices_fresh_db = _world("data", "market_prices")
setup_asset_types, setup_asset_types_fresh_db = _world("assets", "power_asset_types")
setup_assets, setup_assets_fresh_db = _world("assets", "renewables")
setup_generic_asset_types, setup_generic_asset_types_fresh_db = _world(
    "assets", "generic_asset_types"
)
setup_generic_assets, setup_generic_assets_fresh_db = _world("assets", "generic_assets")
add_battery_assets, add_battery_assets_fresh_db = _world("assets", "batteries")
add_charging_station_assets, add_charging_station_assets_fresh_db = _world(
    "assets", "charging_stations"
)
add_weather_sensors, add_weather_sensors_fresh_db = _world("assets", "weather_sensors")
add_sensors, add_sensors_fresh_db = _world("assets", "height_sensor")
battery_soc_sensor, battery_soc_sensor_fresh_db = _world("assets", "state_of_charge_sensor")


@pytest.fixture(scope="session", autouse=True)
def _error_endpoints(app: Flask) -> None:
    """Views that fail."""
    from flexmeasures.testing.errors import add_error_endpoints

    add_error_endpoints(app)


_for_plugins = {"error_endpoints": _error_endpoints}
del _error_endpoints


def __getattr__(name: str) -> Any:
    """What is used by every test that can see it, and is not meant for ours."""
    if name not in _for_plugins:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _for_plugins[name]
