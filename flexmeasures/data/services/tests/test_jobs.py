"""Jobs and their cache: what is asked for twice, kept how long, and told of failures."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from marshmallow import ValidationError
from rq.job import Job

from flexmeasures.data.config import db
from flexmeasures.data.services import jobs
from flexmeasures.data.services.scheduling import (
    create_scheduling_job,
    get_data_source_for_job,
    handle_scheduling_exception,
    make_schedule,
)
from flexmeasures.data.services.utils import job_cache
from flexmeasures.scheduling.exceptions import UnknownPricesException
from flexmeasures.scheduling.tests.worlds import HOUR, START, World, make_world
from flexmeasures.utils import tracing

MODEL = {"soc-unit": "MWh", "soc-at-start": 0, "soc-min": 0, "soc-max": 1}


@pytest.fixture
def world(fresh_db: SQLAlchemy) -> World:
    world = make_world(sensor_attributes={"capacity_in_mw": 1})
    world.prices([10, 20])
    fresh_db.session.commit()
    return world


def price_of(world: World) -> Any:
    return next(sensor for sensor in world.asset.sensors if sensor.name == "price")


def trigger(world: World, **changes: Any) -> Job:
    arguments: dict[str, Any] = {
        "start": START,
        "end": START + 2 * HOUR,
        "resolution": HOUR,
        "flex_model": MODEL,
        "flex_context": {"consumption-price-sensor": price_of(world).id},
    }
    return create_scheduling_job(world.battery, **arguments | changes)


def run(app: Flask) -> None:
    """The job that is next in the queue, in this process."""
    from rq import SimpleWorker

    queue = jobs.find_queue("scheduling")
    SimpleWorker(
        [queue], connection=queue.connection, exception_handlers=[handle_scheduling_exception]
    ).work(burst=True)
    app.db.session.rollback()  # type: ignore[attr-defined]


def test_a_job_waits_in_its_queue(app: Flask, world: World) -> None:
    job = trigger(world)
    assert job.get_status() == "queued"
    assert jobs.find_queue("scheduling").job_ids == [job.id]
    assert job.func_name == "flexmeasures.data.services.scheduling.make_schedule"
    assert job.kwargs["sensor_id"] == world.battery.id
    assert job.kwargs["flex_model"] == MODEL
    assert (job.ttl, job.result_ttl) == (24 * 3600, 7 * 24 * 3600)
    assert job.meta["asset_or_sensor"] == {"class": "Sensor", "id": world.battery.id}


@pytest.mark.parametrize(
    ("duration", "seconds"), [(timedelta(hours=2), 7200), (timedelta(days=-1), -1)]
)
def test_how_long_a_plan_is_kept(
    duration: timedelta,
    seconds: int,
    app: Flask,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(app.config, "FLEXMEASURES_PLANNING_TTL", duration)
    job = trigger(world)
    run(app)
    assert job.get_status() == "finished"
    assert app.redis_connection.ttl(job.key) == pytest.approx(seconds, abs=5)  # type: ignore[attr-defined]


def test_what_waits_too_long_is_forgotten(
    app: Flask, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "FLEXMEASURES_JOB_TTL", timedelta(minutes=1))
    job = trigger(world)
    assert app.redis_connection.ttl(job.key) == pytest.approx(60, abs=5)  # type: ignore[attr-defined]
    app.redis_connection.delete(job.key)  # type: ignore[attr-defined]
    assert jobs.find_job(job.id) is None
    assert trigger(world).id != job.id


def test_bad_input_is_told_at_once_and_makes_no_job(world: World) -> None:
    with pytest.raises(ValidationError):
        trigger(world, flex_model={"soc-at-start": "full", "soc-max": 1})
    with pytest.raises(ValueError, match="slots of that length"):
        trigger(world, resolution=2 * HOUR)
    assert jobs.find_queue("scheduling").is_empty()


def test_the_same_call_again_gives_the_same_job(app: Flask, world: World) -> None:
    first = trigger(world)
    assert trigger(world).id == first.id
    run(app)
    assert trigger(world).id == first.id
    assert trigger(world, flex_model=dict(reversed(MODEL.items()))).id == first.id
    assert jobs.find_queue("scheduling").is_empty()


@pytest.mark.parametrize(
    "changes",
    [
        {"end": START + HOUR},
        {"flex_model": MODEL | {"soc-max": 2}},
        {"flex_model": MODEL | {"soc-max": 1.0}},
        {"force_new_job_creation": True},
        {"belief_time": START},
    ],
)
def test_another_call_gives_another_job(changes: dict[str, Any], world: World) -> None:
    assert trigger(world).id != trigger(world, **changes).id


def test_a_change_of_the_sensor_gives_another_job(world: World) -> None:
    first = trigger(world)
    world.battery.attributes["capacity_in_mw"] = 2
    db.session.commit()
    second = trigger(world)
    assert second.id != first.id
    world.asset.attributes["capacity_in_mw"] = 2
    db.session.commit()
    assert trigger(world).id not in (first.id, second.id)


def test_after_a_failure(app: Flask, world: World) -> None:
    """The job is made anew, unless it is asked to be put back."""
    changes = {"start": START + 48 * HOUR, "end": START + 50 * HOUR}
    first = trigger(world, **changes)
    run(app)
    assert first.get_status() == "failed"
    assert jobs.reason_of_failure(first) == (
        "UnknownPricesException",
        f"Prices unknown for planning window. (sensor {price_of(world).id})",
    )
    again = trigger(world, **changes, requeue=True)
    assert (again.id, again.get_status()) == (first.id, "queued")
    run(app)
    assert again.get_status() == "failed"
    other = trigger(world, **changes)
    assert other.id != first.id
    assert trigger(world, **changes).id == other.id


def test_the_cache_forgets(app: Flask, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def keys() -> list[bytes]:
        return app.redis_connection.keys("scheduling:create_scheduling_job:*")  # type: ignore[attr-defined]

    monkeypatch.setitem(app.config, "FLEXMEASURES_JOB_CACHE_TTL", 0)
    assert trigger(world).id != trigger(world).id
    assert keys() == []
    for lifetime, expected in [(30, 30), (-1, -1)]:
        monkeypatch.setitem(app.config, "FLEXMEASURES_JOB_CACHE_TTL", lifetime)
        trigger(world, force_new_job_creation=True)
        (key,) = keys()
        assert app.redis_connection.ttl(key) == pytest.approx(expected, abs=2)  # type: ignore[attr-defined]


def test_fifty_at_once_give_one_job(app: Flask, world: World) -> None:
    """F6"""
    sensor_id, price_id = world.battery.id, price_of(world).id

    def call(_: int) -> str:
        from flexmeasures.data.models.time_series import Sensor

        with app.app_context():
            sensor = db.session.get(Sensor, sensor_id)
            assert sensor is not None
            return create_scheduling_job(
                sensor,
                start=START,
                end=START + 2 * HOUR,
                resolution=HOUR,
                flex_model=MODEL,
                flex_context={"consumption-price-sensor": price_id},
            ).id

    with ThreadPoolExecutor(10) as pool:
        answers = set(pool.map(call, range(50)))
    assert len(answers) == 1
    assert jobs.find_queue("scheduling").job_ids == [*answers]


def test_a_cached_function_that_fails_is_called_again(app: Flask, fresh_db: SQLAlchemy) -> None:
    calls: list[int] = []

    @job_cache("forecasting")
    def make(number: int) -> Job:
        calls.append(number)
        if len(calls) == 1:
            raise ValueError("not yet")
        return jobs.make_job("forecasting", make_schedule, {}, description="any")

    with pytest.raises(ValueError, match="not yet"):
        make(1)
    assert make(1).id == make(number=1).id
    assert calls == [1, 1]


def test_a_job_that_is_put_in_the_queue_later(world: World) -> None:
    job = trigger(world, enqueue=False)
    assert job.get_status() == "created"
    assert jobs.find_queue("scheduling").is_empty()
    assert trigger(world, enqueue=False).id == job.id
    jobs.enqueue(job)
    assert jobs.find_queue("scheduling").job_ids == [job.id]


def test_what_a_finished_job_tells(app: Flask, world: World) -> None:
    job = trigger(world)
    run(app)
    job.refresh()
    source = get_data_source_for_job(job)
    assert source is not None
    assert (source.name, source.model) == ("Seita", "StorageScheduler")
    assert job.meta["data_source_info"]["id"] == source.id
    told = job.meta["scheduler_info"]
    assert told["scheduler"] == "StorageScheduler"
    assert told["gap"] == pytest.approx(0, abs=1e-6)
    assert 0 < told["seconds"] < 30
    assert job.meta["result"]["num-beliefs"] == 2


def test_the_belief_time_is_that_of_the_call(app: Flask, world: World) -> None:
    job = trigger(world)
    run(app)
    beliefs: Any = world.battery.search_beliefs()
    assert set(beliefs.index.get_level_values("belief_time")) == {job.kwargs["belief_time"]}


def test_a_second_run_stores_nothing_twice(app: Flask, world: World) -> None:
    """And if it comes to another plan, then that is the plan."""
    job = trigger(world)
    run(app)
    jobs.enqueue(job)
    run(app)
    assert len(world.battery.search_beliefs(most_recent_beliefs_only=False)) == 2
    world.battery.attributes["capacity_in_mw"] = 0.5
    db.session.commit()
    jobs.enqueue(job)
    run(app)
    assert job.get_status() == "finished"
    beliefs: Any = world.battery.search_beliefs(most_recent_beliefs_only=False)
    assert beliefs["event_value"].tolist() == pytest.approx([-0.5, 0.5])


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (UnknownPricesException("none"), True),
        (ValueError("wrong"), True),
        (ValidationError("wrong"), True),
        (RuntimeError("odd"), False),
        (OSError("no disk"), False),
        (MemoryError(), False),
    ],
)
def test_which_failures_are_final(error: Exception, final: bool) -> None:
    assert jobs.is_final(error) is final


def test_older_failures_can_be_read(app: Flask, fresh_db: SQLAlchemy) -> None:
    job = jobs.make_job("scheduling", make_schedule, {}, description="any")
    assert jobs.reason_of_failure(job)[0] == "Exception"
    job.meta["exception"] = ValueError("text")
    job.save_meta()
    assert jobs.reason_of_failure(job) == ("ValueError", "text")


def test_unknown_queues(app: Flask) -> None:
    with pytest.raises(ValueError, match=r"Unknown queue 'labelling'\."):
        jobs.find_queue("labelling")


@pytest.fixture(autouse=True)
def _no_signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Workers in this process must leave its signals alone."""
    from rq import SimpleWorker

    monkeypatch.setattr(SimpleWorker, "_install_signal_handlers", lambda self: None)
    yield


def test_who_asked_is_told_where_the_job_runs(app: Flask) -> None:
    token = tracing.request_id.set("abc")
    job = jobs.make_job("forecasting", make_schedule, {}, description="any")
    tracing.request_id.reset(token)
    found = jobs.find_job(job.id)
    assert found is not None and tracing.ids() == {}
    with jobs.traced(found):
        assert tracing.ids() == {"request_id": "abc", "job_id": job.id}
    assert tracing.ids() == {}
