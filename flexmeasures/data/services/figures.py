"""Figures about a running server, for those who watch it: its queues, and its database."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Generic, TypeVar

from rq.utils import as_text, now, utcparse
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from flexmeasures.data.queries.freshness import newest_measurements
from flexmeasures.data.services.health import migrations_are_at_head
from flexmeasures.data.services.job_counts import JobCounts, read_counts
from flexmeasures.data.services.jobs import all_queues, redis_connection
from flexmeasures.data.services.task_board import queue_summaries, worker_summaries
from flexmeasures.utils.time_utils import server_now

if TYPE_CHECKING:
    from redis import Redis
    from sqlalchemy import Connection, Engine

AGES = {"1h": timedelta(hours=1), "6h": timedelta(hours=6), "1d": timedelta(days=1)}
MOST_TYPES = 50  # of assets; those with fewer sensors are put together
OTHERS = "other"

_KEPT = 30  # seconds for which figures that take longer are not asked for again, at least
_SHARE = 0.05  # of the time, at most, that is spent on these
_LIMIT = 4000  # milliseconds that they may take
_LOOKED_AT = 50  # jobs at the head of a queue

# Chunks of TimescaleDB are children of the table. What was rolled back counts, too.
_WRITTEN = text("""
WITH RECURSIVE parts (oid) AS (
    SELECT to_regclass('timed_belief')::oid
    UNION SELECT inhrelid FROM pg_inherits JOIN parts ON inhparent = parts.oid
)
SELECT coalesce(sum(n_tup_ins), 0)::bigint, coalesce(sum(n_tup_upd), 0)::bigint
FROM pg_stat_user_tables JOIN parts ON relid = parts.oid
""")

Value = TypeVar("Value")


@dataclass(frozen=True)
class QueueFigures:
    """jobs : by state, in the words of RQ
    oldest : seconds for which the one has waited that waits longest; None if none does
    workers : how many serve it
    busy : how many of these work on a job, of whichever queue
    """

    name: str
    jobs: dict[str, int]
    oldest: float | None
    workers: int
    busy: int


@dataclass(frozen=True)
class Freshness:
    """Of the sensors of one type of asset.

    measured : how many have data that are not older than each of AGES
    newest : the age of the newest data in seconds; None if none is known
    """

    asset_type: str
    sensors: int
    measured: tuple[int, ...]
    newest: float | None


@dataclass(frozen=True)
class DatabaseFigures:
    """stored, replaced : how many beliefs, since the database counts
    freshness : None if it takes too long to find out
    """

    migrations_at_head: bool
    stored: int
    replaced: int
    freshness: list[Freshness] | None


class _Kept(Generic[Value]):
    """Remembers a value for a while: the longer, the longer it took."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = float("-inf")
        self._value: Value | None = None

    def get(self, find: Callable[[], Value | None]) -> Value | None:
        with self._lock:
            started = time.monotonic()
            if started >= self._until:
                self._value = find()
                ended = time.monotonic()
                self._until = ended + max(_KEPT, (ended - started) / _SHARE)
            return self._value

    def forget(self) -> None:
        self._until = float("-inf")


kept_freshness: _Kept[list[Freshness]] = _Kept()


def figures_of_queues() -> tuple[list[QueueFigures], JobCounts]:
    """In a handful of round trips to Redis. Raises RedisError."""
    connection = redis_connection()
    summaries = queue_summaries()
    workers, busy = Counter[str](), Counter[str]()
    for worker in worker_summaries():
        workers.update(worker.queues)
        if worker.state == "busy":
            busy.update(worker.queues)
    oldest = [_oldest(connection, queue.key) for queue in all_queues()]
    figures = [
        QueueFigures(summary.name, summary.numbers, age, workers[summary.name], busy[summary.name])
        for summary, age in zip(summaries, oldest, strict=True)
    ]
    return figures, read_counts(connection)


def figures_of_database(engine: Engine, scripts: str) -> DatabaseFigures:
    """Not in the session of a request, and not for long. Raises SQLAlchemyError.

    scripts : the folder of migrations
    """
    with engine.connect() as connection:
        connection.execute(text(f"SET LOCAL statement_timeout = {_LIMIT}"))
        at_head = migrations_are_at_head(connection, scripts)
        stored, replaced = connection.execute(_WRITTEN).one()
        freshness = kept_freshness.get(lambda: _freshness(connection))
    return DatabaseFigures(at_head, stored, replaced, freshness)


def _freshness(connection: Connection) -> list[Freshness] | None:
    query = newest_measurements(server_now(), [*AGES.values()])
    try:
        rows = connection.execute(query).all()
    except DBAPIError:
        if connection.invalidated:
            raise
        return None  # too slow
    found = [
        Freshness(name, sensors, (*measured,), None if age is None else age.total_seconds())
        for name, sensors, *measured, age in rows
    ]
    return [*found[:MOST_TYPES], *_together(found[MOST_TYPES:])]


def _together(found: Sequence[Freshness]) -> list[Freshness]:
    if not found:
        return []
    measured = (sum(numbers) for numbers in zip(*(one.measured for one in found), strict=True))
    ages = [one.newest for one in found if one.newest is not None]
    total = sum(one.sensors for one in found)
    return [Freshness(OTHERS, total, (*measured,), min(ages, default=None))]


def _oldest(connection: Redis, queue_key: str) -> float | None:
    """Seconds for which the oldest job waits, among those that are next.

    Jobs that somebody waits for go to the head, so the first one need not be the oldest.
    """
    from rq.job import Job

    ids = connection.lrange(queue_key, 0, _LOOKED_AT - 1)
    with connection.pipeline(transaction=False) as pipeline:
        for job_id in ids:
            pipeline.hget(Job.key_for(as_text(job_id)), "enqueued_at")
        times = [utcparse(as_text(moment)) for moment in pipeline.execute() if moment]
    return max((now() - min(times)).total_seconds(), 0.0) if times else None
