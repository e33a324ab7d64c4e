"""`flexmeasures jobs ...`"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from flexmeasures.cli.conftest import Invoke
from flexmeasures.cli.jobs import fm_jobs
from flexmeasures.data.services import jobs
from flexmeasures.data.services.tests.workers import ask_for, write


@pytest.fixture(autouse=True)
def _empty_queues(app: Flask) -> Iterator[None]:
    yield
    app.redis_connection.flushdb()  # type: ignore[attr-defined]


def fail_one() -> None:
    job = ask_for(write, path="")
    queue = jobs.find_queue("scheduling")
    queue.remove(job)
    queue.failed_job_registry.add(job, ttl=60)


@pytest.mark.parametrize("words", [["show-queues"], ["show", "queues"]])
def test_lengths_of_queues(words: list[str], invoke: Invoke) -> None:
    ask_for(write, path="")
    fail_one()
    assert invoke(fm_jobs, *words).output.splitlines() == [
        "Queue forecasting has 0 jobs (and 0 jobs have failed).",
        "Queue scheduling has 1 jobs (and 1 jobs have failed).",
    ]


@pytest.mark.parametrize(
    "words",
    [["--queue", "scheduling|forecasting"], ["--queue", "scheduling", "--queue", "forecasting"]],
)
def test_clearing_queues(words: list[str], invoke: Invoke) -> None:
    for _ in range(3):
        ask_for(write, path="")
    fail_one()
    output = invoke(fm_jobs, "clear-queue", *words).output
    assert "Cleared 3 jobs from <Queue scheduling>." in output
    assert "Cleared 0 jobs from <Queue forecasting>." in output
    assert output.count("No jobs left.") == 2
    assert jobs.find_queue("scheduling").failed_job_registry.count == 1


def test_clearing_what_failed(invoke: Invoke) -> None:
    ask_for(write, path="")
    fail_one()
    output = invoke(fm_jobs, "clear-queue", "--queue", "scheduling", "--failed").output
    assert "Cleared 1 failed jobs from the registry at <Queue scheduling>." in output
    assert jobs.find_queue("scheduling").count == 1
    assert jobs.find_queue("scheduling").failed_job_registry.count == 0


@pytest.mark.parametrize("command", ["clear-queue", "run-worker"])
def test_unknown_queues(command: str, invoke: Invoke) -> None:
    result = invoke(fm_jobs, command, "--queue", "scheduling|labelling", exit_code=1)
    assert "Unknown queue 'labelling'." in result.output


def test_a_queue_is_needed(invoke: Invoke) -> None:
    assert "Missing option '--queue'" in invoke(fm_jobs, "clear-queue", exit_code=2).output
