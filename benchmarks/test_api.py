"""The API as it is served in production, against views that do next to nothing (see `bare_app`)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from http.client import HTTPConnection
from itertools import count
from typing import Any

import numpy as np
import pytest
from flask_sqlalchemy import SQLAlchemy
from pytest_benchmark.fixture import BenchmarkFixture
from sqlalchemy import text

from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services.users import create_user
from flexmeasures.tests.live_server import live_server

QUARTER = timedelta(minutes=15)
YEAR = 35_040
FIRST = datetime(1990, 1, 1, tzinfo=timezone.utc)


class Client:
    """One who calls a server, and waits for the whole answer."""

    def __init__(self, address: str, token: str) -> None:
        self._host = address.removeprefix("http://")
        self._headers = {"Authorization": token, "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        connection = HTTPConnection(self._host, timeout=60)
        data = None if body is None else json.dumps(body).encode()
        start = time.perf_counter()
        connection.request(method, path, data, self._headers)
        answer = connection.getresponse()
        content = answer.read()
        self.seconds = time.perf_counter() - start
        connection.close()
        assert answer.status == 200, content
        return json.loads(content)


class Site:
    """A server of both kinds of views, a client, and a sensor for each."""

    def __init__(self, client: Client, sensors: list[int], source: int) -> None:
        self.client, self.source = client, source
        self.sensor, self.bare_sensor = sensors
        self._windows = count()

    def new_start(self, values: int) -> str:
        """Each time another window, of which nothing is known."""
        return (FIRST + next(self._windows) * values * QUARTER).isoformat()


@pytest.fixture(scope="module")
def site(test_database_uri: str, db: SQLAlchemy) -> Iterator[Site]:
    user = create_user(
        email="ann@example.com",
        username="ann",
        password="battery-horse",
        account_name="Mill",
        check_email_deliverability=False,
    )
    asset = GenericAsset(
        name="mill", owner=user.account, generic_asset_type=GenericAssetType(name="windmill")
    )
    sensors = [Sensor(name, asset, unit="MW", event_resolution=QUARTER) for name in ("a", "b")]
    source = DataSource("meter", type="script")
    db.session.add_all([*sensors, source])
    db.session.commit()
    ids = [sensor.id for sensor in sensors]
    settings = {"FLEXMEASURES_REDIS_PORT": "1"}  # where nobody listens
    application = "benchmarks.bare_app:application"
    with live_server(test_database_uri, application=application, settings=settings) as address:
        token = str(user.get_auth_token())
        yield Site(Client(address, token), ids, source.id)


def compare(
    benchmark: BenchmarkFixture,
    ours: Callable[[], Client],
    bare: Callable[[], Client],
    rounds: int,
) -> float:
    """The ratio of their best times, measured in turns. Each makes one call, and says who did."""
    bare_times: list[float] = []
    own_times: list[float] = []
    for _ in range(10):  # every worker has been asked before
        ours(), bare()

    def before_each() -> None:
        bare_times.append(bare().seconds)

    benchmark.pedantic(lambda: own_times.append(ours().seconds), setup=before_each, rounds=rounds)
    ratio = min(own_times) / min(bare_times)
    benchmark.extra_info["ratio to a bare view"] = round(ratio, 2)
    return ratio


def post(site: Site, values: int) -> Client:
    """New values, which differ from what was posted before."""
    body = {
        "start": site.new_start(values),
        "duration": f"PT{values * 15}M",
        "values": np.random.default_rng().normal(size=values).round(3).tolist(),
        "unit": "MW",
    }
    answer = site.client.call("POST", f"/api/v3_0/sensors/{site.sensor}/data", body)
    assert answer["status"] == "PROCESSED"
    return site.client


@pytest.mark.parametrize("values", [1, 96])
def test_posting_a_few_values(benchmark: BenchmarkFixture, site: Site, values: int) -> None:
    """Against one SELECT."""

    def bare() -> Client:
        body = {"sensor": site.bare_sensor, "values": list(range(values))}
        site.client.call("POST", "/select", body)
        return site.client

    assert compare(benchmark, lambda: post(site, values), bare, rounds=100) <= 3


def test_posting_a_year(benchmark: BenchmarkFixture, site: Site) -> None:
    """Against reading the same JSON, and a binary COPY of the values."""

    def bare() -> Client:
        body = {
            "sensor": site.bare_sensor,
            "source": site.source,
            "start": site.new_start(YEAR),
            "values": np.random.default_rng().normal(size=YEAR).round(3).tolist(),
        }
        site.client.call("POST", "/copy", body)
        return site.client

    assert compare(benchmark, lambda: post(site, YEAR), bare, rounds=10) <= 2


def test_getting_a_year(benchmark: BenchmarkFixture, site: Site, db: SQLAlchemy) -> None:
    """Against one SELECT of the same values, and orjson."""
    start = site.new_start(YEAR)
    body = {"start": start, "duration": f"PT{YEAR * 15}M", "unit": "MW", "values": [1.5] * YEAR}
    site.client.call("POST", f"/api/v3_0/sensors/{site.sensor}/data", body)
    db.session.commit()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE) timed_belief"))
    end = (datetime.fromisoformat(start) + YEAR * QUARTER).isoformat()
    window = f"start={start}&duration=PT{YEAR * 15}M&unit=MW".replace("+", "%2B")
    bare_window = f"sensor={site.sensor}&start={start}&end={end}".replace("+", "%2B")

    def ours() -> Client:
        found = site.client.call("GET", f"/api/v3_0/sensors/{site.sensor}/data?{window}")
        assert found["values"] == body["values"]
        return site.client

    def bare() -> Client:
        assert site.client.call("GET", f"/year?{bare_window}")["values"] == body["values"]
        return site.client

    assert compare(benchmark, ours, bare, rounds=15) <= 3
