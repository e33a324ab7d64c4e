"""What is posted makes jobs that forecast."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from redis.exceptions import ConnectionError as RedisConnectionError
from rq.job import Job

from flexmeasures.api.v3_0.tests.meter import Meter, make_meter
from flexmeasures.app import create
from flexmeasures.data.config import db
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services import jobs, new_measurements
from flexmeasures.data.services.new_measurements import (
    Viewpoints,
    ask_for_forecasts,
    forget_viewpoints,
    horizons_of,
    take_viewpoints,
)
from flexmeasures.tests.permissions.world import World, build_world
from flexmeasures.utils.time_utils import server_now

MakeMeter = Callable[..., Meter]
QUARTER, HOUR, DAY = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)


@pytest.fixture(scope="module")
def site(app: Flask) -> Flask:
    return create(env="testing")


@pytest.fixture(scope="module")
def world(db: SQLAlchemy) -> World:
    return build_world()


@pytest.fixture
def make(site: Flask, world: World) -> Iterator[MakeMeter]:
    """With a value of the day before yesterday. What made a job of that is forgotten."""
    jobs.redis_connection().flushdb()

    def make_it(*args: Any, history: bool = True, **kwargs: Any) -> Meter:
        meter = make_meter(site, world, *args, **kwargs)
        if history:
            post(meter, [1], latest() - 2 * DAY)
        jobs.redis_connection().flushdb()
        return meter

    yield make_it
    jobs.redis_connection().flushdb()


@pytest.fixture
def meter(make: MakeMeter) -> Meter:
    return make()


def latest(step: timedelta = HOUR) -> datetime:
    """The start of the last hour that is over."""
    now = server_now().astimezone(timezone.utc)
    return now.replace(minute=0, second=0, microsecond=0) - step


def post(meter: Meter, values: Any, start: datetime, **message: Any) -> dict[str, Any]:
    duration = {"duration": f"PT{15 * len(values)}M"}
    answer = meter.post(values, **{"start": start.isoformat()} | duration | message)
    assert answer.status_code == 200, answer.get_json()
    told: dict[str, Any] = answer.get_json()
    return told


def queued() -> list[Job]:
    return list(jobs.find_queue("forecasting").jobs)


def taken(meter: Meter, job_id: str = "a job") -> tuple[datetime, datetime] | None:
    found = take_viewpoints(meter.sensor_id, job_id)
    if found is None:
        return None
    start, end = (datetime.fromtimestamp(time, timezone.utc) for time in (found.start, found.end))
    return start, end


def test_a_job_per_sensor(make: MakeMeter) -> None:
    meter, other = make(), make()
    start = latest()
    post(meter, [1, 2, None, None], start)
    [job] = queued()
    assert job.kwargs == {"sensor_id": meter.sensor_id}
    assert str(job.func_name).endswith("forecast_new_measurements")
    assert job.meta["asset_or_sensor"] == {"class": "Sensor", "id": meter.sensor_id}
    assert job.ttl == DAY.total_seconds()
    post(other, [1], start)
    post(meter, [3], start + 2 * QUARTER)
    post(meter, [5], start - QUARTER)
    assert [job.kwargs["sensor_id"] for job in queued()] == [meter.sensor_id, other.sensor_id]
    assert taken(meter) == (start - QUARTER, start + 3 * QUARTER)
    assert taken(other) == (start, start + QUARTER)


def test_by_address(meter: Meter) -> None:
    message = {"sensor": meter.address, "start": latest().isoformat(), "duration": "PT15M"}
    answer = meter.send(message | {"values": [1], "unit": "kW"}, "/api/v3_0/sensors/data")
    assert answer.status_code == 200
    assert len(queued()) == 1


def test_only_what_is_new(meter: Meter) -> None:
    start = latest()
    post(meter, [1, 2], start, horizon="PT0H")
    jobs.redis_connection().flushdb()
    post(meter, [1, 2], start, horizon="PT0H")
    assert queued() == []
    post(meter, [1, 2, 3], start, horizon="PT0H")
    assert len(queued()) == 1
    assert taken(meter) == (start + 2 * QUARTER, start + 3 * QUARTER)


def test_forecasts_are_no_measurements(meter: Meter) -> None:
    post(meter, [1, 2], latest(), horizon="PT1H")
    post(meter, [1, 2], latest() + 2 * DAY)
    assert queued() == []
    # of the same message, some may be
    post(meter, [3] * 12, latest(), prior=(latest() + HOUR).isoformat())
    assert taken(meter) == (latest(), latest() + HOUR)


def test_only_recent_measurements(meter: Meter) -> None:
    post(meter, [1, 2], latest() - 3 * DAY)
    post(meter, [1, 2], latest() + 3 * DAY, horizon="PT0H")
    assert queued() == []
    post(meter, [*range(96 * 30)], latest() - 30 * DAY + HOUR)
    window = taken(meter)
    assert window is not None
    start, end = window
    assert end == latest() + HOUR
    assert 2 * DAY - HOUR < end - start <= 2 * DAY


def test_a_window_that_nobody_took_keeps_two_days(meter: Meter) -> None:
    post(meter, [1], latest())
    taken(meter)
    for day in range(5):
        ask_for_forecasts(Viewpoints(meter.sensor_id, day * 86_400, (day + 1) * 86_400))
    assert len(queued()) == 1
    assert take_viewpoints(meter.sensor_id, "another") == Viewpoints(
        meter.sensor_id, 3 * 86_400, 5 * 86_400
    )


def test_without_history(make: MakeMeter) -> None:
    meter = make(history=False)
    post(meter, [1], latest())
    assert queued() == []
    post(meter, [1] * 95, latest() - DAY + QUARTER)
    assert queued() == []
    post(meter, [1], latest() + QUARTER)
    assert len(queued()) == 1


@pytest.mark.parametrize("where", ["attributes", "on_asset"])
def test_switched_off_by_attribute(make: MakeMeter, where: str) -> None:
    meter = make(**{where: {"forecast_on_new_data": False}})
    post(meter, [1], latest())
    assert queued() == []


def test_switched_off_by_setting(site: Flask, meter: Meter) -> None:
    with patch.dict(site.config, FLEXMEASURES_FORECAST_ON_NEW_DATA=False):
        post(meter, [1], latest())
    assert queued() == []


@pytest.mark.parametrize(
    ("unit", "jobs_made"), [("kW", 1), ("MWh", 1), ("EUR/MWh", 0), ("°C", 0), ("m/s", 0)]
)
def test_play_mode(site: Flask, make: MakeMeter, unit: str, jobs_made: int) -> None:
    """Its clock is that of the data."""
    meter = make(unit=unit, history=False)
    start = datetime(2015, 1, 1, tzinfo=timezone.utc)
    with patch.dict(site.config, FLEXMEASURES_MODE="play"):
        post(meter, [*range(96 * 4)], start, unit=unit)
    assert len(queued()) == jobs_made
    if jobs_made:
        # the measurements that became known in two days, the first moment included
        assert taken(meter) == (start + 2 * DAY, start + 4 * DAY)


@pytest.mark.parametrize(
    ("unit", "minutes", "hours"),
    [
        ("kW", 15, [1, 6, 24, 48]),
        ("°C", 60, [1, 6, 24, 48]),
        ("kWh", 30, [1, 6, 24, 48]),
        ("MW", 5, [1, 6, 24]),
        ("EUR/MWh", 60, [24, 48]),
        ("kW", 24 * 60, [24, 48]),
        ("%", 0, [1, 6, 24, 48]),
        ("kW", 7, []),
    ],
)
def test_horizons(make: MakeMeter, unit: str, minutes: int, hours: list[int]) -> None:
    meter = make(minutes, unit=unit, history=False)
    sensor = db.session.get(Sensor, meter.sensor_id)
    assert sensor is not None
    assert horizons_of(sensor) == [hour * HOUR for hour in hours]


def test_sensors_without_usual_horizons(make: MakeMeter) -> None:
    meter = make(7, history=False)
    for start in (latest() - 2 * DAY, latest()):
        post(meter, [1], start, duration="PT7M")
    assert queued() == []


def test_readings(make: MakeMeter) -> None:
    meter = make(0, history=False)
    moment = latest() + timedelta(seconds=7)
    for start in (moment - 2 * DAY, moment):
        post(meter, [1], start, duration="PT0M")
    assert len(queued()) == 1
    assert taken(meter) == (moment - QUARTER, moment + timedelta(seconds=1))


def test_day_ahead_prices(make: MakeMeter) -> None:
    """They are known before."""
    known_at = {"x": 1, "y": 12, "z": "Europe/Paris"}
    meter = make(60, unit="EUR/MWh", history=False)
    sensor = db.session.get(Sensor, meter.sensor_id)
    assert sensor is not None
    sensor.knowledge_horizon_fnc = "x_days_ago_at_y_oclock"
    sensor.knowledge_horizon_par = known_at
    db.session.commit()
    midnight = latest().replace(hour=0)
    prices = {"duration": "P1D", "unit": "EUR/MWh"}
    post(meter, [*range(24)], midnight - 2 * DAY, **prices)
    post(meter, [*range(24)], midnight + DAY, horizon="PT0H", **prices)
    after_gate_closure = server_now().astimezone(timezone.utc).hour >= 11
    assert len(queued()) in ([1] if after_gate_closure else [0, 1])


def test_jobs_that_are_gone_are_made_anew(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    start = latest()
    queue = jobs.find_queue("forecasting")
    post(meter, [1], start)
    queue.empty()
    monkeypatch.setattr(new_measurements, "_MAKING_TAKES", 0)  # it is not being made just now
    post(meter, [2], start + QUARTER)
    [job] = queued()
    # its time is over before a worker came: its id stays in the queue
    jobs.redis_connection().delete(job.key)
    post(meter, [3], start + 2 * QUARTER)
    assert queue.count == 1
    assert queue.job_ids != [job.id]
    assert taken(meter) == (start, start + 3 * QUARTER)


@pytest.mark.parametrize("state", ["started", "finished", "failed", "canceled"])
def test_jobs_that_began_are_not_counted_on(meter: Meter, state: str) -> None:
    post(meter, [1], latest())
    [job] = queued()
    job.set_status(state)  # type: ignore[arg-type]  # RQ's states are texts
    post(meter, [2], latest() + QUARTER)
    assert len(jobs.find_queue("forecasting").job_ids) == 2


def test_a_job_that_is_run_again_takes_the_same(meter: Meter) -> None:
    start = latest()
    post(meter, [1], start)
    assert taken(meter, "first") == (start, start + QUARTER)
    assert taken(meter, "second") is None
    post(meter, [2], start + QUARTER)
    assert taken(meter, "first") == (start, start + 2 * QUARTER)
    forget_viewpoints(meter.sensor_id, "first")
    assert taken(meter, "first") is None


def test_many_post_at_once(app: Flask, meter: Meter) -> None:
    """One job is made, and no part of the window is lost."""
    begin = int(latest().timestamp())

    def ask(number: int) -> None:
        with app.app_context():
            start = begin + 60 * number
            ask_for_forecasts(Viewpoints(meter.sensor_id, start, start + 60))

    with ThreadPoolExecutor(10) as clients:
        list(clients.map(ask, range(100)))
    assert len(queued()) == 1
    assert take_viewpoints(meter.sensor_id, "x") == Viewpoints(meter.sensor_id, begin, begin + 6000)


def test_without_redis(meter: Meter, caplog: pytest.LogCaptureFixture) -> None:
    away = patch.object(new_measurements, "_ask", side_effect=RedisConnectionError("gone"))
    with away as asked, patch.object(new_measurements, "_away_until", 0.0):
        assert post(meter, [1], latest())["status"] == "PROCESSED"
        assert "Redis does not answer" in caplog.text
        post(meter, [2], latest() + QUARTER)
    asked.assert_called_once()  # so that each does not wait for it
    assert meter.values(start=latest().isoformat(), duration="PT30M") == [1, 2]
