"""What queues, workers and jobs are doing, for people who look after them; and what they change.

Reading changes nothing: what RQ would tidy up on the way, workers do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from flexmeasures.data.services.jobs import all_queues, find_job, redis_connection, run_again

if TYPE_CHECKING:
    from rq import Queue
    from rq.job import Job

QUEUED, FAILED = "queued", "failed"
# In the words of RQ, each with its registry; those who are queued are in a list.
_REGISTRIES = {
    "started": "started_job_registry",
    FAILED: "failed_job_registry",
    "finished": "finished_job_registry",
    "deferred": "deferred_job_registry",
    "scheduled": "scheduled_job_registry",
    "canceled": "canceled_job_registry",
}
STATES = (QUEUED, *_REGISTRIES)
_CANCELLABLE = (QUEUED, "deferred", "scheduled")


class NotPossible(Exception):
    """The job is not in a state in which that can be done."""


@dataclass(frozen=True)
class QueueSummary:
    """Numbers of jobs by state."""

    name: str
    numbers: dict[str, int]


@dataclass(frozen=True)
class WorkerSummary:
    """state : RQ's word for it, such as busy or idle"""

    name: str
    state: str
    queues: list[str]
    last_heartbeat: datetime | None


@dataclass(frozen=True)
class JobsFound:
    """Some jobs out of `number`. What has expired meanwhile is missing."""

    jobs: list[Job]
    number: int


def queue_summaries() -> list[QueueSummary]:
    """By name, in one round trip to Redis."""
    queues = all_queues()
    with redis_connection().pipeline(transaction=False) as pipeline:
        for queue in queues:
            pipeline.llen(queue.key)
            for registry in _REGISTRIES.values():
                pipeline.zcard(getattr(queue, registry).key)
        numbers = iter(pipeline.execute())
    return [
        QueueSummary(queue.name, {state: next(numbers) for state in STATES}) for queue in queues
    ]


def worker_summaries() -> list[WorkerSummary]:
    """By name, in two round trips to Redis."""
    from rq import Worker
    from rq.utils import decode_redis_hash, utcparse

    connection = redis_connection()
    keys = sorted(Worker.all_keys(connection=connection))
    with connection.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.hgetall(key)
        hashes = [decode_redis_hash(raw, decode_values=True) for raw in pipeline.execute()]
    return [
        WorkerSummary(
            key.removeprefix(Worker.redis_worker_namespace_prefix),
            known.get("state", "unknown"),
            known.get("queues", "").split(","),
            utcparse(known["last_heartbeat"]) if known.get("last_heartbeat") else None,
        )
        for key, known in zip(keys, hashes, strict=True)
        if known and "death" not in known
    ]


def jobs_in(queues: Sequence[Queue], state: str, page: int, per_page: int) -> JobsFound:
    """Jobs of some queues in a state: the next ones first that wait, the latest first of others.

    page : counted from 1
    """
    last = page * per_page
    keys = [_key(queue, state) for queue in queues]
    with redis_connection().pipeline(transaction=False) as pipeline:
        for key in keys:
            if state == QUEUED:
                pipeline.llen(key)
                pipeline.lrange(key, 0, last - 1)
            else:
                pipeline.zcard(key)
                pipeline.zrevrange(key, 0, last - 1, withscores=True)
        answers = pipeline.execute()
    number, lists = sum(answers[::2]), answers[1::2]
    if state == QUEUED:
        ids = [id_ for ids in lists for id_ in ids]
    else:
        # By when they leave the registry: all stay in it for the same time.
        ranked = sorted((pair for pairs in lists for pair in pairs), key=lambda pair: -pair[1])
        ids = [id_ for id_, _ in ranked]
    return JobsFound(_fetch(ids[last - per_page : last]), number)


def traceback_of(job: Job) -> str:
    """Of its last run; empty if that did not fail, or left none."""
    from rq.results import Result

    result = job.latest_result()
    if result is None or result.type != Result.Type.FAILED:
        return ""
    return (result.exc_string or "").strip()


def may_be_cancelled(job: Job) -> bool:
    status = job.get_status(refresh=False)
    return status is not None and status.value in _CANCELLABLE


def requeue(job_id: str) -> Job | None:
    """Let a failed job run again; None if there is no such job. Raises NotPossible."""
    from rq.exceptions import InvalidJobOperation

    job = find_job(job_id)
    if job is None:
        return None
    try:
        return run_again(job)
    except InvalidJobOperation as error:
        raise NotPossible("Only jobs that failed can run again.") from error


def requeue_all(queues: Sequence[Queue]) -> int:
    """Let all failed jobs of these queues run again; returns how many there were."""
    from rq.exceptions import InvalidJobOperation

    done = 0
    for queue in queues:
        registry = queue.failed_job_registry
        for job_id in registry.get_job_ids(cleanup=False):
            job = find_job(job_id)
            if job is None:
                registry.remove(job_id)  # its time is over
                continue
            try:
                run_again(job)
            except InvalidJobOperation:  # somebody else was faster
                continue
            done += 1
    return done


def compact(queue: Queue) -> int:
    """Take jobs off the list that have expired; returns how many.

    RQ's own way moves the list elsewhere meanwhile, where a crash would lose it.
    """
    from rq.job import Job
    from rq.utils import as_text

    ids = [as_text(id_) for id_ in queue.connection.lrange(queue.key, 0, -1)]
    with queue.connection.pipeline(transaction=False) as pipeline:
        for id_ in ids:
            pipeline.exists(Job.key_for(id_))
        known = pipeline.execute()
        expired = [id_ for id_, is_known in zip(ids, known, strict=True) if not is_known]
        for id_ in expired:
            pipeline.lrem(queue.key, 0, id_)
        pipeline.execute()
    return len(expired)


def cancel(job_id: str) -> Job | None:
    """Take back a job that waits, or forget one that failed; None if there is no such job.

    Jobs that wait for it go on as if it had failed. Raises NotPossible.
    """
    job = find_job(job_id)
    if job is None:
        return None
    status = job.get_status(refresh=False)
    if status is not None and status.value == FAILED:
        job.delete()
    elif may_be_cancelled(job):
        job.cancel(enqueue_dependents=True)
    else:
        raise NotPossible("Only jobs that wait or failed can be cancelled.")
    return job


def _key(queue: Queue, state: str) -> str:
    if state == QUEUED:
        return cast(str, queue.key)
    return cast(str, getattr(queue, _REGISTRIES[state]).key)


def _fetch(entries: Sequence[Any]) -> list[Job]:
    from rq.job import Job
    from rq.utils import as_text

    # Of jobs that run, the registry has runs: "job:run".
    ids = dict.fromkeys(as_text(entry).partition(":")[0] for entry in entries)
    if not ids:
        return []
    found = Job.fetch_many(ids, connection=redis_connection())
    return [job for job in found if job is not None]
