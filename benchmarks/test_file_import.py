"""`flexmeasures add beliefs` of a million rows, against pandas' bare read of the file plus COPY."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from flask_sqlalchemy import SQLAlchemy
from pytest_benchmark.fixture import BenchmarkFixture
from sqlalchemy import text

from benchmarks.test_start_up import PEAK
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor

MILLION = 1_000_000
ROUNDS = 2
PROGRAM = f"{PEAK}\nfrom flexmeasures.__main__ import flexmeasures_cli as program; program()"

Add = Callable[..., int]


@pytest.fixture
def add(fresh_db: SQLAlchemy, tmp_path: Path, test_database_uri: str) -> Add:
    """Runs the program on a file, and returns how many MB it took at its peak."""
    minute = timedelta(minutes=1)
    asset = GenericAsset(name="mill", generic_asset_type=GenericAssetType(name="windmill"))
    fresh_db.session.add(Sensor("power", asset, unit="MW", event_resolution=minute))
    fresh_db.session.add(DataSource("meter", type="script"))
    fresh_db.session.commit()

    def run(path: Path) -> int:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "add", "beliefs", "--sensor-id", "1", "--source", "1"]
            + [str(path), "--horizon", "0"],
            env={
                "HOME": str(tmp_path),
                "PYTHONPATH": str(Path(__file__).parents[1]),
                "FLASK_ENV": "development",
                "SECRET_KEY": "key",
                "SQLALCHEMY_DATABASE_URI": test_database_uri,
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return int(done.stderr.splitlines()[-1]) // 1024

    return run


def write(path: Path, rows: int) -> Path:
    starts = pd.date_range("2024-01-01", periods=rows, freq="min", tz="UTC")
    values = np.random.default_rng(0).normal(size=rows).round(4)
    pd.DataFrame({"start": starts.strftime("%Y-%m-%dT%H:%M:%SZ"), "value": values}).to_csv(
        path, index=False
    )
    return path


def test_adding_a_million_beliefs(
    benchmark: BenchmarkFixture, add: Add, fresh_db: SQLAlchemy, tmp_path: Path
) -> None:
    """The whole program, from start to end; and its peak of memory."""
    path = write(tmp_path / "data.csv", MILLION)

    def cursor() -> Any:
        return fresh_db.session.connection().connection.cursor()

    def empty() -> None:
        fresh_db.session.commit()
        fresh_db.session.execute(text("TRUNCATE timed_belief"))
        fresh_db.session.commit()

    small = add(write(tmp_path / "small.csv", MILLION // 4))
    empty()
    large = add(path)
    buffer = io.BytesIO()
    cursor().copy_expert("COPY timed_belief TO STDOUT (FORMAT BINARY)", buffer)
    best = float("inf")

    def bare() -> None:
        nonlocal best
        empty()
        buffer.seek(0)
        start = time.perf_counter()
        assert len(pd.read_csv(path)) == MILLION
        cursor().copy_expert("COPY timed_belief FROM STDIN (FORMAT BINARY)", buffer)
        fresh_db.session.commit()
        best = min(best, time.perf_counter() - start)
        empty()

    benchmark.pedantic(add, args=(path,), setup=bare, rounds=ROUNDS)
    assert fresh_db.session.scalar(text("SELECT count(*) FROM timed_belief")) == MILLION
    ratio = benchmark.stats.stats.min / best
    benchmark.extra_info["ratio to a bare read and COPY"] = round(ratio, 2)
    benchmark.extra_info["times the peak for a quarter of the file"] = round(large / small, 2)
    assert ratio <= 3
    assert large <= 1.15 * small
