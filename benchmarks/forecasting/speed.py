"""What forecasts of one made-up sensor take, measured in a process of its own.

python -m benchmarks.forecasting.speed year TERM : a fit and forecasts of a year of quarter-hours
python -m benchmarks.forecasting.speed plain : one plain autoregression per horizon instead
python -m benchmarks.forecasting.speed many TERM COUNT : sensor after sensor, with less history

They print their findings as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from benchmarks.forecasting import memory
from benchmarks.forecasting.baselines import ols_ar
from benchmarks.forecasting.datasets import make_calendar
from benchmarks.forecasting.evaluation import BAND
from benchmarks.forecasting.models import find
from flexmeasures.forecasting.engine.series import Regressor, Series

PER_DAY = 96
AHEAD = 2 * PER_DAY


@dataclass(frozen=True)
class Taken:
    """Wall-clock seconds and megabytes.

    cpu : seconds of the whole process, imports included
    peak, before : megabytes at most, and before the model was imported
    """

    fit: float
    predict: float
    cpu: float
    peak: float
    before: float


def make_series(days: int, seed: int) -> Series:
    """A load that follows the hour, the day of the week and a temperature that is forecast."""
    random = np.random.default_rng(seed)
    starts = pd.date_range("2023-01-01", periods=(days + 2) * PER_DAY, freq="15min", tz="UTC")
    steps = np.arange(len(starts))
    temperature = 10 - 8 * np.cos(2 * np.pi * steps / (365 * PER_DAY))
    temperature += np.convolve(random.normal(size=len(steps)), np.ones(PER_DAY) / 10, "same")
    day = 1 + np.sin(2 * np.pi * (steps % PER_DAY) / PER_DAY - 2)
    values = 2 + day * (1 + 0.5 * (starts.weekday < 5)) + 0.1 * np.abs(18 - temperature)
    values = values + 0.3 * random.normal(size=len(steps))
    weather = Regressor(steps, steps - AHEAD, temperature)
    calendar = make_calendar(starts, "Europe/Amsterdam")
    return Series(values, PER_DAY, calendar, regressors={"temperature": weather})


def forecast(term: str, series: Series) -> tuple[float, float]:
    """Fit, and forecast two days; the seconds that each takes."""
    viewpoint = len(series) - AHEAD
    events = np.arange(viewpoint, len(series))
    begin = time.perf_counter()
    fitted = find(term).fit(series.up_to(viewpoint), viewpoint, events - viewpoint, BAND)
    fitted_at = time.perf_counter()
    found = fitted.predict(series.up_to(viewpoint), events, np.full_like(events, viewpoint))
    assert np.isfinite(found.values).all()
    return fitted_at - begin, time.perf_counter() - fitted_at


def year(term: str) -> Taken:
    series = make_series(365, seed=0)
    before = memory.resident()
    with memory.peak() as peak:
        fit, predict = forecast(term, series)
    return Taken(fit, predict, time.process_time(), peak.megabytes, before)


def plain() -> float:
    """Seconds for one OLS-AR per horizon, given no more history than it needs."""
    series = make_series(40, seed=0)
    viewpoint = len(series) - AHEAD
    events = np.arange(viewpoint, len(series))
    begin = time.perf_counter()
    viewpoints = np.full_like(events, viewpoint)
    ols_ar(series.up_to(viewpoint).values, PER_DAY, events, viewpoints, viewpoints[:1])
    return time.perf_counter() - begin


def many(term: str, count: int) -> list[float]:
    """Megabytes after each sensor."""
    held = []
    for seed in range(count):
        forecast(term, make_series(35, seed))
        held.append(memory.resident())
    return held


def main(what: str, *arguments: str) -> object:
    if what == "plain":
        return plain()
    return many(arguments[0], int(arguments[1])) if what == "many" else asdict(year(*arguments))


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
