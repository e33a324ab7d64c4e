"""Workers that die, hang and lose their servers: no job is lost, and none is done twice."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from rq.job import Job

from flexmeasures.data.config import db
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services import jobs
from flexmeasures.data.services.scheduling import create_scheduling_job
from flexmeasures.data.services.tests import workers as acts
from flexmeasures.data.services.tests.workers import (
    ask_for,
    status,
    wait_for,
    wait_until_done,
    workers,
)
from flexmeasures.scheduling.tests.worlds import HOUR, QUARTER, START, World, make_world

# Some take a minute, as dying must be told from being slow.
slow = pytest.mark.skipif(
    "FLEXMEASURES_TEST_FAULTS" not in os.environ, reason="slow: set FLEXMEASURES_TEST_FAULTS"
)
# How often F1 is tried: more, if asked for.
KILLS = int(os.environ.get("FLEXMEASURES_TEST_KILLS", "5"))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def runs(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


@pytest.fixture
def world(fresh_db: SQLAlchemy) -> World:
    world = make_world(QUARTER, sensor_attributes={"capacity_in_mw": 1})
    world.prices([10 + 90 * random.Random(hour).random() for hour in range(48)])
    fresh_db.session.commit()
    return world


def trigger(world: World) -> Job:
    price = next(sensor for sensor in world.asset.sensors if sensor.name == "price")
    return create_scheduling_job(
        world.battery,
        start=START,
        end=START + 48 * HOUR,
        resolution=QUARTER,
        flex_model={"soc-unit": "MWh", "soc-at-start": 0, "soc-min": 0, "soc-max": 2},
        flex_context={"consumption-price-sensor": price.id},
        force_new_job_creation=True,
    )


def plans(sensor: Sensor) -> dict[float, list[float]]:
    """Stored values by belief time."""
    db.session.rollback()
    frame: Any = sensor.search_beliefs(most_recent_beliefs_only=False)
    return {
        moment.timestamp(): part["event_value"].tolist()
        for moment, part in frame.reset_index().groupby("belief_time")
    }


def test_a_job_whose_process_is_killed(app: Flask, world: World) -> None:
    """F1: at any moment; the schedule is stored once, as if nothing had happened."""
    random.seed(1)
    with workers() as worker:
        undisturbed = trigger(world)
        assert wait_until_done(undisturbed) == "finished"
        (expected,) = plans(world.battery).values()
        assert len(expected) == 192
        undisturbed_plan = undisturbed.kwargs["belief_time"].timestamp()
        killed = 0
        for _ in range(KILLS):
            db.session.connection().exec_driver_sql("DELETE FROM timed_belief WHERE source_id <> 1")
            db.session.commit()
            job = trigger(world)
            wait_for(worker.horse)
            time.sleep(random.uniform(0, 0.12))
            killed += worker.kill_horse()
            assert wait_until_done(job) == "finished"
            stored = plans(world.battery)
            assert undisturbed_plan not in stored
            assert stored == {job.kwargs["belief_time"].timestamp(): expected}
        assert killed >= KILLS / 2
        worker.stop()


@slow
@pytest.mark.parametrize("queue", ["scheduling", "forecasting|scheduling"])
def test_a_job_whose_worker_is_killed(app: Flask, log: Path, queue: str) -> None:
    """F2: another worker runs it again within 90 seconds."""
    with workers(queue=queue) as victim:
        job = ask_for(acts.write, path=str(log), seconds=100)
        wait_for(lambda: runs(log) == 1)
        victim.kill()
        died = time.monotonic()
        with workers(queue=queue) as other:
            wait_for(lambda: runs(log) == 2, 90)
            assert time.monotonic() - died < 90
            assert wait_until_done(job) == "finished"
            assert runs(log) == 2
            other.stop()


@slow
def test_a_worker_that_is_killed_before_it_begins(app: Flask, log: Path) -> None:
    """The job left the queue, and no process knows of it."""
    queue = jobs.find_queue("scheduling")
    job = ask_for(acts.write, path=str(log))
    app.redis_connection.lmove(queue.key, queue.intermediate_queue_key)  # type: ignore[attr-defined]
    assert queue.job_ids == []
    with workers() as worker:
        assert wait_until_done(job, 60) == "finished"
        worker.stop()
    assert runs(log) == 1
    assert queue.intermediate_queue.get_job_ids() == []


def test_a_worker_that_is_asked_to_stop_finishes_its_job(app: Flask, log: Path) -> None:
    """F3"""
    with workers() as worker:
        job = ask_for(acts.write, path=str(log), seconds=2)
        wait_for(lambda: runs(log) == 1)
        assert worker.stop() < 10
    assert (status(job), runs(log)) == ("finished", 1)


@slow
def test_a_job_that_takes_too_long_goes_back_to_its_queue(app: Flask, log: Path) -> None:
    """F3"""
    with workers() as worker:
        job = ask_for(acts.write, path=str(log), seconds=100)
        wait_for(lambda: runs(log) == 1)
        assert 15 < worker.stop() < 30
    assert status(job) == "queued"
    assert jobs.find_queue("scheduling").job_ids == [job.id]
    job.refresh()
    assert job.retries_left == jobs.RUNS - 1


def test_an_idle_worker_stops_at_once(app: Flask) -> None:
    with workers(2) as both:
        assert all(worker.stop() < 5 for worker in both)


@pytest.mark.parametrize("function", [acts.hang, acts.write])
def test_a_job_that_hangs(
    function: object, app: Flask, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F8: it ends with a reason, and the worker lives."""
    monkeypatch.setattr(jobs, "TIME_LIMIT", 2)
    arguments = {"seconds": 100} if function is acts.write else {}
    with workers() as worker:
        job = ask_for(function, path=str(log), **arguments)  # type: ignore[arg-type]
        wait_for(lambda: runs(log) == 1)
        begin = time.monotonic()
        assert wait_until_done(job) == "failed"
        assert time.monotonic() - begin < 2 + 5
        assert "2 s" in jobs.reason_of_failure(job)[1]
        assert wait_until_done(ask_for(acts.write, path=str(log))) == "finished"
        worker.stop()
    assert runs(log) == 2


def test_a_job_that_crashes_its_process(app: Flask, log: Path) -> None:
    """F8"""
    with workers() as worker:
        job = ask_for(acts.crash, path=str(log))
        assert wait_until_done(job) == "failed"
        assert runs(log) == 3
        assert "ended unexpectedly" in jobs.reason_of_failure(job)[1]
        assert wait_until_done(ask_for(acts.write, path=str(log))) == "finished"
        worker.stop()


def test_a_job_that_always_raises(app: Flask, log: Path) -> None:
    """F14: at most three runs, then it is among the failed, with its trace."""
    with workers() as worker:
        job = ask_for(acts.fail, path=str(log))
        assert wait_until_done(job) == "failed"
        assert runs(log) == 3
        assert job.id in jobs.find_queue("scheduling").failed_job_registry
        result = job.latest_result()
        assert result is not None
        assert "RuntimeError: as always" in (result.exc_string or "")
        assert jobs.reason_of_failure(job) == ("RuntimeError", "as always")
        worker.stop()


def test_a_job_that_cannot_be_done_is_not_tried_again(app: Flask, log: Path) -> None:
    with workers() as worker:
        job = ask_for(acts.refuse, path=str(log))
        assert wait_until_done(job) == "failed"
        assert (runs(log), jobs.reason_of_failure(job)) == (1, ("ValueError", "not like this"))
        worker.stop()


@slow
def test_a_thousand_jobs(app: Flask, log: Path) -> None:
    """None is lost, none is run twice, though a worker is killed now and then."""
    asked = [ask_for(acts.write, path=str(log)) for _ in range(1000)]
    with workers(2) as both:
        for _ in range(5):
            time.sleep(0.5)
            both[0].kill_horse()
        wait_for(lambda: all(status(job) == "finished" for job in asked), 120)
        assert jobs.find_queue("scheduling").is_empty()
        for worker in both:
            worker.stop()
    assert 1000 <= runs(log) <= 1005


@slow
def test_names_of_workers(app: Flask) -> None:
    from rq import Worker

    with workers(3, name="fred") as three:
        names = {worker.name for worker in Worker.all(connection=jobs.redis_connection())}
        assert names == {"fred", "fred-1", "fred-2"}
        for worker in three:
            worker.stop()


@pytest.fixture(autouse=True)
def _empty_queues(app: Flask) -> Iterator[None]:
    yield
    app.redis_connection.flushdb()  # type: ignore[attr-defined]


@slow
def test_a_database_that_is_stopped(app: Flask, fresh_db: SQLAlchemy, log: Path) -> None:
    """F4: for ten seconds, during a job. The job is run again."""
    from flexmeasures.bootstrap.local import throwaway_database_server
    from flexmeasures.bootstrap.local.postgres import Postgres

    with throwaway_database_server() as uri, workers(SQLALCHEMY_TEST_DATABASE_URI=uri) as worker:
        job = ask_for(acts.query, path=str(log), seconds=3)
        wait_for(lambda: runs(log) == 1)
        folder = next(path for path in Path("/tmp").glob("flexmeasures-*") if str(path) in uri)
        server = Postgres(folder, scratch=True)
        pid = server.pid()
        assert pid is not None
        os.kill(pid, signal.SIGINT)  # a fast shutdown
        wait_for(lambda: server.pid() is None)
        time.sleep(10)
        server.ensure_running()
        assert wait_until_done(job, 60) == "finished"
        assert runs(log) == 2
        worker.stop()


@slow
def test_a_redis_that_is_stopped(
    app: Flask, log: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F5: for ten seconds. Nobody waits long for it, the queue survives, and so do workers."""
    from redis import Redis
    from redis.exceptions import ConnectionError as NotConnected
    from rq import Queue

    from flexmeasures.bootstrap.local.valkey import Valkey

    server = Valkey(tmp_path_factory.mktemp("redis"))
    server.ensure_running()
    # As configured for requests
    options = app.redis_connection.connection_pool.connection_kwargs  # type: ignore[attr-defined]
    patience = {name: options[name] for name in ("socket_timeout", "retry")}
    connection = Redis.from_url(server.address(), **patience)
    queue = Queue("scheduling", connection=connection)
    monkeypatch.setitem(app.queues, "scheduling", queue)  # type: ignore[attr-defined]
    waiting: list[Job] = []
    try:
        with workers(FLEXMEASURES_TEST_REDIS_URL=server.address()) as worker:
            running = ask_for(acts.write, path=str(log), seconds=5)
            wait_for(lambda: runs(log) == 1)
            waiting += [ask_for(acts.write, path=str(log)) for _ in range(10)]
            time.sleep(1.5)  # it writes to disk every second
            server.stop()
            begin = time.monotonic()
            with pytest.raises(NotConnected):
                ask_for(acts.write, path=str(log))
            assert time.monotonic() - begin < 2
            time.sleep(10)
            server.ensure_running()
            for job in (running, *waiting):
                assert wait_until_done(job, 90) == "finished"
            worker.stop()
        assert runs(log) >= 11
    finally:
        server.stop()
