"""Rows for the chart of a year of 1-minute values, against what PostgreSQL takes to count them."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import numpy as np
from flask_sqlalchemy import SQLAlchemy
from pytest_benchmark.fixture import BenchmarkFixture
from sqlalchemy import text

from flexmeasures.charts.points import points
from flexmeasures.data.beliefs.rows import Rows, microseconds
from flexmeasures.data.beliefs.save import save_rows
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor

START = datetime(2025, 1, 1, tzinfo=timezone.utc)
MINUTE, YEAR = timedelta(minutes=1), timedelta(days=365)
ROWS = YEAR // MINUTE
ROUNDS = 8
BOUND = 15  # about 7, and less if more of a machine is free


def test_a_year_of_minutes_in_a_thousand_points(
    benchmark: BenchmarkFixture, fresh_db: SQLAlchemy
) -> None:
    """Counting looks at each row as well, and does nothing with it."""
    asset = GenericAsset(name="mill", generic_asset_type=GenericAssetType(name="windmill"))
    sensor = Sensor("power", asset, unit="MW", event_resolution=MINUTE)
    source = DataSource("meter", type="script")
    fresh_db.session.add_all([sensor, source])
    fresh_db.session.flush()
    number = np.arange(ROWS, dtype=np.int64)
    rows = Rows(
        np.full(ROWS, sensor.id),
        microseconds(START) + microseconds(MINUTE) * number,
        np.full(ROWS, source.id),
        np.zeros(ROWS, np.int64),
        np.full(ROWS, 0.5),
        np.sin(number / 1000),
    )
    save_rows(rows)
    fresh_db.session.commit()
    with fresh_db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
        other.execute(text("VACUUM ANALYZE timed_belief"))
    best = float("inf")

    def count() -> None:
        nonlocal best
        start = time.perf_counter()
        fresh_db.session.execute(text("SELECT count(event_value) FROM timed_belief")).scalar()
        best = min(best, time.perf_counter() - start)

    def chart() -> None:
        shown = points([sensor], 1000, event_starts_after=START, event_ends_before=START + YEAR)
        assert len(shown) == 365

    benchmark.pedantic(chart, setup=count, rounds=ROUNDS)
    ratio = benchmark.stats.stats.min / best
    benchmark.extra_info["ratio to a count"] = round(ratio, 2)
    assert ratio < BOUND
