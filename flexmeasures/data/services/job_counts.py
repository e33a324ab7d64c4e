"""What became of jobs, and how long they took: counted by workers in Redis, so that it lasts.

Runs are counted, of which a job has several if the first ones came to nothing. Their durations are
counted by steps, as Prometheus wants them: how many runs took no longer than so many seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

if TYPE_CHECKING:
    from redis import Redis
    from rq.job import Job

log = logging.getLogger(__name__)

FINISHED, FAILED, RETRIED, STOPPED = "finished", "failed", "retried", "stopped"
STEPS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180)  # seconds

_KEY = "flexmeasures:counts"  # a hash
_MORE = "inf"
_SEPARATOR = "|"


@dataclass(frozen=True)
class Durations:
    """What some runs took.

    up_to : for each of STEPS, how many took no longer
    seconds : all together
    """

    up_to: tuple[int, ...]
    number: int
    seconds: float


@dataclass(frozen=True)
class JobCounts:
    """Since ever.

    runs : by queue and outcome
    durations : of runs whose process came to its end, well or badly, by queue
    planning : of what schedulers did in them to find a plan, by solver
    """

    runs: dict[tuple[str, str], int]
    durations: dict[str, Durations]
    planning: dict[str, Durations]


def count_run(job: Job, outcome: str, seconds: float | None, connection: Redis) -> None:
    """Count one run of a job; it must not fail for this.

    seconds : that it took; None if that is not known
    """
    try:
        with connection.pipeline(transaction=False) as pipeline:
            pipeline.hincrby(_KEY, _field("runs", job.origin, outcome), 1)
            if seconds is not None:
                _add(pipeline, "job", job.origin, seconds)
            if outcome == FINISHED and (planned := _planning_of(job)):
                _add(pipeline, "planning", *planned)
            pipeline.execute()
    except RedisError as error:
        log.warning("A run of job %s was not counted: %s", job.id, error)


def read_counts(connection: Redis) -> JobCounts:
    """In one round trip."""
    stored: dict[bytes, bytes] = connection.hgetall(_KEY)  # type: ignore[assignment]
    values = {tuple(key.decode().split(_SEPARATOR)): float(n) for key, n in stored.items()}
    return JobCounts(
        runs={(key[1], key[2]): int(n) for key, n in values.items() if key[0] == "runs"},
        durations=dict(_durations("job", values)),
        planning=dict(_durations("planning", values)),
    )


def _planning_of(job: Job) -> tuple[str, float] | None:
    """Solver and seconds, of schedulers that tell."""
    report = job.meta.get("scheduler_info")
    if not isinstance(report, Mapping):
        return None
    solver, seconds = report.get("solver"), report.get("seconds")
    if not isinstance(solver, str) or not isinstance(seconds, (int, float)):
        return None
    return solver.rpartition("/")[2], seconds


def _add(pipeline: Redis, what: str, whose: str, seconds: float) -> None:
    step = next((str(step) for step in STEPS if seconds <= step), _MORE)
    pipeline.hincrby(_KEY, _field(what, whose, step), 1)
    pipeline.hincrbyfloat(_KEY, _field(what, whose, "seconds"), seconds)


def _field(*parts: str) -> str:
    return _SEPARATOR.join(part.replace(_SEPARATOR, "_") for part in parts)


def _durations(
    what: str, values: Mapping[tuple[str, ...], float]
) -> Iterator[tuple[str, Durations]]:
    for whose in dict.fromkeys(key[1] for key in values if key[0] == what):
        numbers = [int(values.get((what, whose, str(step)), 0)) for step in (*STEPS, _MORE)]
        *up_to, number = accumulate(numbers)
        yield whose, Durations(tuple(up_to), number, values.get((what, whose, "seconds"), 0.0))
