"""What everybody could do: simple forecasts, written without the product's models.

Each tells, for events as seen from viewpoints, what it would have said: arrays of equal length.
An event is known when it ends: who stands at viewpoint v knows the events before v.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flexmeasures.forecasting.engine.series import Floats, Steps

Refits = Steps  # (k,) viewpoints, rising; the first is not after the first viewpoint of a forecast
Baseline = Callable[[Floats, int, Steps, Steps, Refits], Floats]

RECENT_LAGS = 7
DAILY_LAGS = 7
TRAINING_DAYS = 30
SEARCH_DAYS = 56  # how far back the seasonal rules look for a day that was measured


def persistence(
    values: Floats, per_day: int, events: Steps, viewpoints: Steps, refits: Refits
) -> Floats:
    """The last value that is known at the viewpoint."""
    last = last_valid(values)
    at = last[np.clip(viewpoints - 1, 0, len(values) - 1)]
    return np.where((at >= 0) & (viewpoints > 0), values[at], np.nan)


def seasonal_naive(
    values: Floats, per_day: int, events: Steps, viewpoints: Steps, refits: Refits
) -> Floats:
    """The value a whole number of days before, the smallest number for which one is known."""
    return _same_slot(values, per_day, events, viewpoints, searched=SEARCH_DAYS)


def weekly_naive(
    values: Floats, per_day: int, events: Steps, viewpoints: Steps, refits: Refits
) -> Floats:
    """As the seasonal naive forecast, in whole weeks."""
    return _same_slot(values, 7 * per_day, events, viewpoints, searched=SEARCH_DAYS // 7)


def _same_slot(
    values: Floats, period: int, events: Steps, viewpoints: Steps, searched: int
) -> Floats:
    found = np.full(len(events), np.nan)
    back = (events - viewpoints) // period + 1  # the first that ends at or before the viewpoint
    for further in range(searched):
        at = events - (back + further) * period
        found = np.where(np.isnan(found) & (at >= 0), values[np.clip(at, 0, None)], found)
    fallback = persistence(values, period, events, viewpoints, viewpoints[:1])
    return np.where(np.isnan(found), fallback, found)


def ols_ar(
    values: Floats, per_day: int, events: Steps, viewpoints: Steps, refits: Refits
) -> Floats:
    """Least squares on 7 recent and 7 daily lags, one fit per horizon and refit, on 30 days.

    Gaps in lags are interpolated by time where both ends are known, and else filled with the last
    value. Events that were not measured are not trained on.
    """
    forecasts = np.full(len(events), np.nan)
    block = np.searchsorted(refits, viewpoints, side="right") - 1
    distances = events - viewpoints
    for ahead in np.unique(distances):
        for number in np.unique(block[distances == ahead]):
            chosen = (distances == ahead) & (block == number)
            refit = int(refits[number])
            coefficients = _fit(values, per_day, int(ahead), refit)
            inputs = _inputs(values, per_day, events[chosen], int(ahead))
            forecasts[chosen] = inputs @ coefficients
    return forecasts


def lags(per_day: int, ahead: int) -> Steps:
    """(14,) or less, rising: recent steps, and whole days, that are known so far ahead."""
    recent = ahead + 1 + np.arange(RECENT_LAGS)
    daily = (1 + ahead // per_day + np.arange(DAILY_LAGS)) * per_day
    return np.unique(np.concatenate([recent, daily]))


def _fit(values: Floats, per_day: int, ahead: int, refit: int) -> Floats:
    known = values[:refit]
    first = max(refit - TRAINING_DAYS * per_day, int(lags(per_day, ahead).max()), 0)
    events = np.arange(first, refit)
    events = events[~np.isnan(known[events])]
    inputs = _inputs(known, per_day, events, ahead)
    complete = ~np.isnan(inputs).any(axis=1)
    if not complete.any():
        return np.full(inputs.shape[1], np.nan)
    solution = np.linalg.lstsq(inputs[complete], known[events[complete]], rcond=None)
    return solution[0].astype(np.float64)


def _inputs(values: Floats, per_day: int, events: Steps, ahead: int) -> Floats:
    """(m, 1 + lags): a constant, and the values before the events, as seen `ahead` steps before."""
    at = events[:, None] - lags(per_day, ahead)[None, :]
    filled = interpolated(values, at, (events - ahead)[:, None])
    return np.concatenate([np.ones((len(events), 1)), filled], axis=1)


def interpolated(values: Floats, at: Steps, viewpoints: Steps) -> Floats:
    """Values at steps, gaps filled with nothing that was not known at the viewpoint yet."""
    size = len(values)
    before, after = last_valid(values), next_valid(values)
    inside = np.clip(at, 0, size - 1)
    low, high = before[inside], after[inside]
    between = (low >= 0) & (high < np.minimum(viewpoints, size))
    safe = np.where(between, high, np.clip(low, 0, None))
    low = np.clip(low, 0, None)
    share = (inside - low) / np.maximum(safe - low, 1)
    result = values[low] + share * (values[safe] - values[low])
    return np.where((at >= 0) & (before[inside] >= 0), result, np.nan)


def last_valid(values: Floats) -> Steps:
    """(n,) for each step, the last one up to it that has a value; -1 if there is none."""
    steps = np.where(np.isnan(values), -1, np.arange(len(values)))
    return np.maximum.accumulate(steps)


def next_valid(values: Floats) -> Steps:
    """(n,) for each step, the first one from it on that has a value; n if there is none."""
    steps = np.where(np.isnan(values), len(values), np.arange(len(values)))
    return np.minimum.accumulate(steps[::-1])[::-1]


BASELINES: dict[str, Baseline] = {
    "persistence": persistence,
    "seasonal": seasonal_naive,
    "weekly": weekly_naive,
    "OLS-AR": ols_ar,
}
