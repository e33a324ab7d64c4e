"""Forecasts on request: one job, or one per cycle and one that stands for all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from rq import SimpleWorker
from rq.job import Job

from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services import jobs
from flexmeasures.data.services.forecast_cycles import create_fixed_forecasting_job, cycles
from flexmeasures.data.services.forecasting import handle_forecasting_exception
from flexmeasures.data.services.tests.forecasters import NOW, make_load, stored
from flexmeasures.scheduling.tests.worlds import HOUR, QUARTER


@pytest.fixture
def load(fresh_db: SQLAlchemy) -> Sensor:
    return make_load()


def ask(sensor: Sensor, hours: int = 4, **options: Any) -> Job:
    arguments = {"start": NOW, "end": NOW + hours * HOUR} | options
    return create_fixed_forecasting_job(sensor, **arguments)


def run_all(app: Flask) -> None:
    queue = jobs.find_queue("forecasting")
    SimpleWorker(
        [queue], connection=queue.connection, exception_handlers=[handle_forecasting_exception]
    ).work(burst=True)
    app.db.session.rollback()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("horizon", "frequency", "expected"),
    [
        (None, None, [(0, 10)]),
        (4, None, [(0, 4), (4, 8), (8, 10)]),
        (4, 2, [(0, 4), (2, 6), (4, 8), (6, 10), (8, 10)]),
        (2, 5, [(0, 2), (5, 7)]),
        (48, None, [(0, 10)]),
        (None, 5, [(0, 10), (5, 10)]),
    ],
)
def test_cycles(
    horizon: int | None, frequency: int | None, expected: list[tuple[int, int]]
) -> None:
    found = cycles(
        NOW,
        NOW + 10 * HOUR,
        NOW + 5 * HOUR,
        None if horizon is None else horizon * HOUR,
        None if frequency is None else frequency * HOUR,
    )
    assert [((c.start - NOW) / HOUR, (c.end - NOW) / HOUR) for c in found] == expected
    assert all(c.belief_time == min(c.start, NOW + 5 * HOUR) for c in found)


@pytest.mark.parametrize("wrong", [{"frequency": timedelta(0)}, {"frequency": HOUR / 60}])
def test_no_cycles(wrong: dict[str, timedelta]) -> None:
    with pytest.raises(ValueError, match="cycles"):
        cycles(NOW, NOW + 100 * HOUR, NOW, **wrong)
    with pytest.raises(ValueError, match="some time"):
        cycles(NOW, NOW, NOW)


def test_one_job(app: Flask, load: Sensor) -> None:
    job = ask(load)
    assert job.meta["asset_or_sensor"] == {"class": "Sensor", "id": load.id}
    run_all(app)
    assert (job.get_status(), job.return_value()) == ("finished", 16)
    assert job.get_meta()["result"]["num-beliefs"] == 16
    table = stored(load)
    assert len(table) == 16
    assert set(table["belief_time"]) == {pd.Timestamp(NOW)}


def test_the_same_call_gives_the_same_job(app: Flask, load: Sensor) -> None:
    job = ask(load)
    assert ask(load).id == job.id
    assert ask(load, hours=5).id != job.id
    assert ask(load, force_new_job_creation=True).id != job.id
    run_all(app)
    assert ask(load).id != job.id  # the forced one, made last, is remembered
    assert jobs.find_queue("forecasting").is_empty()


def test_several_jobs(app: Flask, load: Sensor) -> None:
    parent = ask(load, max_forecast_horizon=2 * HOUR, forecast_frequency=HOUR)
    ids = parent.meta["cycle_job_ids"]
    assert len(ids) == 4
    assert parent.get_status() == "deferred"
    run_all(app)
    assert parent.get_status() == "finished"
    assert parent.return_value() == ids
    meta = parent.get_meta()
    assert meta["result"]["num-beliefs"] == 8 + 8 + 8 + 4
    assert meta["result"]["failed-cycles"] == 0
    children = [jobs.find_job(job_id) for job_id in ids]
    assert [child.return_value() for child in children if child] == [8, 8, 8, 4]


def test_cycles_as_seen_at_most_at_the_belief_time(app: Flask, load: Sensor) -> None:
    early = NOW - HOUR
    parent = ask(load, belief_time=early, forecast_frequency=2 * HOUR)
    run_all(app)
    assert parent.get_status() == "finished"
    assert set(stored(load)["belief_time"]) == {pd.Timestamp(early)}


def test_cycles_of_an_empty_sensor(app: Flask, fresh_db: SQLAlchemy) -> None:
    parent = ask(make_load(days=0), forecast_frequency=2 * HOUR)
    run_all(app)
    assert parent.get_status() == "failed"
    kind, reason = jobs.reason_of_failure(parent)
    assert kind == "CyclesFailed"
    assert "No data available at all." in reason
    assert parent.meta["failures"] == 1


def test_options(app: Flask, load: Sensor) -> None:
    other = Sensor(
        name="forecasts", generic_asset=load.generic_asset, unit="kW", event_resolution=QUARTER
    )
    app.db.session.add(other)  # type: ignore[attr-defined]
    app.db.session.commit()  # type: ignore[attr-defined]
    job = ask(
        load,
        model_search_term="naive",
        quantiles=[0.1, 0.9],
        regressors=[],
        settings={"history": timedelta(days=7)},
        sensor_to_save=other,
    )
    assert job.meta["asset_or_sensor"]["id"] == other.id
    run_all(app)
    assert job.return_value() == 16
    assert stored(load).empty
    table = stored(other)
    assert set(table["source"]) == {"Seita (naive model v1)"}
    assert sorted(set(table["cumulative_probability"])) == [0.1, 0.5, 0.9]


def test_limits_and_notes(app: Flask, load: Sensor) -> None:
    job = ask(load, limits=(8, 9), notes=["as told"])
    run_all(app)
    values = stored(load)["event_value"]
    assert (values.min(), values.max()) == (8, 9)
    assert job.get_meta()["result"]["notes"][0] == "as told"
