"""Forecasting jobs: what is made, stored and told; and what happens if it does not work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from rq import SimpleWorker
from rq.job import Job

from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services import jobs
from flexmeasures.data.services.forecasting import (
    create_fixed_forecasting_job,
    create_forecasting_jobs,
    forecast,
    forecast_from,
    handle_forecasting_exception,
    make_fixed_viewpoint_forecasts,
    make_rolling_viewpoint_forecasts,
    num_forecasts,
)
from flexmeasures.data.services.tests.forecasters import (
    DAY,
    NOW,
    custom,
    make_load,
    measure,
    stored,
)
from flexmeasures.forecasting.exceptions import (
    InvalidHorizonException,
    MisconfiguredForecastingJobException,
    NotEnoughDataException,
)
from flexmeasures.forecasting.registry import model_map
from flexmeasures.scheduling.tests.worlds import HOUR, QUARTER, World, make_world


@pytest.fixture
def load(fresh_db: SQLAlchemy) -> Sensor:
    return make_load()


def run_all(app: Flask) -> None:
    """Jobs in the queue, in this process."""
    queue = jobs.find_queue("forecasting")
    SimpleWorker(
        [queue], connection=queue.connection, exception_handlers=[handle_forecasting_exception]
    ).work(burst=True)
    app.db.session.rollback()  # type: ignore[attr-defined]


def ask(sensor: Sensor, *horizons: timedelta, **options: Any) -> list[Job]:
    """Two hours of viewpoints, the last ones before NOW."""
    arguments = {"horizons": horizons or [HOUR], **options}
    return create_forecasting_jobs(sensor.id, NOW - 2 * HOUR, NOW, **arguments)


def test_a_job_per_horizon(app: Flask, load: Sensor) -> None:
    created = ask(load, HOUR, 6 * HOUR, DAY)
    assert jobs.find_queue("forecasting").job_ids == [job.id for job in created]
    for job, horizon in zip(created, (HOUR, 6 * HOUR, DAY), strict=True):
        function = "flexmeasures.data.services.forecasting.make_rolling_viewpoint_forecasts"
        assert job.func_name == function
        assert job.kwargs == {
            "sensor_id": load.id,
            "horizon": horizon,
            "start": NOW - 2 * HOUR + horizon,
            "end": NOW + horizon,
            "custom_model_params": None,
        }
        assert job.ttl == 24 * 3600
        assert job.timeout == 181
        assert job.meta["model_search_term"] == "auto"


def test_a_long_window_may_take_long(app: Flask, load: Sensor) -> None:
    [job] = create_forecasting_jobs(load.id, NOW - 70 * DAY, NOW, horizons=[HOUR])
    assert job.timeout == 180 + 10 * 60


def test_usual_horizons(app: Flask, load: Sensor) -> None:
    created = ask(load, horizons=None, resolution=QUARTER)
    assert [job.kwargs["horizon"] / HOUR for job in created] == [1, 6, 24, 48]
    waiting = ask(load, enqueue=False)
    assert waiting[0].id not in jobs.find_queue("forecasting").job_ids


def test_misconfigured_jobs(app: Flask, load: Sensor, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MisconfiguredForecastingJobException, match="either horizons or resolution"):
        ask(load, horizons=None)
    monkeypatch.setitem(app.config, "TESTING", False)
    with pytest.raises(MisconfiguredForecastingJobException, match="only be customized during"):
        ask(load, custom_model_params={"n_lags": 1})


def test_what_jobs_store(app: Flask, load: Sensor, capsys: pytest.CaptureFixture[str]) -> None:
    created = ask(load, HOUR, DAY)
    run_all(app)
    told = capsys.readouterr().out
    table = stored(load)
    assert len(table) == 16
    for job, horizon in zip(created, (HOUR, DAY), strict=True):
        part = table[table["belief_horizon"] == horizon]
        expected = pd.date_range(NOW - 2 * HOUR + horizon, periods=8, freq="15min")
        assert part["event_start"].tolist() == expected.tolist()
        job.refresh()
        assert (job.get_status(), job.return_value()) == ("finished", 8)
        assert job.meta["model_identifier"] == "auto model v1"
        assert job.meta["fallback_model_search_term"] == "linear-ols"
        result = job.meta["result"]
        assert result["num-beliefs"] == sum(result["models"].values()) == 8
        assert set(part["source"]) == {f"Seita ({model})" for model in result["models"]}
        assert f"Running Forecasting Job {job.id}: " in told
        assert f" for {horizon} on model 'auto', from {NOW - 2 * HOUR + horizon} to" in told
        assert f"Job {job.id} made 8 forecasts." in told
    hours = table["event_start"].dt.tz_convert("UTC").dt.hour + 0.5
    error = table["event_value"] - (10 + 5 * np.sin(2 * np.pi * hours / 24))
    assert error.abs().max() < 2
    sources = app.db.session.query(DataSource).filter_by(type="forecaster").all()  # type: ignore[attr-defined]
    assert {source.id for source in sources} == set(created[0].meta["source_ids"]) | set(
        created[1].meta["source_ids"]
    )


def test_running_twice_stores_nothing_new(app: Flask, load: Sensor) -> None:
    ask(load)
    run_all(app)
    before = stored(load)
    ask(load)
    run_all(app)
    pd.testing.assert_frame_equal(stored(load), before)
    again = forecast(load, NOW - HOUR, NOW + HOUR, horizons=[HOUR])
    assert (again.forecasts, again.new) == (8, 0)


def test_corrected_measurements_correct_forecasts(app: Flask, load: Sensor) -> None:
    """They are of the same belief time as before, and take the place of the first ones."""
    first = forecast(load, NOW, NOW + HOUR, horizons=[HOUR], model_search_term="naive")
    assert first.new == 4
    app.db.session.execute(app.db.text("UPDATE timed_belief SET event_value = event_value + 1"))  # type: ignore[attr-defined]
    second = forecast(load, NOW, NOW + HOUR, horizons=[HOUR], model_search_term="naive")
    assert second.forecasts == 4
    app.db.session.commit()  # type: ignore[attr-defined]
    assert len(stored(load)) == 4


def test_quantiles(app: Flask, load: Sensor) -> None:
    [job] = ask(load, quantiles=[0.05, 0.5, 0.95])
    run_all(app)
    assert job.return_value() == 8
    table = stored(load)
    bands = table.pivot(index="event_start", columns="cumulative_probability", values="event_value")
    assert bands.columns.tolist() == [0.05, 0.5, 0.95]
    assert len(bands) == 8
    assert (bands[0.05] < bands[0.5]).all()
    assert (bands[0.5] < bands[0.95]).all()
    ask(load, quantiles=[0.05, 0.95])
    run_all(app)
    pd.testing.assert_frame_equal(stored(load), table)


def test_a_fixed_viewpoint(app: Flask, load: Sensor) -> None:
    """The first event is the horizon away; all others are seen from there, too."""
    count = make_fixed_viewpoint_forecasts(load.id, HOUR, NOW, NOW + 2 * HOUR)
    app.db.session.commit()  # type: ignore[attr-defined]
    table = stored(load)
    assert count == len(table) == 8
    assert set(table["belief_time"]) == {pd.Timestamp(NOW + QUARTER - HOUR)}


def test_means_over_slots(app: Flask, load: Sensor) -> None:
    """All events in an hour get the same, as seen from one moment."""
    made = forecast(load, NOW, NOW + 4 * HOUR, horizons=[HOUR], resolution=HOUR)
    app.db.session.commit()  # type: ignore[attr-defined]
    table = stored(load)
    assert made.forecasts == len(table) == 16
    by_slot = table.groupby(table["event_start"].dt.floor("h"))
    assert (by_slot["event_value"].nunique() == 1).all()
    assert (by_slot["belief_time"].nunique() == 1).all()
    assert (by_slot["belief_horizon"].min() == pd.Timedelta(HOUR)).all()
    with pytest.raises(ValueError, match="multiple"):
        forecast(load, NOW, NOW + HOUR, horizons=[HOUR], resolution=timedelta(minutes=20))


def test_another_sensor_stores_them(app: Flask, load: Sensor) -> None:
    other = Sensor(
        name="in MW", generic_asset=load.generic_asset, unit="MW", event_resolution=QUARTER
    )
    euros = Sensor(
        name="prices", generic_asset=load.generic_asset, unit="EUR/MWh", event_resolution=QUARTER
    )
    hourly = Sensor(
        name="hours", generic_asset=load.generic_asset, unit="kW", event_resolution=HOUR
    )
    app.db.session.add_all([other, euros, hourly])  # type: ignore[attr-defined]
    app.db.session.commit()  # type: ignore[attr-defined]
    forecast(load, NOW, NOW + HOUR, horizons=[HOUR], save_to=other)
    forecast(load, NOW, NOW + HOUR, horizons=[HOUR])
    app.db.session.commit()  # type: ignore[attr-defined]
    in_kw = stored(load)["event_value"].tolist()
    assert (stored(other)["event_value"] * 1000).tolist() == pytest.approx(in_kw)
    for wrong in (euros, hourly):
        with pytest.raises(ValueError, match=f"sensor {wrong.id}"):
            forecast(load, NOW, NOW + HOUR, horizons=[HOUR], save_to=wrong)


def test_from_new_viewpoints(app: Flask, load: Sensor) -> None:
    assert forecast_from(load, NOW - HOUR, NOW, [HOUR, DAY]) == 8
    app.db.session.commit()  # type: ignore[attr-defined]
    table = stored(load)
    assert table["event_start"].min() == NOW
    assert table["event_start"].max() == NOW + DAY - QUARTER


@pytest.mark.parametrize(
    ("resolution", "horizon", "days"),
    [
        (timedelta(minutes=30), HOUR, 28),
        (HOUR, DAY, 28),
        (DAY, 2 * DAY, 90),
        (7 * DAY, 7 * DAY, 700),
    ],
)
def test_other_resolutions(
    app: Flask, fresh_db: SQLAlchemy, resolution: timedelta, horizon: timedelta, days: int
) -> None:
    sensor = make_load(resolution, days)
    [job] = create_forecasting_jobs(sensor.id, NOW - 4 * resolution, NOW, horizons=[horizon])
    run_all(app)
    assert job.return_value() == 4
    table = stored(sensor)
    assert set(table["belief_horizon"]) == {pd.Timedelta(horizon)}


# What does not work


def test_no_data(app: Flask, fresh_db: SQLAlchemy) -> None:
    """One run, no other model, and a reason for people."""
    sensor = make_load(days=0)
    [job] = ask(sensor)
    run_all(app)
    failed = jobs.find_queue("forecasting").failed_job_registry
    assert failed.get_job_ids() == [job.id]
    kind, reason = jobs.reason_of_failure(job)
    assert (kind, job.meta["failures"]) == ("NotEnoughDataException", 1)
    assert reason.startswith("No data available at all. Forecasting impossible.")


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_a_constant(app: Flask, fresh_db: SQLAlchemy, value: float) -> None:
    world: World = make_world(QUARTER)
    measure(world, world.battery, days=7, constant=value)
    fresh_db.session.commit()
    [job] = ask(world.battery)
    run_all(app)
    assert job.return_value() == 8
    assert stored(world.battery)["event_value"].tolist() == pytest.approx([value] * 8)


def test_an_invalid_horizon(app: Flask, load: Sensor) -> None:
    [job] = ask(load, 18 * HOUR)
    run_all(app)
    kind, reason = jobs.reason_of_failure(job)
    assert (kind, reason) == (
        "InvalidHorizonException",
        f"Invalid horizon on job {job.id}: 18:00:00",
    )
    with pytest.raises(InvalidHorizonException):
        make_rolling_viewpoint_forecasts(load.id, 18 * HOUR, NOW, NOW + HOUR)


def test_an_unknown_model(app: Flask, load: Sensor) -> None:
    [job] = ask(load, model_search_term="no-one-knows-this")
    run_all(app)
    assert jobs.find_queue("forecasting").failed_job_registry.get_job_ids() == [job.id]
    assert "No model found for search term 'no-one-knows-this'" in jobs.reason_of_failure(job)[1]
    assert job.meta.get("fallback_model_search_term") is None
    assert job.meta["failures"] == 1


def test_a_sensor_that_is_gone(app: Flask, load: Sensor) -> None:
    [job] = create_forecasting_jobs(load.id + 99, NOW, NOW + HOUR, horizons=[HOUR])
    run_all(app)
    assert jobs.find_queue("forecasting").failed_job_registry.get_job_ids() == [job.id]
    assert jobs.reason_of_failure(job)[1] == f"No sensor found with id {load.id + 99}."


class Failing:
    """A model whose code has a defect."""

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("as always")


def test_the_next_model_in_line(
    app: Flask, load: Sensor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After three runs, a new job with the same arguments does what the first could not do."""
    configured: Any = lambda: (Failing(), "failing model v1", "naive")  # noqa: E731
    monkeypatch.setitem(model_map, "failing", configured)
    [job] = ask(load, model_search_term="failing")
    run_all(app)
    assert capsys.readouterr().out.count("HANDLING RQ FORECASTING WORKER EXCEPTION") == 3
    assert jobs.find_queue("forecasting").failed_job_registry.get_job_ids() == [job.id]
    meta = job.get_meta(refresh=True)
    assert (meta["failures"], meta["model_identifier"]) == (3, "failing model v1")
    fallback = jobs.find_job(meta["fallback_job_id"])
    assert fallback is not None
    assert fallback.kwargs == job.kwargs
    assert (fallback.meta["model_search_term"], fallback.meta["fallback_of"]) == ("naive", job.id)
    assert fallback.return_value() == 8
    assert set(stored(load)["source"]) == {"Seita (naive model v1)"}


def test_a_plugin_that_fails_is_not_asked_for_each_model(app: Flask, fresh_db: SQLAlchemy) -> None:
    load = make_load(days=3, **custom("Failing"))
    ask(load)
    create_fixed_forecasting_job(load, start=NOW, end=NOW + HOUR, belief_time=NOW)
    run_all(app)
    failed = jobs.find_queue("forecasting").failed_job_registry.get_job_ids()
    assert len(failed) == 2
    for job in map(jobs.find_job, failed):
        assert job is not None
        assert jobs.reason_of_failure(job) == ("RuntimeError", "as always")
        assert job.meta["failures"] == 3


def test_numbers_of_forecasts() -> None:
    assert num_forecasts(NOW, NOW + 2 * HOUR, QUARTER) == 8
    assert num_forecasts(NOW, NOW + 20 * QUARTER / 15, QUARTER) == 1
    assert num_forecasts(NOW, NOW, QUARTER) == 0


def test_directly(app: Flask, load: Sensor) -> None:
    assert make_rolling_viewpoint_forecasts(load.id, HOUR, NOW, NOW + HOUR) == 4
    with pytest.raises(NotEnoughDataException):
        make_rolling_viewpoint_forecasts(load.id, HOUR, NOW - 900 * DAY, NOW - 899 * DAY)
