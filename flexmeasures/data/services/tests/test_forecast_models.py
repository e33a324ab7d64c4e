"""The store of fitted models: a help that may be missing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from redis import Redis
from redis.exceptions import ConnectionError as NotConnected

from flexmeasures.data.services import forecast_models
from flexmeasures.data.services.forecast_models import RedisModelStore


class Broken:
    def __reduce__(self) -> str:
        raise ValueError("not to be pickled")


def test_what_is_kept(app: Flask) -> None:
    store = RedisModelStore()
    assert store.get("sensor 1") is None
    store.put("sensor 1", {"weights": [1.0, 2.0]})
    assert RedisModelStore().get("sensor 1") == {"weights": [1.0, 2.0]}
    assert store.get("sensor 2") is None
    [key] = app.redis_connection.keys("*forecast-model*")  # type: ignore[attr-defined]
    lifetime = app.redis_connection.ttl(key)  # type: ignore[attr-defined]
    assert 0 < lifetime <= app.config["FLEXMEASURES_FORECASTING_MODEL_TTL"].total_seconds()


def test_what_is_not_kept(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    store = RedisModelStore()
    store.put("broken", Broken())
    monkeypatch.setattr(forecast_models, "LARGEST", 10)
    store.put("large", list(range(1000)))
    assert (store.get("broken"), store.get("large")) == (None, None)
    monkeypatch.setitem(app.config, "FLEXMEASURES_FORECASTING_MODEL_TTL", timedelta(0))
    none = RedisModelStore()
    none.put("x", 1)
    assert none.get("x") is None


def test_what_cannot_be_read(app: Flask) -> None:
    store = RedisModelStore()
    store.put("x", 1)
    [key] = app.redis_connection.keys("*forecast-model*x")  # type: ignore[attr-defined]
    app.redis_connection.set(key, b"something else")  # type: ignore[attr-defined]
    assert store.get("x") is None


def test_without_redis(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked once, and not waited for again."""
    asked = []

    def away(*args: object, **kwargs: object) -> None:
        asked.append(args)
        raise NotConnected("away")

    monkeypatch.setattr(Redis, "get", away)
    store = RedisModelStore()
    assert store.get("x") is None
    store.put("x", 1)
    assert store.get("x") is None
    assert len(asked) == 1
