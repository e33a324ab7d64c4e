"""Several clients that send data of one sensor at the same time, to a real database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from threading import Barrier
from typing import TypeVar

import numpy as np
import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.api.v3_0.tests.meter import (
    PRIOR,
    START,
    Meter,
    beliefs,
    make_meter,
    number_of_beliefs,
)
from flexmeasures.app import create
from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services.sensor_data import record
from flexmeasures.tests.permissions.world import World, build_world, user_named

CLIENTS = 8
YEAR = 35_040
Result = TypeVar("Result")


@pytest.fixture(scope="module")
def site(app: Flask) -> Flask:
    return create(env="testing")


@pytest.fixture
def world(fresh_db: SQLAlchemy) -> World:
    return build_world()


@pytest.fixture
def meter(site: Flask, world: World) -> Meter:
    return make_meter(site, world)


def at_once(task: Callable[[int], Result], clients: int = CLIENTS) -> list[Result]:
    """Run a task for the numbers from 0 on, in a thread each, that start together."""
    barrier = Barrier(clients)

    def run(number: int) -> Result:
        barrier.wait()
        return task(number)

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(run, range(clients)))


def test_the_same_year_twice_and_by_many_clients_at_once(meter: Meter) -> None:
    values = np.sin(np.arange(YEAR)).tolist()

    def send(_: int) -> tuple[int, str]:
        answer = meter.post(values, start="2025-01-01T00:00:00Z", duration="P365D", prior=PRIOR)
        return answer.status_code, answer.get_json()["status"]

    known = (200, "ALREADY_RECEIVED_AND_SUCCESSFULLY_PROCESSED")
    assert Counter(at_once(send)) == {(200, "PROCESSED"): 1, known: CLIENTS - 1}
    assert number_of_beliefs(meter) == YEAR
    assert send(0) == known
    assert number_of_beliefs(meter) == YEAR
    assert DataSource.query.filter_by(name="member").count() == 1


def test_the_same_without_recording_time_while_others_save_it(meter: Meter) -> None:
    """The later one to save has come first, but says nothing new."""
    sensor, user = db.session.get(Sensor, meter.sensor_id), user_named("member")
    assert sensor is not None

    def save(start: str) -> None:
        values = np.ones(4)
        moment, hour = datetime.fromisoformat(start), timedelta(hours=1)
        record(sensor, user, start=moment, duration=hour, values=values, unit="kW")

    save("2026-02-28T00:00:00+01:00")  # now it is our turn, and others wait
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(meter.post, [1] * 4)
        wait([waiting], timeout=0.5)
        assert not waiting.done()
        save(START)
        db.session.commit()
        answer = waiting.result()
    assert answer.get_json()["status"] == "ALREADY_RECEIVED_AND_SUCCESSFULLY_PROCESSED"
    assert number_of_beliefs(meter) == 8


def test_the_first_data_of_a_user(site: Flask, world: World) -> None:
    """Whose data source is made on the way, by whoever comes first."""
    meters = [make_meter(site, world) for _ in range(CLIENTS)]
    answers = at_once(lambda number: meters[number].post([1, 2]).get_json()["status"])
    assert answers == ["PROCESSED"] * CLIENTS
    assert {number_of_beliefs(meter) for meter in meters} == {4}
    assert DataSource.query.filter_by(name="member").count() == 1


def test_of_contradicting_data_some_win_and_the_others_are_refused(meter: Meter) -> None:
    answers = at_once(lambda number: meter.post([number] * 96, duration="P1D", prior=PRIOR))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 403: CLIENTS - 1}
    [winner] = [number for number, answer in enumerate(answers) if answer.status_code == 200]
    assert [belief.event_value for belief in beliefs(meter)] == [winner] * 96
    refused = {answer.get_json()["status"] for answer in answers if answer.status_code == 403}
    assert refused == {"INVALID_REPLACEMENT"}


def test_overlapping_data(meter: Meter) -> None:
    """As of clients that send their last day again and again."""

    def send(number: int) -> int:
        values = [float(hour) for hour in range(number, number + 24)]
        start = f"2026-02-01T{number:02}:00:00Z"
        return meter.post(values, start=start, duration="P1D", prior=PRIOR).status_code

    assert at_once(send) == [200] * CLIENTS
    stored = [belief.event_value for belief in beliefs(meter)]
    assert stored == [float(hour) for hour in range(24 + CLIENTS - 1) for _ in range(4)]


def test_readers_see_all_of_a_post_or_nothing(meter: Meter) -> None:
    def use(number: int) -> set[float | None]:
        if number == 0:
            meter.post([1.0] * 9600, duration="P100D", prior=PRIOR)
        return set(meter.values(duration="P100D"))

    for seen in at_once(use):
        assert seen in ({None}, {1.0})
