"""Schedules from a real server: many ask at once, and Redis is away."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.api.v3_0.tests.plans import START, Depot, build_depot
from flexmeasures.data.config import db as database
from flexmeasures.data.services import jobs
from flexmeasures.tests.live_server import free_port, live_server
from flexmeasures.tests.permissions.world import build_world, user_named


@pytest.fixture(scope="module")
def depot(db: SQLAlchemy) -> Depot:
    return build_depot(build_world())


@pytest.fixture(scope="module")
def token(depot: Depot) -> str:
    return str(user_named("member").get_auth_token())


@pytest.fixture(scope="module")
def server(test_database_uri: str, depot: Depot) -> Iterator[str]:
    current_app.redis_connection.ping()  # type: ignore[attr-defined]  # starts the server
    settings = {
        "FLEXMEASURES_ENV": "testing",
        "FLEXMEASURES_TEST_REDIS_URL": os.environ["FLEXMEASURES_TEST_REDIS_URL"],
    }
    with live_server(test_database_uri, settings=settings) as address:
        yield address


def call(url: str, token: str, body: Any = None) -> tuple[int, Any, Any]:
    """Status, body and headers; a POST if there is a body to send."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": token, "Content-Type": "application/json"}
    try:
        with urlopen(Request(url, data, headers), timeout=20) as answer:
            return answer.status, json.load(answer), answer.headers
    except HTTPError as error:
        with error:
            return error.code, json.load(error), error.headers


def test_many_ask_at_once(app: Flask, server: str, depot: Depot, token: str) -> None:
    url = f"{server}/api/v3_0/{depot.trigger}"
    with ThreadPoolExecutor(50) as clients:
        told = [*clients.map(lambda _: call(url, token, depot.message()), range(50))]
    assert {code for code, _, _ in told} == {200}
    ids = {body["schedule"] for _, body, _ in told}
    assert jobs.find_queue("scheduling").job_ids == [*ids]
    assert len(ids) == 1


def test_one_of_two_workers_waits(server: str, depot: Depot, token: str) -> None:
    message = depot.message(**{"force-new-job-creation": True})
    _, told, _ = call(f"{server}/api/v3_0/{depot.trigger}", token, message)
    url = f"{server}{told['results-url']}"

    def wait(_: int) -> float:
        began = time.monotonic()
        assert call(url, token)[0] == 400
        return time.monotonic() - began

    with ThreadPoolExecutor(5) as clients:
        took = sorted(clients.map(wait, range(5)))
    assert took[-1] >= 15
    assert took[-2] < 5


@pytest.mark.parametrize("redis", ["gone", "deaf"])
def test_without_redis(test_database_uri: str, depot: Depot, token: str, redis: str) -> None:
    """What needs no job goes on; the rest is refused, at once."""
    with closing(socket.create_server(("127.0.0.1", 0))) as deaf:
        port = deaf.getsockname()[1] if redis == "deaf" else free_port()
        settings = {
            "FLEXMEASURES_REDIS_URL": "127.0.0.1",
            "FLEXMEASURES_REDIS_PORT": str(port),
        }
        with live_server(test_database_uri, settings=settings) as address:
            api = f"{address}/api/v3_0"
            posted = {"start": START.isoformat(), "duration": "PT1H", "unit": "MW", "values": [1]}
            assert call(f"{api}/sensors/{depot.battery}/data", token, posted)[0] == 200
            for path, body in (
                (depot.trigger, depot.message()),
                (f"assets/{depot.asset}/schedules/trigger", _for_asset(depot)),
                (f"sensors/{depot.battery}/schedules/x", None),
                ("jobs/x", None),
            ):
                began = time.monotonic()
                code, told, headers = call(f"{api}/{path}", token, body)
                assert (code, told["message"]) == (
                    503,
                    "The job queue does not answer. Please try again later.",
                )
                assert time.monotonic() - began < 2
                assert int(headers["Retry-After"]) > 0
    database.session.remove()


def _for_asset(depot: Depot) -> dict[str, Any]:
    message = depot.message()
    return message | {"flex-model": [{"sensor": depot.battery} | message["flex-model"]]}
