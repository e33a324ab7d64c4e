"""No client may take what is meant for all: how many API requests each may send."""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING

from flask import request
from flask_security import current_user
from redis.exceptions import RedisError
from werkzeug.exceptions import TooManyRequests

from flexmeasures.auth.throttle import side_of_caller
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.bootstrap.exceptions import ConfigurationError
from flexmeasures.bootstrap.extensions import configured_redis

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import SlidingWindowCounterRateLimiter

logger = logging.getLogger(__name__)

_PATIENCE = 0.5  # seconds to wait for Redis
_PAUSE = 30  # seconds until we try again after it did not answer


def set_up_rate_limit(app: FlexMeasures) -> None:
    """After who asks is known. Raises ConfigurationError for a limit that is none."""
    text = app.config["FLEXMEASURES_API_RATE_LIMIT"]
    if text is None or app.config["FLEXMEASURES_MODE"] == "play":
        return
    limit = _parse(text)
    counter = _Counter(app)

    def refuse_abuse() -> None:
        if not request.path.startswith("/api/"):
            return
        caller = str(current_user.id) if current_user.is_authenticated else side_of_caller()
        if caller is not None and (wait := counter.hit(limit, caller)):
            raise TooManyRequests(
                f"More than {limit.amount} requests per {_period(limit)}. Please slow down.",
                retry_after=wait,
            )

    app.before_request(refuse_abuse)


class _Counter:
    """Counts in Redis, for all workers together; in this process alone while Redis is away, and in
    local mode, where there is one process."""

    def __init__(self, app: FlexMeasures) -> None:
        self._config = app.config
        self._alone_until = math.inf if app.testing or app.config["LOCAL_MODE"] else 0.0
        self._alone = _CounterOfProcess()

    def hit(self, limit: RateLimitItem, caller: str) -> int:
        """Count a request. Returns the seconds to wait if it is one too many, else 0."""
        if time.monotonic() >= self._alone_until:
            try:
                if self._shared.hit(limit, caller):
                    return 0
                free = self._shared.get_window_stats(limit, caller).reset_time
                return max(1, math.ceil(free - time.time()))
            except RedisError as error:
                self._alone_until = time.monotonic() + _PAUSE
                logger.warning("Each process counts requests on its own, as of Redis: %s", error)
        return self._alone.hit(limit, caller)

    @cached_property
    def _shared(self) -> SlidingWindowCounterRateLimiter:
        from limits.storage import RedisStorage
        from limits.strategies import SlidingWindowCounterRateLimiter

        client = configured_redis(
            self._config, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE
        )
        storage = RedisStorage("redis://", connection_pool=client.connection_pool)
        return SlidingWindowCounterRateLimiter(storage)


class _CounterOfProcess:
    """Counts by period. (The library's own would start a thread for each request.)"""

    def __init__(self) -> None:
        self._period = 0
        self._counts: Counter[str] = Counter()

    def hit(self, limit: RateLimitItem, caller: str) -> int:
        period, passed = divmod(time.time(), limit.get_expiry())
        if period != self._period:
            self._period, self._counts = int(period), Counter()
        self._counts[caller] += 1
        if self._counts[caller] <= limit.amount:
            return 0
        return math.ceil(limit.get_expiry() - passed)


def _parse(text: str) -> RateLimitItem:
    from limits import parse

    try:
        return parse(text)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(
            f"FLEXMEASURES_API_RATE_LIMIT is {text!r}, but should be like '100 per second'."
        ) from error


def _period(limit: RateLimitItem) -> str:
    name = limit.GRANULARITY.name
    return name if limit.multiples == 1 else f"{limit.multiples} {name}s"
