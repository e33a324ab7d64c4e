"""Forecasts of two days for a sensor, against one plain autoregression per horizon.

Accuracy is measured by `make benchmark-forecasting`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.forecasting.memory import resident
from flexmeasures.data.services.forecasting import create_forecasting_jobs
from flexmeasures.data.services.jobs import find_queue
from flexmeasures.data.services.tests.workers import workers
from flexmeasures.forecasting.tests.worlds import DAY, HOUR, QUARTER, START, make_world

HOME = Path(__file__).parents[1]
ROUNDS, SENSORS = 3, 100


def in_new_process(*arguments: str) -> Any:
    command = [sys.executable, "-m", "benchmarks.forecasting.speed", *arguments]
    done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("term", ["auto", "linear-OLS"])
def test_a_year_of_quarter_hours(benchmark: BenchmarkFixture, term: str) -> None:
    """From a new process to forecasts with a band: imports and the history included."""
    runs: list[dict[str, float]] = []
    seconds: list[float] = []

    def run() -> None:
        begin = time.perf_counter()
        runs.append(in_new_process("year", term))
        seconds.append(time.perf_counter() - begin)

    benchmark.pedantic(run, rounds=ROUNDS)
    best = {name: min(each[name] for each in runs) for name in runs[0]}
    plain = min(in_new_process("plain") for _ in range(ROUNDS))
    ratio = (best["fit"] + best["predict"]) / plain
    benchmark.extra_info["x one OLS-AR per horizon"] = round(ratio, 2)
    benchmark.extra_info["s for a fit"] = round(best["fit"], 2)
    benchmark.extra_info["s for forecasts of 48 h"] = round(best["predict"], 2)
    benchmark.extra_info["CPU s of the process"] = round(best["cpu"], 2)
    benchmark.extra_info["MB at most"] = round(best["peak"])
    assert min(seconds) < 5
    assert max(each["peak"] for each in runs) < 500


def test_memory_does_not_grow_from_sensor_to_sensor(benchmark: BenchmarkFixture) -> None:
    """All in one process, which queue workers do not even do."""
    held: list[float] = []
    benchmark.pedantic(lambda: held.extend(in_new_process("many", "auto", str(SENSORS))), rounds=1)
    growth = max(held[80:]) / max(held[:20])
    benchmark.extra_info["x the memory held after 20 sensors"] = round(growth, 3)
    benchmark.extra_info["s per sensor"] = round(benchmark.stats.stats.min / SENSORS, 2)
    assert growth < 1.05


def test_a_hundred_sensors_with_two_workers(
    benchmark: BenchmarkFixture, app: Flask, fresh_db: SQLAlchemy
) -> None:
    """Jobs for five weeks of quarter-hours each, made at once; what the workers hold meanwhile."""
    world = make_world()
    values = 10 + np.sin(np.arange(35 * 96) / 48 * np.pi) + np.random.default_rng(0).random(35 * 96)
    sensors = [world.add(f"meter {number}", QUARTER, unit="kW") for number in range(SENSORS)]
    for sensor in sensors:
        world.measure(values, sensor=sensor)
    fresh_db.session.commit()
    now = START + 35 * DAY
    queue = find_queue("forecasting")
    finished, failed = queue.finished_job_registry, queue.failed_job_registry
    held: dict[int, list[float]] = {}

    def run() -> None:
        for sensor in sensors:
            create_forecasting_jobs(sensor.id, now - HOUR, now, horizons=[timedelta(hours=24)])
        while (done := finished.get_job_count(cleanup=False)) < SENSORS:
            assert not failed.get_job_count(cleanup=False)
            held.setdefault(done, [resident(worker.process.pid) for worker in started])
            time.sleep(0.1)
        held[done] = [resident(worker.process.pid) for worker in started]

    with workers(2, queue="forecasting") as started:
        benchmark.pedantic(run, rounds=1)
    early = max(sum(each) for done, each in held.items() if done <= 20)
    growth = sum(held[SENSORS]) / early
    benchmark.extra_info["x the memory of the workers after 20 jobs"] = round(growth, 3)
    benchmark.extra_info["jobs a minute"] = round(60 * SENSORS / benchmark.stats.stats.min)
    assert growth < 1.05
