"""What is wrong with queues and their workers: none there, jobs that wait, memory that grows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from socket import gethostname
from typing import Any

from flexmeasures.data.services.jobs import all_queues, redis_connection

_MEGABYTE = 2**20
_MOST_JOBS = 1000  # that are looked at per queue, from either end


def worker_problems(
    now: datetime, longest_wait: timedelta, megabytes: int | None = None
) -> list[str]:
    """Queues without workers, those with jobs that wait for too long, and large workers, in words.

    megabytes : how much memory workers may take up, with the process of their job; of workers on
        other hosts this is not known

    Four round trips to Redis at most.
    """
    workers = _workers()
    served = {queue for worker in workers for queue in worker.get("queues", "").split(",")}
    problems = [
        f"Queue {queue.name} has no workers." for queue in all_queues() if queue.name not in served
    ]
    problems += _waits(now, longest_wait)
    if megabytes is not None:
        problems += _large(workers, megabytes)
    return problems


def _workers() -> list[dict[str, str]]:
    """As Redis knows those that live, each with its key."""
    from rq import Worker
    from rq.utils import decode_redis_hash

    connection = redis_connection()
    keys = sorted(Worker.all_keys(connection=connection))
    with connection.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.hgetall(key)
        found: list[Any] = [
            decode_redis_hash(raw, decode_values=True) | {"key": key}
            for key, raw in zip(keys, pipeline.execute(), strict=True)
            if raw
        ]
    return [worker for worker in found if "death" not in worker]


def _waits(now: datetime, longest: timedelta) -> Iterator[str]:
    from rq.job import Job
    from rq.utils import as_text, utcparse

    queues = all_queues()
    with redis_connection().pipeline(transaction=False) as pipeline:
        for queue in queues:
            pipeline.lrange(queue.key, 0, _MOST_JOBS - 1)
            pipeline.lrange(queue.key, -_MOST_JOBS, -1)
        lists = pipeline.execute()
        jobs = [
            {as_text(id_) for id_ in (*lists[n], *lists[n + 1])} for n in range(0, len(lists), 2)
        ]
        for ids in jobs:
            for id_ in ids:
                pipeline.hget(Job.key_for(id_), "enqueued_at")
        moments = iter(pipeline.execute())
    for queue, ids in zip(queues, jobs, strict=True):
        stamps = [as_text(stamp) for stamp in (next(moments) for _ in ids) if stamp]
        waits = [now - utcparse(stamp) for stamp in stamps]
        late = [wait for wait in waits if wait > longest]
        if late:
            oldest = timedelta(seconds=int(max(late).total_seconds()))
            yield (
                f"Queue {queue.name} has jobs that wait for longer than {longest}: {len(late)}, the"
                f" oldest for {oldest}."
            )


def _large(workers: Sequence[dict[str, str]], megabytes: int) -> Iterator[str]:
    for worker in workers:
        if worker.get("hostname") != gethostname() or not worker.get("pid", "").isdecimal():
            continue
        used = _memory(int(worker["pid"])) / _MEGABYTE
        if used > megabytes:
            name = worker["key"].rpartition(":")[2]
            yield f"Worker {name} takes up {used:.0f} MB of memory, more than {megabytes} MB."


def _memory(pid: int) -> int:
    """Bytes in memory of a process and its children; 0 where the system does not say.

    What several processes share, each takes up its part of.
    """
    try:
        sizes = Path(f"/proc/{pid}/smaps_rollup").read_text()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0
    lines = (line.split() for line in sizes.splitlines() if line.startswith("Pss:"))
    own = sum(int(words[1]) * 1024 for words in lines)
    return own + sum(_memory(int(child)) for child in children)
