from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from redis import Redis
from rq import Worker

from flexmeasures.cli.conftest import Invoke
from flexmeasures.cli.monitor import fm_monitor
from flexmeasures.cli.tests.conftest import Mailbox
from flexmeasures.data.services.tests.workers import ask_for, write
from flexmeasures.utils import time_utils


@pytest.fixture
def redis(app: Flask) -> Iterator[Redis]:
    connection: Redis = app.redis_connection  # type: ignore[attr-defined]
    connection.flushdb()
    yield connection
    connection.flushdb()


@pytest.fixture
def worker(app: Flask, redis: Redis) -> Worker:
    """Of all queues, in this very process."""
    made = Worker(app.queues.values(), connection=redis, name="fm-worker-one")  # type: ignore[attr-defined]
    made.register_birth()
    return made


def test_all_is_well(invoke: Invoke, worker: Worker, mailbox: Mailbox) -> None:
    ask_for(write, path="")
    done = invoke(fm_monitor, "workers", "--memory", "100000")
    assert (done.stdout, mailbox.letters) == ("", [])


def test_no_workers(invoke: Invoke, redis: Redis, mailbox: Mailbox) -> None:
    done = invoke(fm_monitor, "workers")
    ((subject, body),) = mailbox.to_operators()
    assert subject == "Problem with workers"
    assert body == "Queue forecasting has no workers.\nQueue scheduling has no workers.\n"
    assert done.stdout == ""


def test_jobs_that_wait(
    invoke: Invoke, worker: Worker, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        ask_for(write, path="")
    later = time_utils.server_now() + timedelta(minutes=10, seconds=2)
    monkeypatch.setattr(time_utils, "server_now", lambda: later)
    invoke(fm_monitor, "workers", "--longest-wait", "11")
    assert mailbox.letters == []
    invoke(fm_monitor, "workers", "--longest-wait", "10")
    ((_, body),) = mailbox.to_operators()
    assert body.startswith(
        "Queue scheduling has jobs that wait for longer than 0:10:00: 2, the oldest for 0:10:0"
    )


def test_a_worker_that_grew(invoke: Invoke, worker: Worker, mailbox: Mailbox, redis: Redis) -> None:
    assert redis.hget(worker.key, "pid") == str(os.getpid()).encode()
    invoke(fm_monitor, "workers", "--memory", "1")
    ((_, body),) = mailbox.to_operators()
    assert body.startswith("Worker fm-worker-one takes up ")
    assert body.endswith(" MB of memory, more than 1 MB.\n")
    # What those on other hosts take up is not known.
    redis.hset(worker.key, "hostname", "not-" + socket.gethostname())
    invoke(fm_monitor, "workers", "--memory", "1")
    assert len(mailbox.letters) == 1


def test_a_mail_server_that_is_away(
    app: Flask, invoke: Invoke, redis: Redis, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        monkeypatch.setattr(app.extensions["mail"], "port", free.getsockname()[1])
    failed = invoke(fm_monitor, "workers", exit_code=1)
    assert "could not be sent: " in failed.stderr
