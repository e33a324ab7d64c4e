"""From trigger to plan, against an empty job on the same worker plus the bare solver.

Ratios within one run, of best times: other work on the machine must not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from pytest_benchmark.fixture import BenchmarkFixture
from rq.job import Job
from sqlalchemy import text

from flexmeasures.data.config import db
from flexmeasures.data.services import jobs
from flexmeasures.data.services.scheduling import create_scheduling_job
from flexmeasures.data.services.tests.workers import one_row, workers
from flexmeasures.scheduling.base import Settings
from flexmeasures.scheduling.storage import StorageScheduler
from flexmeasures.scheduling.tests.worlds import HOUR, QUARTER, START, World, make_world

ROUNDS, PLANS = 30, 100
MODEL = {"soc-unit": "MWh", "soc-at-start": 1, "soc-min": 0, "soc-max": 2}


@pytest.fixture
def world(app: Flask, fresh_db: SQLAlchemy) -> Iterator[World]:
    world = make_world(QUARTER, sensor_attributes={"capacity_in_mw": 1})
    world.prices(np.random.default_rng(1).uniform(10, 100, 48).tolist())
    fresh_db.session.commit()
    yield world
    fresh_db.session.rollback()


def trigger(world: World, price_id: int, **options: Any) -> Job:
    return create_scheduling_job(
        world.battery,
        start=START,
        end=START + 48 * HOUR,
        resolution=QUARTER,
        flex_model=MODEL,
        flex_context={"consumption-price-sensor": price_id},
        force_new_job_creation=True,
        **options,
    )


def price_id(world: World) -> int:
    return next(sensor.id for sensor in world.asset.sensors if sensor.name == "price")


def seconds_until_done(make: Callable[[], Job]) -> float:
    """From the call to the result, as who waits for it sees it."""
    begin = time.perf_counter()
    job = make()
    result = job.latest_result(timeout=30)
    assert result is not None
    assert result.type == result.Type.SUCCESSFUL, result.exc_string
    return time.perf_counter() - begin


def solver_seconds(world: World, price: int) -> float:
    """The bare solver for this plan, as it is called by the engine."""
    from flexmeasures.scheduling.engine import optimise, solvers

    taken: list[float] = []
    solve = solvers.solve

    def timed(*args: Any, **kwargs: Any) -> Any:
        begin = time.perf_counter()
        try:
            return solve(*args, **kwargs)
        finally:
            taken.append(time.perf_counter() - begin)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optimise, "solve", timed)
        best = np.inf
        for _ in range(5):
            taken.clear()
            scheduler = StorageScheduler(
                world.battery,
                START,
                START + 48 * HOUR,
                QUARTER,
                flex_model=MODEL,
                flex_context={"consumption-price-sensor": price},
            )
            scheduler.settings = Settings(solver="cbc")
            scheduler.compute()
            assert taken
            best = min(best, sum(taken))
    return best


def test_from_trigger_to_plan(world: World, benchmark: BenchmarkFixture) -> None:
    price = price_id(world)
    bare = solver_seconds(world, price)

    def empty_job() -> Job:
        return jobs.enqueue(jobs.make_job("scheduling", one_row, {}, description="one row"))

    plans, empty = [], []
    with workers() as worker:
        for _ in range(3):
            seconds_until_done(empty_job)
            seconds_until_done(lambda: trigger(world, price))

        def both() -> None:
            empty.append(seconds_until_done(empty_job))
            plans.append(seconds_until_done(lambda: trigger(world, price)))

        benchmark.pedantic(both, rounds=ROUNDS)
        worker.stop()
    for name, figures in (("best", min), ("median", np.median)):
        benchmark.extra_info[f"x an empty job plus the solver ({name})"] = round(
            figures(plans) / (figures(empty) + bare), 2
        )
    benchmark.extra_info["ms from trigger to plan"] = round(1000 * min(plans), 1)
    benchmark.extra_info["ms for an empty job"] = round(1000 * min(empty), 1)
    benchmark.extra_info["ms for the solver"] = round(1000 * bare, 1)
    assert min(plans) <= 2 * (min(empty) + bare)


def seconds_for_all(world: World, price: int) -> float:
    asked = [trigger(world, price, enqueue=False) for _ in range(PLANS)]
    finished = jobs.find_queue("scheduling").finished_job_registry
    before = finished.get_job_count(cleanup=False)
    begin = time.perf_counter()
    for job in asked:
        jobs.enqueue(job)
    while finished.get_job_count(cleanup=False) < before + PLANS:
        time.sleep(0.05)  # and leaves the cores to the workers
    taken = time.perf_counter() - begin
    db.session.execute(text("DELETE FROM timed_belief WHERE source_id > 1"))
    db.session.commit()
    return taken


def test_two_workers(world: World, benchmark: BenchmarkFixture) -> None:
    price = price_id(world)
    taken = {}
    for count in (1, 2):
        with workers(count):
            seconds_for_all(world, price)
            taken[count] = min(seconds_for_all(world, price) for _ in range(2))
    benchmark.pedantic(lambda: None)
    ratio = taken[1] / taken[2]
    benchmark.extra_info["x one worker's speed with two"] = round(ratio, 2)
    benchmark.extra_info["plans a second with two"] = round(PLANS / taken[2], 1)
    assert ratio >= 1.5
