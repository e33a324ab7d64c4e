"""Forecasts on request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import select

from flexmeasures.api.v3_0.tests.meter import Meter, errors, make_meter
from flexmeasures.app import create
from flexmeasures.data.beliefs.rows import Rows, microseconds
from flexmeasures.data.beliefs.save import save_rows
from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.services import jobs
from flexmeasures.data.services.new_measurements import Viewpoints, ask_for_forecasts
from flexmeasures.tests.permissions.world import World, build_world, user_named
from flexmeasures.utils.time_utils import server_now

QUARTER, HOUR, DAY = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 3, 1, tzinfo=timezone.utc)
MEASURED_DAYS = 10


@pytest.fixture(scope="module")
def site(app: Flask) -> Flask:
    return create(env="testing")


@pytest.fixture(scope="module")
def world(db: SQLAlchemy) -> World:
    return build_world()


@pytest.fixture(scope="module")
def meter(site: Flask, world: World) -> Meter:
    """Ten days of measurements before START, the same each day."""
    meter = make_meter(site, world)
    measure(meter.sensor_id, START - MEASURED_DAYS * DAY, day() * MEASURED_DAYS)
    return meter


@pytest.fixture(autouse=True)
def no_jobs(app: Flask) -> Iterator[None]:
    jobs.redis_connection().flushdb()
    yield
    db.session.rollback()
    jobs.redis_connection().flushdb()


def day() -> list[float]:
    return [float(round(slot * (95 - slot) / 100, 3)) for slot in range(96)]


def measure(sensor_id: int, start: datetime, values: list[float]) -> None:
    source = db.session.scalars(select(DataSource).filter_by(name="meter")).first()
    if source is None:
        source = DataSource(name="meter", type="demo script")
        db.session.add(source)
        db.session.flush()
    number = len(values)
    save_rows(
        Rows(
            np.full(number, sensor_id),
            microseconds(start) + np.arange(number) * microseconds(QUARTER),
            np.full(number, source.id),
            np.zeros(number, np.int64),
            np.full(number, 0.5),
            np.array(values),
        )
    )
    db.session.commit()


def trigger(meter: Meter, body: Any = None, **kwargs: Any) -> Any:
    path = f"/api/v3_0/sensors/{meter.sensor_id}/forecasts/trigger"
    return meter.send({} if body is None else body, path, **kwargs)


def ask(meter: Meter, **body: Any) -> str:
    answer = trigger(meter, {"start": START.isoformat()} | body)
    assert answer.status_code == 200, answer.get_json()
    job_id: str = answer.get_json()["forecast"]
    return job_id


def get(meter: Meter, job_id: str, sensor_id: int | None = None, **kwargs: Any) -> Any:
    headers = {"Authorization": meter.token} | kwargs.pop("headers", {})
    path = f"/api/v3_0/sensors/{sensor_id or meter.sensor_id}/forecasts/{job_id}"
    return meter.site.test_client().get(path, headers=headers, **kwargs)


def work() -> None:
    """Run all jobs, in this process."""
    from rq import SimpleWorker

    from flexmeasures.data.services.forecasting import handle_forecasting_exception

    queue = jobs.find_queue("forecasting")
    SimpleWorker(
        [queue], connection=queue.connection, exception_handlers=[handle_forecasting_exception]
    ).work(burst=True)
    db.session.rollback()


def forecast(meter: Meter, **body: Any) -> dict[str, Any]:
    """Ask for it, let it be made, and get it."""
    job_id = ask(meter, **body)
    work()
    answer = get(meter, job_id)
    assert answer.status_code == 200, answer.get_json()
    told: dict[str, Any] = answer.get_json()
    return told


def test_from_trigger_to_values(meter: Meter) -> None:
    answer = trigger(meter, {"start": "2026-03-01T01:00:00+01:00", "duration": "PT24H"})
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    told = answer.get_json()
    id_ = told["forecast"]
    assert told == {
        "status": "PROCESSED",
        "message": "Request has been processed.",
        "forecast": id_,
        "job": id_,
        "job-url": f"/api/v3_0/jobs/{id_}",
        "results-url": f"/api/v3_0/sensors/{meter.sensor_id}/forecasts/{id_}",
    }
    answer = get(meter, id_)
    assert answer.status_code == 202
    assert answer.get_json() == {
        "status": "QUEUED",
        "message": "Forecasting job waiting to be processed.",
    }
    work()
    answer = get(meter, id_)
    assert answer.status_code == 200
    told = answer.get_json()
    assert (told["start"], told["duration"]) == ("2026-03-01T01:00:00+01:00", "PT24H")
    assert (told["unit"], told["resolution"]) == ("kW", "PT15M")
    assert told["status"] == "PROCESSED"
    assert len(told["values"]) == 96
    assert np.abs(np.array(told["values"]) - day()).mean() < 2

    answer = meter.site.test_client().get(
        f"/api/v3_0/jobs/{id_}", headers={"Authorization": meter.token}
    )
    assert answer.status_code == 200
    job = answer.get_json()
    assert (job["status"], job["message"]) == ("FINISHED", "Forecasting job has finished.")
    assert job["origin"] == "forecasting"
    assert job["result"]["num-beliefs"] == 96
    assert sum(job["result"]["models"].values()) == 96
    assert isinstance(job["result"]["notes"], list)


def test_nothing_needs_to_be_said(meter: Meter) -> None:
    before = server_now()
    answer = meter.site.test_client().post(
        f"/api/v3_0/sensors/{meter.sensor_id}/forecasts/trigger",
        headers={"Authorization": meter.token},
    )
    assert answer.status_code == 200
    job = jobs.find_job(answer.get_json()["forecast"])
    assert job is not None
    start, end = job.kwargs["start"], job.kwargs["end"]
    assert before - QUARTER < start <= server_now()
    assert (start.minute % 15, start.second, start.microsecond) == (0, 0, 0)
    assert end - start == 2 * DAY
    assert job.kwargs["belief_time"] == start


def test_who_asks_comes_first(meter: Meter) -> None:
    """Before jobs that new measurements made."""
    ask_for_forecasts(Viewpoints(meter.sensor_id, *([int(START.timestamp())] * 2)))
    job_id = ask(meter)
    queue = jobs.find_queue("forecasting")
    assert (queue.count, queue.job_ids[0]) == (2, job_id)


def test_prefers_async(meter: Meter) -> None:
    answer = trigger(meter, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    assert answer.get_json()["status"] == "ACCEPTED"


@pytest.mark.parametrize(
    ("body", "start", "end"),
    [
        ({"start": "2026-03-01T00:07:00Z", "duration": "PT1H"}, START, START + HOUR),
        ({"start": "2026-03-01", "end": "2026-03-01"}, START - HOUR, START + 23 * HOUR),
        (
            {"start": "2026-03-29", "end": "2026-03-29"},
            START + 28 * DAY - HOUR,
            START + 29 * DAY - 2 * HOUR,
        ),
        ({"end": "2026-03-01T06:00:00Z", "duration": "PT6H"}, START, START + 6 * HOUR),
        ({"start": "2026-03-01T00:00:00Z", "duration": "P1M"}, START, START + 31 * DAY - HOUR),
        ({"start": "2026-03-01T00:00Z", "end": "2026-03-01T00:20Z"}, START, START + HOUR / 2),
    ],
)
def test_periods(meter: Meter, body: dict[str, Any], start: datetime, end: datetime) -> None:
    job = jobs.find_job(trigger(meter, body).get_json()["forecast"])
    assert job is not None
    assert (job.kwargs["start"], job.kwargs["end"]) == (start, end)


def test_belief_times(meter: Meter) -> None:
    """Now, or at the start of what lies in the past, or before."""
    future = server_now().replace(minute=0, second=0, microsecond=0) + DAY
    prior = START - DAY
    for body, expected in (
        ({"start": START.isoformat()}, START),
        ({"start": START.isoformat(), "prior": prior.isoformat()}, prior),
        ({"start": START.isoformat(), "prior": future.isoformat()}, START),
    ):
        job = jobs.find_job(trigger(meter, body).get_json()["forecast"])
        assert job is not None
        assert job.kwargs["belief_time"] == expected
    before = server_now()
    job = jobs.find_job(trigger(meter, {"start": future.isoformat()}).get_json()["forecast"])
    assert job is not None
    assert before <= job.kwargs["belief_time"] <= server_now()


def test_several_looks_ahead(meter: Meter) -> None:
    """Each from its own start, which lies in the past."""
    job_id = ask(
        meter,
        **{"duration": "P2D", "forecast-frequency": "PT24H", "max_forecast_horizon": "PT24H"},
    )
    assert get(meter, job_id).status_code == 202
    work()
    told = get(meter, job_id).get_json()
    assert told["status"] == "PROCESSED"
    assert len(told["forecasts"]) == 2
    starts = []
    for part in told["forecasts"]:
        answer = get(meter, part)
        assert answer.status_code == 200
        assert len(answer.get_json()["values"]) == 96
        starts.append(datetime.fromisoformat(answer.get_json()["start"]))
        job = jobs.find_job(part)
        assert job is not None
        assert job.kwargs["belief_time"] == starts[-1]
    assert starts == [START, START + DAY]
    answer = meter.site.test_client().get(
        f"/api/v3_0/jobs/{job_id}", headers={"Authorization": meter.token}
    )
    assert answer.get_json()["result"]["num-beliefs"] == 192


def test_what_that_job_made(meter: Meter) -> None:
    """Whatever others forecast, and measure, since."""
    first = ask(meter, duration="PT1H", model="seasonal-naive")
    second = ask(meter, duration="PT1H", model="average")
    third = ask(meter, duration="PT1H", model="Seasonal-Naive", prior=(START - DAY).isoformat())
    work()
    values = [get(meter, job_id).get_json()["values"] for job_id in (first, second, third)]
    assert values[0] == values[2] == day()[:4]
    assert values[1] != values[0]


def test_model_that_does_not_apply(site: Flask, world: World) -> None:
    """With little history, a simpler one answers, and the result says so."""
    meter = make_meter(site, world)
    measure(meter.sensor_id, START - HOUR, [3.0] * 4)
    job_id = ask(meter, duration="PT1H")
    work()
    assert get(meter, job_id).get_json()["values"] == [3.0] * 4
    job = jobs.find_job(job_id)
    assert job is not None
    assert "auto model v1" not in job.meta["result"]["models"]
    assert any("auto" in note for note in job.meta["result"]["notes"])


def test_without_data(site: Flask, world: World) -> None:
    meter = make_meter(site, world)
    job_id = ask(meter)
    work()
    answer = get(meter, job_id)
    assert answer.status_code == 422
    told = answer.get_json()
    assert (told["result"], told["status"]) == ("Rejected", "UNPROCESSABLE_ENTITY")
    assert told["message"].startswith("Forecasting job failed with NotEnoughDataException: ")
    answer = site.test_client().get(
        f"/api/v3_0/jobs/{job_id}", headers={"Authorization": meter.token}
    )
    assert answer.status_code == 422
    assert answer.get_json()["exc-info"].startswith("NotEnoughDataException: ")


def test_forecasts_that_are_gone(site: Flask, world: World) -> None:
    meter = make_meter(site, world)
    measure(meter.sensor_id, START - 2 * DAY, day() * 2)
    job_id = ask(meter)
    work()
    db.session.query(TimedBelief).filter_by(sensor_id=meter.sensor_id).delete()
    db.session.commit()
    answer = get(meter, job_id)
    assert answer.status_code == 400
    told = answer.get_json()
    assert (told["result"], told["status"]) == ("Rejected", "UNKNOWN_FORECAST")


@pytest.mark.parametrize("state", ["stopped", "canceled"])
def test_jobs_that_will_not_end(meter: Meter, state: str) -> None:
    job_id = ask(meter)
    job = jobs.find_job(job_id)
    assert job is not None
    job.set_status(state)  # type: ignore[arg-type]  # RQ's states are texts
    assert get(meter, job_id).status_code == 422


def test_jobs_about_something_else(site: Flask, world: World, meter: Meter) -> None:
    other = make_meter(site, world)
    assert get(other, ask(meter)).status_code == 422
    assert get(meter, "0b8e7c52-6f0d-4c1e-9a57-2f4d1be3a901").status_code == 422
    assert get(meter, "a%00b").status_code == 422
    assert get(meter, ask(meter), sensor_id=123_456).status_code == 404


def test_stored_elsewhere(site: Flask, world: World, meter: Meter) -> None:
    target = make_meter(site, world, unit="MW")
    job_id = ask(meter, **{"sensor-to-save": target.sensor_id, "duration": "PT1H"})
    work()
    expected = get(meter, job_id).get_json()
    assert expected["unit"] == "MW"
    in_kw = forecast(meter, duration="PT1H")["values"]
    assert expected["values"] == pytest.approx([value / 1000 for value in in_kw])
    assert get(meter, job_id, sensor_id=target.sensor_id).get_json() == expected
    assert target.values(start=START.isoformat(), unit="MW") == expected["values"]


def test_probabilistic(meter: Meter) -> None:
    start = START - DAY
    told = forecast(meter, start=start.isoformat(), duration="PT1H", probabilistic=True)
    db.session.rollback()
    query = select(TimedBelief).where(
        TimedBelief.sensor_id == meter.sensor_id,
        TimedBelief.event_start == start,
        TimedBelief.belief_horizon == QUARTER,
    )
    quantiles = {
        belief.cumulative_probability: belief.event_value for belief in db.session.scalars(query)
    }
    assert [*sorted(quantiles)] == [0.05, 0.25, 0.5, 0.75, 0.95]
    assert told["values"][0] == quantiles[0.5]
    assert [quantiles[key] for key in sorted(quantiles)] == sorted(quantiles.values())


def test_limits(meter: Meter) -> None:
    told = forecast(meter, duration="PT24H", config={"lower": 5, "upper": 12.5})
    assert (min(told["values"]), max(told["values"])) == (5, 12.5)


def test_config_that_is_used(site: Flask, world: World, meter: Meter) -> None:
    other = make_meter(site, world, unit="°C")
    config = {
        "train-start": "2026-02-20",
        "train_period": "P8D",
        "max-training-period": "P5D",
        "regressors": [other.sensor_id, {"sensor": other.sensor_id}],
        "future-regressors": [],
        "ensure-positive": True,
        "missing-threshold": 0.5,
        "annotation-regressors": [],
        "snap": {},
    }
    job = jobs.find_job(ask(meter, config=config))
    assert job is not None
    assert job.kwargs["settings"] == {"history": 5 * DAY}
    assert job.kwargs["regressors"] == [other.sensor_id]
    assert job.kwargs["limits"] == (0, None)
    assert job.kwargs["notes"] == []


def test_config_that_changes_nothing_is_told(meter: Meter) -> None:
    config = {
        "retrain-frequency": "P1D",
        "model-params": {"trees": 3},
        "max-training-period": "P9999D",
        "past-regressors": [meter.sensor_id],
    }
    job_id = ask(meter, duration="PT1H", config=config)
    work()
    job = jobs.find_job(job_id)
    assert job is not None
    notes = " ".join(job.meta["result"]["notes"])
    for word in ("retrain-frequency", "model-params", "730 days", "past-regressors"):
        assert word in notes


def test_missing_history(site: Flask, world: World) -> None:
    meter = make_meter(site, world)
    measure(meter.sensor_id, START - 3 * DAY, day())
    body = {"start": START.isoformat(), "config": {"missing-threshold": 0.6}}
    message = ["66.7% of the history is missing."]
    assert errors(trigger(meter, body), "json") == {"config": {"missing-threshold": message}}
    body["config"] = {"missing-threshold": 0.7}
    assert trigger(meter, body).status_code == 200


LONG = "P99999999D"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"start": "yesterday"}, "start"),
        ({"start": "2026-03-01T00:00"}, "start"),
        ({"start": "2026-02-30"}, "start"),
        ({"start": "0001-01-01"}, "start"),
        ({"start": "9999-12-31"}, "start"),
        ({"start": "9999-12-31T00:00Z"}, "start"),
        ({"start": 5}, "start"),
        ({"start": None}, "start"),
        ({"end": "soon"}, "end"),
        ({"end": "2020-01-01"}, "end"),
        ({"start": "2026-03-01", "end": "2026-02-28"}, "end"),
        ({"start": "2026-03-01", "end": "2026-03-02", "duration": "P1D"}, "duration"),
        ({"duration": "PT0H"}, "duration"),
        ({"duration": "P0M"}, "duration"),
        ({"duration": "-PT1H"}, "duration"),
        ({"duration": "long"}, "duration"),
        ({"duration": "P1000Y"}, "duration"),
        ({"duration": 24}, "duration"),
        ({"duration": LONG}, "duration"),
        ({"duration": "P300Y"}, "duration"),
        ({"end": "2026-03-01", "duration": LONG}, "duration"),
        ({"end": "1679-01-01", "duration": "P3Y"}, "duration"),
        ({"start": "2200-01-01"}, "duration"),
        ({"start": "2026-03-01", "prior": "1700-01-01T00:00Z"}, "duration"),
        ({"start": "2016-03-01", "duration": "P3000D"}, "duration"),
        ({"prior": "2026-03-01"}, "prior"),
        ({"prior": "never"}, "prior"),
        ({"max-forecast-horizon": "PT0H"}, "max-forecast-horizon"),
        ({"max-forecast-horizon": "PT20M"}, "max-forecast-horizon"),
        ({"max-forecast-horizon": "P1M"}, "max-forecast-horizon"),
        ({"max-forecast-horizon": "P3D"}, "max-forecast-horizon"),
        ({"max-forecast-horizon": True}, "max-forecast-horizon"),
        ({"forecast-frequency": "-PT1H"}, "forecast-frequency"),
        ({"forecast-frequency": "PT7M"}, "forecast-frequency"),
        ({"forecast-frequency": "PT15M", "duration": "P10D"}, "forecast-frequency"),
        ({"probabilistic": "maybe"}, "probabilistic"),
        ({"sensor-to-save": "mine"}, "sensor-to-save"),
        ({"sensor-to-save": 123_456}, "sensor-to-save"),
        ({"sensor-to-save": 2**40}, "sensor-to-save"),
        ({"sensor-to-save": -1}, "sensor-to-save"),
        ({"sensor-to-save": None}, "sensor-to-save"),
        ({"model": "crystal ball"}, "model"),
        ({"model": "\0"}, "model"),
        ({"model": ""}, "model"),
        ({"model": 7}, "model"),
        ({"config": []}, "config"),
        ({"config": None}, "config"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_wrong_messages(meter: Meter, body: dict[str, Any], field: str) -> None:
    assert list(errors(trigger(meter, body), "json")) == [field]
    assert jobs.find_queue("forecasting").count == 0


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"train-start": "then"}, "train-start"),
        ({"train-start": "2026-02-28"}, "train-start"),
        ({"train-start": 1}, "train-start"),
        ({"train-period": "P1D"}, "train-period"),
        ({"train-period": "P1M"}, "train-period"),
        ({"train-period": "P30"}, "train-period"),
        ({"max-training-period": "PT47H"}, "max-training-period"),
        ({"max-training-period": "P1Y"}, "max-training-period"),
        ({"retrain-frequency": "PT59M"}, "retrain-frequency"),
        ({"regressors": 5}, "regressors"),
        ({"regressors": ["temperature"]}, "regressors"),
        ({"regressors": [123_456]}, "regressors"),
        ({"regressors": [2**40]}, "regressors"),
        ({"regressors": [True]}, "regressors"),
        ({"regressors": [{}]}, "regressors"),
        ({"regressors": [{"sensor": 1, "source": 3}]}, "regressors"),
        ({"regressors": [*range(1, 100)]}, "regressors"),
        ({"past-regressors": [123_456]}, "past-regressors"),
        ({"future-regressors": [123_456]}, "future-regressors"),
        ({"annotation-regressors": ["holidays"]}, "annotation-regressors"),
        ({"missing-threshold": 1.1}, "missing-threshold"),
        ({"missing-threshold": -0.1}, "missing-threshold"),
        ({"missing-threshold": True}, "missing-threshold"),
        ({"ensure-positive": 7}, "ensure-positive"),
        ({"lower": "low"}, "lower"),
        ({"lower": 5, "upper": 4}, "upper"),
        ({"ensure-positive": True, "upper": -1}, "upper"),
        ({"snap": {"0": [-1, 1]}}, "snap"),
        ({"model-params": [1]}, "model-params"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_wrong_config(meter: Meter, config: dict[str, Any], field: str) -> None:
    answer = trigger(meter, {"start": START.isoformat(), "config": config})
    assert list(errors(answer, "json")["config"]) == [field]
    assert jobs.find_queue("forecasting").count == 0


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "-1e999"])
def test_numbers_that_are_none(meter: Meter, number: str) -> None:
    body = f'{{"config": {{"lower": {number}}}}}'
    answer = trigger(meter, body, content_type="application/json")
    assert list(errors(answer, "json")["config"]) == ["lower"]


def test_targets_that_do_not_fit(site: Flask, world: World, meter: Meter) -> None:
    for other in (make_meter(site, world, 60), make_meter(site, world, unit="°C")):
        answer = trigger(meter, {"sensor-to-save": other.sensor_id})
        assert list(errors(answer, "json")) == ["sensor-to-save"]


def test_permissions(site: Flask, world: World, meter: Meter) -> None:
    """Read what is forecast and what helps, write what is forecast on."""
    mill = world.ids["sensor of Mill"]
    path = f"/api/v3_0/sensors/{meter.sensor_id}/forecasts/trigger"
    codes = {}
    for who in ("other", "member", "admin-reader", "admin"):
        headers = {"Authorization": str(user_named(who).get_auth_token())}
        answer = site.test_client().post(path, json={}, headers=headers)
        codes[who] = answer.status_code
    assert codes == {"other": 403, "member": 200, "admin-reader": 403, "admin": 200}
    # Sensors of others are as unknown as those that are not there.
    answer = trigger(meter, {"sensor-to-save": mill})
    assert errors(answer, "json") == {"sensor-to-save": [f"No sensor found with id {mill}."]}
    answer = trigger(meter, {"config": {"regressors": [mill]}})
    assert list(errors(answer, "json")["config"]) == ["regressors"]
    # This one everybody may read.
    assert trigger(meter, {"sensor-to-save": world.ids["sensor of None"]}).status_code == 403


def test_a_job_about_a_sensor_that_was_deleted(site: Flask, world: World) -> None:
    meter = make_meter(site, world)
    job_id = ask(meter)
    db.session.delete(db.session.get(Sensor, meter.sensor_id))
    db.session.commit()
    work()
    assert get(meter, job_id).status_code == 404


def test_readings(site: Flask, world: World) -> None:
    """Of an instantaneous sensor."""
    meter = make_meter(site, world, 0)
    measure(meter.sensor_id, START - 5 * DAY, day() * 5)
    told = forecast(meter, start=START.isoformat(), duration="PT1H")
    assert (told["resolution"], told["duration"]) == ("PT15M", "PT45M")
    assert datetime.fromisoformat(told["start"]) == START + QUARTER  # that of START is known then
    assert len(told["values"]) == 3


def test_days_on_the_local_calendar(site: Flask, world: World) -> None:
    """Also those on which the clock changes."""
    meter = make_meter(site, world, 24 * 60)
    first = datetime.fromisoformat("2026-03-01T00:00:00+01:00")
    body = {"start": first.isoformat(), "duration": "P27D", "values": [1] * 27, "unit": "kW"}
    assert meter.send(body).status_code == 200
    told = forecast(meter, start="2026-03-28", end="2026-03-31")
    assert (told["start"], told["values"]) == ("2026-03-28T00:00:00+01:00", [1] * 4)
