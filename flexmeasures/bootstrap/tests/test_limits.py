"""How many requests a client may send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, jsonify
from redis import Redis

from flexmeasures.app import create
from flexmeasures.bootstrap import limits
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.bootstrap.exceptions import ConfigurationError
from flexmeasures.bootstrap.limits import set_up_rate_limit
from flexmeasures.bootstrap.local import throwaway_redis_server

Make = Callable[..., FlexMeasures]


@pytest.fixture
def make(app: Flask) -> Make:
    """Makes one of several workers of a server."""

    def make_site(**settings: Any) -> FlexMeasures:
        site = create(env="testing")
        site.config |= {"FLEXMEASURES_API_RATE_LIMIT": "3 per minute", **settings}
        set_up_rate_limit(site)
        site.add_url_rule("/api/hello", "hello", lambda: jsonify("hello"))
        site.add_url_rule("/hello", "page", lambda: "hello")
        return site

    return make_site


def codes(site: FlexMeasures, path: str = "/api/hello", times: int = 5) -> list[int]:
    return [site.test_client().get(path).status_code for _ in range(times)]


def test_too_many(make: Make) -> None:
    site = make()
    assert codes(site) == [200, 200, 200, 429, 429]
    refused = site.test_client().get("/api/hello")
    body = refused.get_json()
    assert body["status"] == "TOO_MANY_REQUESTS"
    assert "3 requests per minute" in body["message"]
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert codes(site, "/hello") == [200] * 5, "Pages are not counted."


@pytest.mark.parametrize(
    "settings", [{"FLEXMEASURES_API_RATE_LIMIT": None}, {"FLEXMEASURES_MODE": "play"}]
)
def test_no_limit(make: Make, settings: dict[str, Any]) -> None:
    assert codes(make(**settings)) == [200] * 5


def test_the_default_lets_busy_clients_work(make: Make) -> None:
    assert codes(make(FLEXMEASURES_API_RATE_LIMIT="6000 per minute"), times=1000) == [200] * 1000


def test_no_such_limit(make: Make) -> None:
    with pytest.raises(ConfigurationError, match="100 per second"):
        make(FLEXMEASURES_API_RATE_LIMIT="a few")


def test_workers_count_together(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with throwaway_redis_server() as url:
        monkeypatch.setattr(limits, "configured_redis", lambda *a, **options: Redis.from_url(url))
        one, other = shared(make), shared(make)
        assert codes(one, times=2) == [200, 200]
        assert codes(other, times=3) == [200, 429, 429]
        assert int(other.test_client().get("/api/hello").headers["Retry-After"]) <= 60


def test_while_redis_is_away_each_worker_counts_alone(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    site = shared(make, FLEXMEASURES_REDIS_PORT=1)  # where nobody listens
    assert codes(site) == [200, 200, 200, 429, 429]
    assert caplog.text.count("counts requests on its own") == 1


def shared(make: Make, **settings: Any) -> FlexMeasures:
    """A worker that counts in Redis, as outside of tests."""
    return make(TESTING=False, LOCAL_MODE=False, **settings)
