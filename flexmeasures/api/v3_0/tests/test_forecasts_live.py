"""Forecasts from a real server and a real worker; and without Redis."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from flask import current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import select

from flexmeasures.api.v3_0.tests.plans import add_sensor
from flexmeasures.api.v3_0.tests.test_schedules_live import call
from flexmeasures.data.config import db as database
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import TimedBelief
from flexmeasures.data.services import jobs
from flexmeasures.data.services.tests.workers import wait_for, workers
from flexmeasures.tests.live_server import free_port, live_server
from flexmeasures.tests.permissions.world import World, build_world, user_named
from flexmeasures.utils.time_utils import server_now

QUARTER, HOUR, DAY = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)


@pytest.fixture(scope="module")
def world(db: SQLAlchemy) -> World:
    return build_world()


@pytest.fixture(scope="module")
def token(world: World) -> str:
    return str(user_named("member").get_auth_token())


@pytest.fixture
def sensor_id(world: World) -> int:
    name = f"load {server_now()}"
    return add_sensor(world.ids["asset of Bakery"], name, "kW", resolution=QUARTER).id


@pytest.fixture(scope="module")
def server(test_database_uri: str, world: World) -> Iterator[str]:
    current_app.redis_connection.ping()  # type: ignore[attr-defined]  # starts the server
    jobs.redis_connection().flushdb()
    settings = {
        "FLEXMEASURES_ENV": "testing",
        "FLEXMEASURES_TEST_REDIS_URL": os.environ["FLEXMEASURES_TEST_REDIS_URL"],
    }
    with live_server(test_database_uri, settings=settings) as address:
        yield f"{address}/api/v3_0"
    jobs.redis_connection().flushdb()


def last_quarter() -> datetime:
    """The start of the last quarter of an hour that is over."""
    now = server_now().astimezone(timezone.utc)
    return now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0) - QUARTER


def post(url: str, token: str, start: datetime, values: list[float]) -> None:
    duration = f"PT{15 * len(values)}M"
    body = {"start": start.isoformat(), "duration": duration, "unit": "kW", "values": values}
    assert call(url, token, body)[0] == 200


def test_as_a_client_does(server: str, token: str, sensor_id: int, test_database_uri: str) -> None:
    """Some weeks of values; a forecast on request; one more value, and forecasts from it."""
    url = f"{server}/sensors/{sensor_id}"
    end = last_quarter()
    daily = 5 - 4 * np.cos(2 * np.pi * np.arange(96) / 96)
    values = np.tile(daily, 21) + np.random.default_rng(1).normal(scale=0.1, size=96 * 21)
    post(f"{url}/data", token, end - 21 * DAY, values.round(3).tolist())
    jobs.redis_connection().flushdb()  # two days from which to forecast

    with workers(queue="forecasting", SQLALCHEMY_TEST_DATABASE_URI=test_database_uri):
        start = end + 2 * QUARTER
        code, told, _ = call(f"{url}/forecasts/trigger", token, {"start": start.isoformat()})
        assert code == 200
        results = server.replace("/api/v3_0", "") + told["results-url"]

        def result() -> Any:
            code, body, _ = call(results, token)
            assert code in (200, 202), body
            return body if code == 200 else None

        forecast = wait_for(result, 120)
        assert forecast["duration"] == "PT48H"
        assert datetime.fromisoformat(forecast["start"]) == start
        expected = np.tile(daily, 3)[2:194]
        assert np.abs(np.array(forecast["values"]) - expected).mean() < 0.5

        post(f"{url}/data", token, end, [float(daily[0])])
        made = wait_for(lambda: horizons(sensor_id, end) or None, 120)
        assert made == [HOUR, 6 * HOUR, DAY, 2 * DAY]
        wait_for(lambda: jobs.find_queue("forecasting").is_empty())
        assert jobs.find_queue("forecasting").failed_job_registry.count == 0


def horizons(sensor_id: int, start: datetime) -> list[timedelta]:
    """How far ahead events were forecast, as seen when the event that starts then was over."""
    database.session.rollback()
    query = (
        select(TimedBelief)
        .join(DataSource)
        .where(TimedBelief.sensor_id == sensor_id, DataSource.type == "forecaster")
    )
    found = {
        belief.belief_horizon
        for belief in database.session.scalars(query)
        if belief.event_start - belief.belief_horizon == start
    }
    return sorted(found)


@pytest.mark.parametrize("redis", ["gone", "deaf"])
def test_without_redis(test_database_uri: str, token: str, sensor_id: int, redis: str) -> None:
    """Values are stored all the same, without delay."""
    end = last_quarter()
    with closing(socket.create_server(("127.0.0.1", 0))) as deaf:
        port = deaf.getsockname()[1] if redis == "deaf" else free_port()
        settings = {
            "FLEXMEASURES_REDIS_URL": "127.0.0.1",
            "FLEXMEASURES_REDIS_PORT": str(port),
            "FLEXMEASURES_API_RATE_LIMIT": "1000 per second",
        }
        with live_server(test_database_uri, workers=1, settings=settings) as address:
            url = f"{address}/api/v3_0/sensors/{sensor_id}"
            post(f"{url}/data", token, end - 2 * DAY, [1.0])
            took = []
            for number in range(4):
                began = time.monotonic()
                post(f"{url}/data", token, end - number * QUARTER, [float(number)])
                took.append(time.monotonic() - began)
            assert max(took) < 4
            assert max(took[1:]) < 1
            code, told, headers = call(f"{url}/forecasts/trigger", token, {})
            assert (code, told["message"]) == (
                503,
                "The job queue does not answer. Please try again later.",
            )
            assert int(headers["Retry-After"]) > 0
    database.session.remove()
