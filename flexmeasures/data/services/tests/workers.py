"""Real workers, on the servers of the tests, and functions for them to run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import current_app
from rq.job import Job

from flexmeasures.data.services import jobs

SECOND = timedelta(seconds=1)


class WorkerProcess:
    """`flexmeasures jobs run-worker` in a process of its own."""

    def __init__(self, queue: str = "scheduling", name: str = "", **environment: str) -> None:
        current_app.redis_connection.ping()  # type: ignore[attr-defined]  # starts the server
        self._output = tempfile.NamedTemporaryFile("r", prefix="worker-")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flexmeasures", "jobs", "run-worker", "--queue", queue]
            + (["--name", name] if name else []),
            env=os.environ | {"FLEXMEASURES_ENV": "testing"} | environment,
            stdout=self._output.fileno(),
            stderr=subprocess.STDOUT,
        )

    def output(self) -> str:
        return Path(self._output.name).read_text()

    def wait_until_ready(self) -> WorkerProcess:
        wait_for(lambda: "Listening on" in self.output() or self.process.poll() is not None)
        assert self.process.poll() is None, self.output()
        return self

    def close(self) -> None:
        """Nothing of it is left."""
        if self.process.poll() is None:
            self.kill()
        self._output.close()

    def horse(self) -> int | None:
        """The process that runs its job now."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        pids = children.read_text().split()
        return int(pids[0]) if pids else None

    def kill_horse(self) -> bool:
        horse = self.horse()
        if horse is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(horse, signal.SIGKILL)
            return True
        return False

    def kill(self) -> None:
        """The worker, and then the process that runs its job."""
        horse = self.horse()
        self.process.kill()
        if horse is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(horse, signal.SIGKILL)
        self.process.wait()

    def stop(self, patience: float = 30) -> float:
        """Politely; returns the seconds it took."""
        begin = time.monotonic()
        self.process.terminate()
        assert self.process.wait(patience) == 0, self.output()
        return time.monotonic() - begin


@contextlib.contextmanager
def workers(
    count: int = 1, queue: str = "scheduling", name: str = "", **environment: str
) -> Iterator[Any]:
    """One or several workers, which are gone afterwards."""
    started = [WorkerProcess(queue, name, **environment) for _ in range(count)]
    try:
        for worker in started:
            worker.wait_until_ready()
        yield started[0] if count == 1 else started
    finally:
        for worker in started:
            worker.close()


def wait_for(condition: Callable[[], Any], seconds: float = 30) -> Any:
    latest = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < latest, f"This did not happen within {seconds} s."
        time.sleep(0.01)
    return result


def status(job: Job) -> str:
    return job.get_status(refresh=True).value


def wait_until_done(job: Job, seconds: float = 30) -> str:
    wait_for(lambda: status(job) in ("finished", "failed"), seconds)
    job.refresh()
    return status(job)


def ask_for(function: Callable[..., Any], **arguments: Any) -> Job:
    """A job that runs this function."""
    job = jobs.make_job("scheduling", function, arguments, description=function.__name__)
    return jobs.enqueue(job)


# What jobs do here


def write(path: str, seconds: float = 0) -> None:
    """Add a line to a file; the first time, take some time."""
    with Path(path).open("a") as file:
        first = file.tell() == 0
        file.write(f"{time.time()}\n")
    time.sleep(seconds if first else 0)


def fail(path: str) -> None:
    write(path)
    raise RuntimeError("as always")


def refuse(path: str) -> None:
    write(path)
    raise ValueError("not like this")


def hang(path: str) -> None:
    """As a solver does that is deep in its own code: signals have to wait."""
    write(path)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    time.sleep(600)


def query(path: str, seconds: float) -> None:
    """Ask the database something, later once more."""
    from sqlalchemy import text

    from flexmeasures.data.config import db

    write(path)
    db.session.execute(text("SELECT 1"))
    time.sleep(seconds)  # in which the database may go away
    db.session.execute(text("SELECT 1"))


def crash(path: str) -> None:
    write(path)
    os.kill(os.getpid(), signal.SIGSEGV)


def one_row() -> None:
    """The least that jobs do: write a row and read it."""
    from sqlalchemy import select

    from flexmeasures.data.config import db
    from flexmeasures.data.models.data_sources import DataSource

    source = DataSource(name="empty job", type="demo script")
    db.session.add(source)
    db.session.commit()
    db.session.scalars(select(DataSource).filter_by(id=source.id)).one()
