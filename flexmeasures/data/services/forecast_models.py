"""Fitted models, kept in Redis for the jobs that come after: several forecast the same sensor.

Nothing depends on it. What cannot be kept or read is fitted again.
"""

from __future__ import annotations

import logging
import pickle
import zlib
from datetime import timedelta
from functools import cache
from importlib import metadata
from typing import Any

from flask import current_app
from redis.exceptions import RedisError

from flexmeasures.data.services.jobs import redis_connection

logger = logging.getLogger(__name__)

LARGEST = 10 * 2**20  # bytes
_PREFIX = "flexmeasures:forecast-model"
# What models are pickled from: others may not understand them.
_MADE_BY = ("flexmeasures", "numpy", "scikit-learn")


class RedisModelStore:
    """A `flexmeasures.forecasting.base.ModelStore`.

    What is read back was pickled, so whoever can write to Redis can run code here. That goes for
    each job in its queues as well: Redis has to be as private as the database.
    """

    def __init__(self) -> None:
        self.lifetime: timedelta = current_app.config["FLEXMEASURES_FORECASTING_MODEL_TTL"]
        self.connection = redis_connection() if self.lifetime > timedelta(0) else None

    def get(self, key: str) -> Any:
        """What was kept under this key; None if nothing was, or if it is not to be had."""
        if self.connection is None:
            return None
        try:
            packed: Any = self.connection.get(_full(key))
            return None if packed is None else pickle.loads(zlib.decompress(packed))
        except RedisError as error:
            self._give_up(error)
        except Exception:
            # Pickles fail in any way, if what they are of has changed.
            logger.warning("The model kept as %s cannot be read.", key, exc_info=True)
        return None

    def put(self, key: str, fitted: Any) -> None:
        """Keep it for a while, unless it is too large."""
        if self.connection is None:
            return
        try:
            packed = zlib.compress(pickle.dumps(fitted, pickle.HIGHEST_PROTOCOL), 1)
            if len(packed) > LARGEST:
                logger.warning("The model %s is too large to keep: %s bytes.", key, len(packed))
                return
            self.connection.set(_full(key), packed, px=round(1000 * self.lifetime.total_seconds()))
        except RedisError as error:
            self._give_up(error)
        except Exception:
            logger.warning("The model %s cannot be kept.", key, exc_info=True)

    def _give_up(self, error: RedisError) -> None:
        """Waiting for Redis once is enough."""
        logger.warning("Models are not kept, as Redis does not answer: %s", error)
        self.connection = None


class RecentModels:
    """A store in this process, of a few models that were used last."""

    def __init__(self, most: int = 12) -> None:
        self.most = most
        self.models: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        if key in self.models:
            self.models[key] = self.models.pop(key)  # the last one now
        return self.models.get(key)

    def put(self, key: str, fitted: Any) -> None:
        self.models[key] = fitted
        if len(self.models) > self.most:
            del self.models[next(iter(self.models))]


def _full(key: str) -> str:
    return f"{_PREFIX}:{_versions()}:{key}"


@cache
def _versions() -> str:
    return "/".join(metadata.version(name) for name in _MADE_BY)
