"""The same call again gives the same job, for a while."""

from __future__ import annotations

import base64
import functools
import hashlib
import inspect
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ParamSpec

from flask import current_app

from flexmeasures.utils.time_utils import as_utc, server_now

if TYPE_CHECKING:
    from rq.job import Job

logger = logging.getLogger(__name__)

P = ParamSpec("P")

_NOT_PART_OF_KEY = ("requeue", "force_new_job_creation")
_MAKING_TAKES = 60  # seconds at most


def job_cache(queue_name: str) -> Callable[[Callable[P, Job]], Callable[P, Job]]:
    """Decorate a function that makes a job, to find the one it made for the same arguments.

    Arguments are the same if their texts are; the order of keys does not matter. Objects with a
    method `make_hashable` are what that returns. Two arguments are not among them: with
    `force_new_job_creation` the function is called in any case; with `requeue` a failed job is put
    back in its queue, in place of making a new one.

    However many call at once, one of them makes the job. Jobs are remembered for
    FLEXMEASURES_JOB_CACHE_TTL seconds; negative: for ever; 0: not at all.
    """

    def decorate(function: Callable[P, Job]) -> Callable[P, Job]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> Job:
            given = signature.bind(*args, **kwargs).arguments
            options = {name: bool(given.pop(name, False)) for name in _NOT_PART_OF_KEY}
            cache = _Cache(f"{queue_name}:{function.__name__}:{hash_of(given)}")
            if not options["force_new_job_creation"]:
                found = cache.find() or cache.find_again(options["requeue"])
                if found is not None:
                    return _tell(found, function)
            with cache.making():
                if not options["force_new_job_creation"] and (found := cache.find()) is not None:
                    return _tell(found, function)
                job = function(*args, **kwargs)
                cache.store(job)
            return job

        return wrapped

    return decorate


def hash_of(arguments: Mapping[str, Any]) -> str:
    """
    >>> hash_of({"a": {"x": 1, "y": 2}}) == hash_of({"a": {"y": 2, "x": 1}})
    True
    >>> hash_of({"a": [1, 2]}) == hash_of({"a": [2, 1]})
    False
    """
    digest = hashlib.sha256(repr(_canonical(arguments)).encode()).digest()
    return base64.b64encode(digest).decode("ascii")


def _canonical(value: Any) -> Any:
    if hasattr(value, "make_hashable"):
        return value.make_hashable()
    if isinstance(value, Mapping):
        return tuple(sorted((repr(key), _canonical(item)) for key, item in value.items()))
    if isinstance(value, (set, frozenset)):
        return tuple(sorted(repr(_canonical(item)) for item in value))
    if isinstance(value, (list, tuple)):
        return tuple(_canonical(item) for item in value)
    return value


def _tell(job: Job, function: Callable[..., Job]) -> Job:
    logger.info(
        "The function %s has been called already with the same arguments. Skipping...",
        function.__name__,
    )
    return job


class _Cache:
    """What is remembered about one call."""

    def __init__(self, key: str) -> None:
        from flexmeasures.data.services.jobs import redis_connection

        self.key = key
        self.connection = redis_connection()

    def find(self) -> Job | None:
        """The job, unless it failed or is gone."""
        job = self._any_job()
        return job if job is not None and _is_alive(job) else None

    def find_again(self, requeue: bool) -> Job | None:
        """The job that failed, now back in its queue."""
        from flexmeasures.data.services.jobs import run_again

        job = self._any_job() if requeue else None
        return run_again(job) if job is not None and job.is_failed else None

    def _any_job(self) -> Job | None:
        from flexmeasures.data.services.jobs import find_job

        job_id: Any = self.connection.get(self.key)
        return None if job_id is None else find_job(job_id.decode())

    def store(self, job: Job) -> None:
        lifetime = current_app.config["FLEXMEASURES_JOB_CACHE_TTL"]
        if lifetime:
            self.connection.set(self.key, job.id, ex=lifetime if lifetime > 0 else None)

    @contextmanager
    def making(self) -> Iterator[None]:
        """Others wait in here, until the first has made the job (or failed to)."""
        from redis.exceptions import LockNotOwnedError

        lock = self.connection.lock(f"{self.key}:making", timeout=_MAKING_TAKES, sleep=0.01)
        lock.acquire()
        try:
            yield
        finally:
            try:
                lock.release()
            except LockNotOwnedError:
                logger.warning("Making a job took longer than %s s.", _MAKING_TAKES)


def _is_alive(job: Job) -> bool:
    """Is it waiting, running or finished? One that was never put in a queue soon counts as lost."""
    status = job.get_status(refresh=False).value
    if status == "created":
        return as_utc(server_now()) - as_utc(job.created_at) < timedelta(seconds=_MAKING_TAKES)
    return status in ("queued", "started", "finished", "deferred", "scheduled")
