"""Made-up series whose drivers are known."""

from __future__ import annotations

import numpy as np

from flexmeasures.forecasting.engine.series import Calendar, Floats, Regressor, Series


def calendar(count: int, per_day: float, first_day: int = 18_000) -> Calendar:
    """From a Monday on, without clock changes."""
    minute = np.floor(np.arange(count) * 1440 / per_day + 1e-6).astype(np.int64)
    day = minute // 1440
    first_day -= (first_day + 3) % 7
    return Calendar(
        day=day + first_day,
        minute=minute % 1440,
        weekday=day % 7,
        yearday=day % 365,
        holiday=np.zeros(count),
    )


def series_of(values: Floats, per_day: float = 24, **others: object) -> Series:
    values = np.asarray(values, dtype=np.float64)
    return Series(values, per_day, calendar(len(values), per_day), **others)  # type: ignore[arg-type]


def building(days: int, per_day: int = 24, noise: float = 3.0, future: int = 3) -> Series:
    """Load of an office: busy on workdays from 8 to 18, with noise that lasts for hours."""
    count = (days + future) * per_day
    when = calendar(count, per_day)
    busy = (when.weekday < 5) & (when.minute >= 480) & (when.minute < 1080)
    values = 40.0 + 60.0 * busy + lasting(count, noise)
    values[days * per_day :] = np.nan
    return Series(values, per_day, when)


def lasting(count: int, size: float, seed: int = 1) -> Floats:
    """Noise of which 80 % is left in the next step."""
    shocks = np.random.default_rng(seed).normal(size=count) * size * 0.6
    noise = np.zeros(count)
    for step in range(1, count):
        noise[step] = 0.8 * noise[step - 1] + shocks[step]
    return noise


def always_known(values: Floats) -> Regressor:
    steps = np.arange(len(values))
    return Regressor(steps, np.full(len(values), -(10**6)), np.asarray(values, np.float64))


def known_after(values: Floats) -> Regressor:
    steps = np.arange(len(values))
    return Regressor(steps, steps + 1, np.asarray(values, np.float64))
