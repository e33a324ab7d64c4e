"""Forecasting jobs of real workers: processes die, and there are forecasts, once."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from rq.job import Job

from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services import jobs
from flexmeasures.data.services.forecast_cycles import create_fixed_forecasting_job
from flexmeasures.data.services.forecasting import create_forecasting_jobs
from flexmeasures.data.services.tests.forecasters import DAY, NOW, custom, make_load, stored
from flexmeasures.data.services.tests.workers import wait_for, wait_until_done, workers
from flexmeasures.scheduling.tests.worlds import HOUR


def ask(sensor: Sensor, **options: Any) -> list[Job]:
    horizons = [HOUR, 6 * HOUR, DAY, 2 * DAY]
    return create_forecasting_jobs(sensor.id, NOW - 2 * HOUR, NOW, horizons=horizons, **options)


def test_a_worker_forecasts(app: Flask, fresh_db: SQLAlchemy) -> None:
    """Horizons with and without quantiles, and an empty sensor in between that disturbs nobody."""
    load = make_load()
    empty = Sensor(
        name="empty",
        generic_asset=load.generic_asset,
        unit="kW",
        event_resolution=load.event_resolution,
    )
    fresh_db.session.add(empty)
    fresh_db.session.commit()
    with workers(queue="forecasting") as worker:
        hopeless = ask(empty)
        created = ask(load, quantiles=[0.05, 0.95])
        for job in created:
            assert wait_until_done(job, 60) == "finished", worker.output()
            assert job.return_value() == 8
        for job in hopeless:
            assert wait_until_done(job) == "failed"
            assert "No data available at all." in jobs.reason_of_failure(job)[1]
        worker.stop()
    table = stored(load)
    assert len(table) == 4 * 8 * 3
    assert table.groupby("belief_horizon").size().tolist() == [24] * 4


@pytest.mark.parametrize("queue", ["forecasting", "forecasting|scheduling"])
def test_a_model_that_crashes(app: Flask, fresh_db: SQLAlchemy, queue: str) -> None:
    """After three runs that ended with their process, the next model in line is asked."""
    load = make_load(**custom("Crashing"))
    with workers(queue=queue) as worker:
        [job] = create_forecasting_jobs(load.id, NOW - 2 * HOUR, NOW, horizons=[HOUR])
        awaited = create_fixed_forecasting_job(load, start=NOW + DAY, end=NOW + DAY + HOUR)
        assert wait_until_done(job, 60) == "failed"
        assert "ended unexpectedly" in jobs.reason_of_failure(job)[1]
        fallback = jobs.find_job(job.meta["fallback_job_id"])
        assert fallback is not None
        assert wait_until_done(fallback) == "finished"
        # Somebody has the id of this one, so it goes on itself.
        assert wait_until_done(awaited, 60) == "finished", worker.output()
        assert awaited.meta["model_search_term"] == "linear-ols"
        worker.stop()
    assert len(stored(load)) == 8 + 4


def test_a_process_that_is_killed(app: Flask, fresh_db: SQLAlchemy, tmp_path: Path) -> None:
    """In the middle of its job, and at any moment: forecasts are stored once."""
    log = tmp_path / "runs"
    load = make_load(**custom("Slow"), log=str(log))
    with workers(queue="forecasting") as worker:
        [job] = create_forecasting_jobs(load.id, NOW - 2 * HOUR, NOW, horizons=[HOUR])
        wait_for(lambda: log.exists() and log.read_text())
        assert worker.kill_horse()
        assert wait_until_done(job, 60) == "finished"
        assert log.read_text().count("run") == 2
        first = stored(load)
        assert len(first) == 8
        random.seed(1)
        for _ in range(4):
            [again] = create_forecasting_jobs(load.id, NOW - 2 * HOUR, NOW, horizons=[HOUR])
            wait_for(worker.horse)
            time.sleep(random.uniform(0, 0.3))
            worker.kill_horse()
            assert wait_until_done(again, 60) == "finished"
        worker.stop()
    assert stored(load).equals(first)
