"""Storing and reading a year of 15-minute values, against what PostgreSQL itself takes for it."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from flask_sqlalchemy import SQLAlchemy
from pytest_benchmark.fixture import BenchmarkFixture
from sqlalchemy import text

from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.utils import save_to_db
from flexmeasures.utils.timely import tb

START = datetime(2023, 1, 1, tzinfo=timezone.utc)
YEAR = 35_040
QUARTER = timedelta(minutes=15)
ROUNDS = 12

COLUMNS = "event_start, belief_horizon, source_id, cumulative_probability, event_value"
# What COPY in binary format puts out for these columns: a length before each field.
ROW = np.dtype(
    [
        ("fields", ">i2"),
        *[("event_start_length", ">i4"), ("event_start", ">i8")],
        *[("belief_horizon_length", ">i4"), ("belief_horizon", ">i8")],
        *[("days", ">i4"), ("months", ">i4")],
        *[("source_id_length", ">i4"), ("source_id", ">i4")],
        *[("cumulative_probability_length", ">i4"), ("cumulative_probability", ">f8")],
        *[("event_value_length", ">i4"), ("event_value", ">f8")],
    ]
)
HEADER_AND_TRAILER = 19, 2


class World:
    """A sensor, a source, and a frame of what the source believes; the table is empty."""

    def __init__(self, db: SQLAlchemy) -> None:
        self.db = db
        asset = GenericAsset(name="mill", generic_asset_type=GenericAssetType(name="windmill"))
        self.sensor = Sensor("power", asset, unit="MW", event_resolution=QUARTER)
        self.source = DataSource("meter", type="script")
        db.session.add_all([self.sensor, self.source])
        db.session.commit()
        series = pd.Series(
            np.sin(np.arange(YEAR) / 100), pd.date_range(START, periods=YEAR, freq=QUARTER)
        )
        self.beliefs = tb.BeliefsDataFrame(
            series, sensor=self.sensor, source=self.source, belief_horizon=timedelta(0)
        ).convert_index_from_belief_horizon_to_time()

    def run(self, statement: str) -> None:
        """On its own, committed."""
        self.db.session.commit()
        with self.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
            other.execute(text("SET synchronous_commit = on"))
            other.execute(text(statement))

    def cursor(self) -> Any:
        return self.db.session.connection().connection.cursor()

    def copy_out(self, query: str) -> dict[str, Any]:
        """Bare SQL into arrays."""
        buffer = io.BytesIO()
        self.cursor().copy_expert(f"COPY ({query}) TO STDOUT (FORMAT BINARY)", buffer)
        data = buffer.getbuffer()
        header, trailer = HEADER_AND_TRAILER
        rows = np.frombuffer(data, ROW, (len(data) - header - trailer) // ROW.itemsize, header)
        names = COLUMNS.split(", ")
        return {name: rows[name].astype(rows[name].dtype.newbyteorder("=")) for name in names}


@pytest.fixture
def world(fresh_db: SQLAlchemy) -> World:
    return World(fresh_db)


def compare(
    benchmark: BenchmarkFixture,
    ours: Callable[[], Any],
    bare: Callable[[], Any],
    set_up: Callable[[], None] = lambda: None,
) -> float:
    """The ratio of their best times, each measured in turns with the other."""
    best = float("inf")

    def before_each() -> None:
        nonlocal best
        set_up()
        start = time.perf_counter()
        bare()
        best = min(best, time.perf_counter() - start)
        set_up()

    benchmark.pedantic(ours, setup=before_each, rounds=ROUNDS)
    ratio = benchmark.stats.stats.min / best
    benchmark.extra_info["ratio to bare SQL"] = round(ratio, 2)
    return ratio


def test_storing_new_beliefs(benchmark: BenchmarkFixture, world: World) -> None:
    """Against a binary COPY of the same rows into the same table."""
    save_to_db(world.beliefs)
    buffer = io.BytesIO()
    world.cursor().copy_expert("COPY timed_belief TO STDOUT (FORMAT BINARY)", buffer)
    payload = buffer.getvalue()

    def bare() -> None:
        world.cursor().copy_expert(
            "COPY timed_belief FROM STDIN (FORMAT BINARY)", io.BytesIO(payload), size=1 << 16
        )

    def empty() -> None:
        world.db.session.rollback()
        world.run("TRUNCATE timed_belief")
        assert world.sensor.id  # loads what the commit expired
        assert world.source.id

    ratio = compare(benchmark, lambda: save_to_db(world.beliefs), bare, empty)
    assert len(world.copy_out(f"SELECT {COLUMNS} FROM timed_belief")["event_value"]) == YEAR
    assert ratio <= 3


def test_storing_unchanged_beliefs(benchmark: BenchmarkFixture, world: World) -> None:
    """Against a read of the same rows into arrays."""
    save_to_db(world.beliefs)
    world.run("VACUUM (ANALYZE) timed_belief")
    query = f"SELECT {COLUMNS} FROM timed_belief WHERE sensor_id = {world.sensor.id}"
    assert save_to_db(world.beliefs) == "success_but_nothing_new"
    assert len(world.copy_out(query)["event_value"]) == YEAR
    ratio = compare(benchmark, lambda: save_to_db(world.beliefs), lambda: world.copy_out(query))
    assert ratio <= 3


def test_reading_the_most_recent_of_ten_beliefs(benchmark: BenchmarkFixture, world: World) -> None:
    """Into a frame, against the quickest SQL for this into arrays."""
    save_to_db(world.beliefs)
    world.run(
        "INSERT INTO timed_belief"
        " (event_start, belief_horizon, cumulative_probability, event_value, sensor_id, source_id)"
        " SELECT event_start, n * interval '1 hour', 0.5, event_value + n, sensor_id, source_id"
        " FROM timed_belief, generate_series(1, 9) AS n ORDER BY event_start, n"
    )
    world.run("VACUUM (ANALYZE) timed_belief")
    query = (
        f"SELECT DISTINCT ON (event_start, source_id) {COLUMNS} FROM timed_belief"
        f" WHERE sensor_id = {world.sensor.id} ORDER BY event_start, source_id, belief_horizon"
    )

    def search() -> Any:
        return world.sensor.search_beliefs()

    np.testing.assert_array_equal(search()["event_value"], world.copy_out(query)["event_value"])
    ratio = compare(benchmark, search, lambda: world.copy_out(query))
    assert ratio <= 3
