"""Many rows, and many clients at once."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import func, select

from flexmeasures.data.beliefs.frames import columns_of_rows, frame_of_columns
from flexmeasures.data.beliefs.knowledge import Timing
from flexmeasures.data.beliefs.save import ReplacementError, Saved, save
from flexmeasures.data.beliefs.search import search
from flexmeasures.data.beliefs.tests.utils import measurements
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.utils.timely import tb

QUARTER = timedelta(minutes=15)
YEAR = 35_040
CLIENTS = 8


@pytest.fixture
def ids(fresh_db: SQLAlchemy) -> list[int]:
    """Of two sensors, whose beliefs come from the only source; committed."""
    asset = GenericAsset(name="mill", generic_asset_type=GenericAssetType(name="windmill"))
    sensors = [
        Sensor(f"sensor {number}", asset, unit="MW", event_resolution=QUARTER)
        for number in range(2)
    ]
    fresh_db.session.add_all([*sensors, DataSource("Ann", type="script")])
    fresh_db.session.commit()
    return [sensor.id for sensor in sensors]


def measured(
    sensor: Sensor, source: DataSource, number: int, add: float = 0
) -> tb.BeliefsDataFrame:
    rows = measurements(sensor, source, number, add)
    return frame_of_columns(columns_of_rows(rows, Timing.of(sensor), {source.id: source}), sensor)


class TestSeveralClients:
    def at_once(self, app: Flask, work: Any) -> list[Any]:
        """What each client's work gives; all begin together, each in a session of its own."""
        barrier = Barrier(CLIENTS)

        def client(number: int) -> Any:
            with app.app_context():
                barrier.wait()
                return work(number)

        with ThreadPoolExecutor(CLIENTS) as pool:
            return [*pool.map(client, range(CLIENTS))]

    def test_store_the_same_beliefs(self, app: Flask, fresh_db: SQLAlchemy, ids: list[int]) -> None:
        """Of two sensors, named in either order: each belief is stored once, and nobody fails."""

        def store(number: int) -> Saved:
            sensors = [fresh_db.session.get_one(Sensor, i) for i in ids]
            source = fresh_db.session.scalars(select(DataSource)).one()
            if number % 2:
                sensors.reverse()
            result = save([measured(sensor, source, YEAR // 2) for sensor in sensors])
            fresh_db.session.commit()
            return result

        results = self.at_once(app, store)
        assert sorted(result.new for result in results) == [0] * (CLIENTS - 1) + [YEAR]
        assert all(result.new + result.unchanged == YEAR for result in results)
        assert fresh_db.session.scalar(select(func.count()).select_from(TimedBelief)) == YEAR

    def test_contradict_each_other(self, app: Flask, fresh_db: SQLAlchemy, ids: list[int]) -> None:
        """One of them wins, wholly; the others are refused."""

        def store(number: int) -> float | None:
            sensor = fresh_db.session.get_one(Sensor, ids[0])
            source = fresh_db.session.scalars(select(DataSource)).one()
            try:
                save(measured(sensor, source, 100, add=number))
            except ReplacementError:
                fresh_db.session.rollback()
                return None
            fresh_db.session.commit()
            return number

        winners = [number for number in self.at_once(app, store) if number is not None]
        assert len(winners) == 1
        sensor = fresh_db.session.get_one(Sensor, ids[0])
        [stored] = search([sensor]).values()
        np.testing.assert_array_equal(stored["event_value"], np.sin(np.arange(100)) + winners[0])


def test_memory_grows_with_the_rows_only(fresh_db: SQLAlchemy, ids: list[int]) -> None:
    """A million rows take less than half a gigabyte, on their way in and out."""
    number = 200_000
    sensor = fresh_db.session.get_one(Sensor, ids[0])
    source = fresh_db.session.scalars(select(DataSource)).one()
    beliefs = measured(sensor, source, number)
    tracemalloc.start()
    try:
        assert save(beliefs).new == number
        assert save(beliefs).unchanged == number
        saving = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        assert len(search([sensor])[sensor]) == number
        reading = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert max(saving, reading) < 500 * number
