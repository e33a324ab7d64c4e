"""What became of jobs, as Redis remembers it."""

from __future__ import annotations

from typing import Any

import pytest
from flask_sqlalchemy import SQLAlchemy
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq.job import Job

from flexmeasures.data.services import jobs
from flexmeasures.data.services.job_counts import FAILED, FINISHED, STEPS, count_run, read_counts
from flexmeasures.data.services.tests import workers as acts


def make_job(**meta: Any) -> Job:
    return jobs.make_job("scheduling", acts.one_row, {}, description="job", meta=meta)


def test_durations(fresh_db: SQLAlchemy) -> None:
    connection = jobs.redis_connection()
    for seconds in (0.01, 0.05, 0.3, 1000):
        count_run(make_job(), FINISHED, seconds, connection)
    count_run(make_job(), FAILED, None, connection)
    counts = read_counts(connection)
    assert counts.runs == {("scheduling", FINISHED): 4, ("scheduling", FAILED): 1}
    known = counts.durations["scheduling"]
    assert dict(zip(STEPS, known.up_to, strict=True)) == {
        **dict.fromkeys((0.05, 0.1, 0.25), 2),
        **dict.fromkeys((0.5, 1, 2.5, 5, 10, 30, 60, 180), 3),
    }
    assert known.number == 4
    assert known.seconds == pytest.approx(1000.36)
    assert counts.planning == {}


@pytest.mark.parametrize(
    ("report", "planned"),
    [
        ({"solver": "cbc", "seconds": 0.2}, {"cbc": 1}),
        ({"solver": "/opt/bin/cb|c", "seconds": 0.2}, {"cb_c": 1}),
        ({"scheduler": "Custom"}, {}),
        ({"solver": "cbc", "seconds": "long"}, {}),
        ("none", {}),
    ],
)
def test_planning(fresh_db: SQLAlchemy, report: Any, planned: dict[str, int]) -> None:
    connection = jobs.redis_connection()
    count_run(make_job(scheduler_info=report), FINISHED, 1, connection)
    found = read_counts(connection).planning
    assert {solver: known.number for solver, known in found.items()} == planned


def test_redis_is_away(fresh_db: SQLAlchemy, caplog: pytest.LogCaptureFixture) -> None:
    job = make_job()
    count_run(job, FINISHED, 1, Redis(port=9, retry=Retry(NoBackoff(), 0)))
    assert f"A run of job {job.id} was not counted" in caplog.text
