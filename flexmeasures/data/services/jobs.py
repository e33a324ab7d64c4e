"""Jobs: work that is asked for now, and done soon by a worker.

A job is run again if its run came to nothing through no fault of its own: a process that died, a
server that went away. So its function must be idempotent, which is easiest if all that it depends
on is fixed in its arguments when it is made. A job with arguments that will never do fails at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from flask import current_app
from sqlalchemy.exc import DBAPIError

from flexmeasures.data.config import db
from flexmeasures.utils import tracing

if TYPE_CHECKING:
    from types import TracebackType

    from redis import Redis
    from rq import Queue
    from rq.job import Job

logger = logging.getLogger(__name__)

RUNS = 3  # at most, of one job
TIME_LIMIT = 180  # seconds for one run, unless the job says otherwise
_DATABASE_MAY_PAUSE = 20  # seconds
_A_YEAR = 365 * 24 * 3600  # for which failures are kept


class UnknownQueue(ValueError):
    """There is no queue of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Unknown queue '{name}'.")


def find_queue(name: str) -> Queue:
    """Raises UnknownQueue."""
    queues: Mapping[str, Queue] = current_app.queues  # type: ignore[attr-defined]
    if name not in queues:
        raise UnknownQueue(name)
    # The thing itself, as RQ compares types.
    return cast("Queue", getattr(queues[name], "_get_current_object", lambda: queues[name])())


def all_queues() -> list[Queue]:
    """By name."""
    return [find_queue(name) for name in sorted(current_app.queues)]  # type: ignore[attr-defined]


def number_of_workers(queue_name: str) -> int:
    """How many serve this queue, as far as they have told lately."""
    from rq import worker_registration

    queue = find_queue(queue_name)
    known = worker_registration.get_keys(queue=queue)
    return int(queue.connection.exists(*known)) if known else 0


def redis_connection() -> Redis:
    """The connection that all queues share."""
    return find_queue("scheduling").connection


def make_job(
    queue_name: str,
    function: Callable[..., Any],
    arguments: Mapping[str, Any],
    *,
    description: str,
    job_id: str | None = None,
    meta: Mapping[str, Any] | None = None,
    keep_result: timedelta | None = None,
    after: Sequence[Job] = (),
    time_limit: timedelta | None = None,
) -> Job:
    """Make a job and store it, so that others can find it; it waits for `enqueue`.

    function : importable by its name, which stays in stored jobs: do not rename it
    description : for logs; not the arguments, which are long and nobody else's business
    keep_result : how long a successful job stays known; negative: for ever; None: a day
    after : jobs that have to end first, well or badly
    time_limit : for one run; None: that of most jobs
    """
    from rq import Retry
    from rq.job import Dependency, Job

    queue = find_queue(queue_name)
    job = Job.create(
        f"{function.__module__}.{function.__qualname__}",
        kwargs=dict(arguments),
        id=job_id,
        connection=queue.connection,
        serializer=queue.serializer,
        origin=queue.name,
        description=description,
        timeout=TIME_LIMIT if time_limit is None else round(time_limit.total_seconds()),
        retry=Retry(max=RUNS - 1),
        ttl=_lifetime(current_app.config["FLEXMEASURES_JOB_TTL"]),
        result_ttl=_lifetime(keep_result or timedelta(days=1)) or -1,
        failure_ttl=_A_YEAR,
        meta=_asker() | dict(meta or {}),
        depends_on=Dependency(list(after), allow_failure=True) if after else None,
    )
    job.save()
    job.cleanup(job.ttl)  # it expires, should it never be enqueued
    return job


def _asker() -> dict[str, str]:
    """Which request made the job, for log lines."""
    known = tracing.request_id.get()
    return {} if known is None else {"request_id": known}


@contextmanager
def traced(job: Job) -> Iterator[None]:
    """Log lines tell the job, and the request that made it."""
    tokens = (
        (tracing.job_id, tracing.job_id.set(job.id)),
        (tracing.request_id, tracing.request_id.set(job.meta.get("request_id"))),
    )
    try:
        yield
    finally:
        for variable, token in tokens:
            variable.reset(token)


def enqueue(job: Job, first: bool = False) -> Job:
    """Let a worker take the job: call this after committing what it depends on.

    first : before those that wait already, such as jobs for nobody in particular
    """
    return find_queue(job.origin).enqueue_job(job, at_front=first)


def find_job(job_id: str) -> Job | None:
    """The job with this id, or None if there never was one, or its time is over."""
    from rq.exceptions import NoSuchJobError
    from rq.job import Job

    queue = find_queue("scheduling")
    try:
        return Job.fetch(job_id, connection=queue.connection, serializer=queue.serializer)
    except NoSuchJobError:
        return None


def run_again(job: Job) -> Job:
    """Put a failed job back in its queue, as if it had never run."""
    job.retries_left = RUNS - 1
    job.meta.pop("exception", None)
    return job.requeue()


def current_job() -> Job | None:
    """The job that this process runs just now."""
    from rq import get_current_job

    return get_current_job()


def remember_exception(
    job: Job, exc_type: type[BaseException], exc_value: BaseException | str
) -> None:
    """Keep for readers of the job why it failed: class and text, not an object.

    Not every exception survives pickling, and whoever reads the job may not be able to load it.
    """
    job.meta["exception"] = {"class": exc_type.__name__, "message": str(exc_value)}
    job.save_meta()


def reason_of_failure(job: Job) -> tuple[str, str]:
    """Class and text of what made the job fail."""
    exception = job.get_meta(refresh=True).get("exception")
    if isinstance(exception, Mapping):
        return str(exception["class"]), str(exception["message"])
    if isinstance(exception, BaseException):  # of jobs that older versions ran
        return type(exception).__name__, str(exception)
    return "Exception", "The worker that ran the job did not tell what went wrong."


def handle_failure(
    job: Job,
    exc_type: type[BaseException],
    exc_value: BaseException,
    traceback: TracebackType | None,
) -> None:
    """What workers do with each exception of a job, before RQ decides on another run."""
    if is_final(exc_value):
        job.retries_left = 0
    remember_exception(job, exc_type, exc_value)
    if job.should_retry and isinstance(exc_value, DBAPIError):
        _await_database()


def is_final(error: BaseException) -> bool:
    """Will another run end in the same way, as the job asks for what cannot be done?"""
    from marshmallow import ValidationError
    from rq.timeouts import JobTimeoutException
    from sqlalchemy.exc import DataError, IntegrityError

    hopeless = (
        *(ValueError, TypeError, LookupError, AssertionError, NotImplementedError, ImportError),
        *(ValidationError, DataError, IntegrityError, JobTimeoutException),
    )
    ours = type(error).__module__.partition(".")[0] == "flexmeasures"
    return ours or isinstance(error, hopeless)


def _await_database() -> None:
    """Before another run. A database that was stopped for a moment should not use up all runs."""
    db.session.remove()
    latest = time.monotonic() + _DATABASE_MAY_PAUSE
    while time.monotonic() < latest:
        try:
            with db.engine.connect():
                return
        except DBAPIError:
            time.sleep(0.5)


def _lifetime(duration: timedelta) -> int | None:
    """Whole seconds, at least one; None for ever."""
    return None if duration < timedelta(0) else max(1, round(duration.total_seconds()))
