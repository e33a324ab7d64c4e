"""How far jobs are, in the words of the API; and waiting until they are done."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flask import current_app

from flexmeasures.data.config import db
from flexmeasures.data.services.jobs import find_job, reason_of_failure, redis_connection

if TYPE_CHECKING:
    from rq.job import Job

FINISHED, FAILED = "finished", "failed"
_WAITING = ("created", "queued", "ready_to_enqueue", "rate_limited")
_UNDER_WAY = (*_WAITING, "started", "deferred", "scheduled")
_FIRST_LOOK, _LAST_LOOK = 0.02, 0.25  # seconds between two looks at a job
_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
_TURN = "flexmeasures:held-request"

_held = 0
_lock = threading.Lock()


def known_job(job_id: str) -> Job | None:
    """The job with this id, which may be any text; None if there is none."""
    return find_job(job_id) if _ID.fullmatch(job_id) else None


def state_of(job: Job) -> tuple[str, str]:
    """RQ's name of the state that the job was in when it was last read, and a sentence about it."""
    status = job.get_status(refresh=False)
    state = "unknown" if status is None else str(status.value)
    kind = f"{job.origin.capitalize()} job"
    if state in _WAITING:
        return "queued", f"{kind} waiting to be processed."
    if state == "started":
        return state, f"{kind} in progress."
    if state == "deferred":
        return state, f"{kind} waiting for {_what_it_depends_on(job)} to be processed."
    if state == FINISHED:
        return state, f"{kind} has finished."
    if state == FAILED:
        return state, "{} failed with {}: {}".format(kind, *reason_of_failure(job))
    return state, f"{kind} has an unknown status."


def _what_it_depends_on(job: Job) -> str:
    from rq.exceptions import NoSuchJobError

    try:
        other = job.dependency
    except NoSuchJobError:
        other = None
    if other is None:
        return "unknown job"
    status = other.get_status()
    return f'{"unknown" if status is None else status.value} job "{other.id}"'


def wait_for(job: Job, *, beside_others: bool, instead_of_others: bool) -> None:
    """Wait until a job is finished or failed, for FLEXMEASURES_LONG_POLLING seconds at most.

    No longer than until now, if too many wait already. Connections to the database are given back,
    so what was loaded is loaded again when it is used.

    beside_others : does this process serve other requests meanwhile?
    instead_of_others : does another process?
    """
    limit = current_app.config["FLEXMEASURES_LONG_POLLING"]
    if limit <= 0 or not _is_under_way(job):
        return
    with _place(limit, beside_others, instead_of_others) as free:
        if not free:
            return
        db.session.rollback()
        deadline, pause = time.monotonic() + limit, _FIRST_LOOK
        while (left := deadline - time.monotonic()) > 0 and _is_under_way(job):
            time.sleep(min(pause, left))
            pause = min(1.3 * pause, _LAST_LOOK)
            job.get_status(refresh=True)


def _is_under_way(job: Job) -> bool:
    status = job.get_status(refresh=False)
    return status is not None and status.value in _UNDER_WAY


@contextmanager
def _place(limit: float, beside_others: bool, instead_of_others: bool) -> Iterator[bool]:
    """A place to wait in; tells if there was one."""
    if beside_others:
        with _place_in_process() as free:
            yield free
    elif instead_of_others:
        with _only_place(limit) as free:
            yield free
    else:
        yield False


@contextmanager
def _place_in_process() -> Iterator[bool]:
    global _held
    with _lock:
        free = _held < current_app.config["FLEXMEASURES_LONG_POLLING_REQUESTS"]
        _held += free
    try:
        yield free
    finally:
        with _lock:
            _held -= free


@contextmanager
def _only_place(limit: float) -> Iterator[bool]:
    """One in all processes together: each that waits serves nobody else."""
    connection = redis_connection()
    free = bool(connection.set(_TURN, 1, nx=True, px=round(1000 * (limit + 2))))
    try:
        yield free
    finally:
        if free:
            connection.delete(_TURN)
