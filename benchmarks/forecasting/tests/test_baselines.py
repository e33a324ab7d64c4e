"""Simple forecasts, by hand: 4 steps a day."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.forecasting import baselines
from benchmarks.forecasting.baselines import Baseline, interpolated, lags
from flexmeasures.forecasting.engine.series import Floats

NAN = np.nan
PER_DAY = 4


def forecast(baseline: Baseline, values: Floats, event: int, viewpoint: int) -> float:
    viewpoints = np.array([viewpoint])
    return float(baseline(values, PER_DAY, np.array([event]), viewpoints, viewpoints)[0])


def test_persistence_is_the_last_known_value() -> None:
    values = np.array([5.0, 7.0, NAN, NAN, 9.0])
    assert forecast(baselines.persistence, values, event=1, viewpoint=1) == 5
    assert forecast(baselines.persistence, values, event=4, viewpoint=4) == 7
    assert np.isnan(forecast(baselines.persistence, values, event=4, viewpoint=0))


@pytest.mark.parametrize(
    ("viewpoint", "expected"),
    [
        (11, 7),  # one day before event 11
        (8, 7),  # which has just ended
        (7, 3),  # which has not
        (4, 3),
    ],
)
def test_seasonal_naive_goes_back_to_the_last_day_that_is_known(
    viewpoint: int, expected: float
) -> None:
    values = np.arange(12.0)
    assert forecast(baselines.seasonal_naive, values, 11, viewpoint) == expected


def test_seasonal_naive_skips_days_that_were_not_measured() -> None:
    values = np.arange(12.0)
    values[7] = NAN
    assert forecast(baselines.seasonal_naive, values, 11, 11) == 3


def test_seasonal_naive_without_a_day_before_is_persistence() -> None:
    assert forecast(baselines.seasonal_naive, np.array([5.0, 7.0, 9.0]), 2, 2) == 7


def test_weekly_naive_goes_back_by_weeks() -> None:
    values = np.arange(60.0)
    assert forecast(baselines.weekly_naive, values, 58, 58) == 58 - 28
    assert forecast(baselines.weekly_naive, values, 58, 30) == 58 - 56


@pytest.mark.parametrize(
    ("horizon_steps", "recent", "daily"),
    [
        (4, range(4, 11), range(96, 673, 96)),  # 1 h of 15-minute values
        (24, range(24, 31), range(96, 673, 96)),
        (96, range(96, 103), range(96, 673, 96)),
        (192, range(192, 199), range(192, 769, 96)),
    ],
)
def test_lags(horizon_steps: int, recent: range, daily: range) -> None:
    assert lags(96, horizon_steps - 1).tolist() == sorted({*recent, *daily})


@pytest.mark.parametrize(
    ("viewpoint", "expected"),
    [
        (5, 30.0),  # both ends are known
        (4, 10.0),  # the end of the gap is not known yet
    ],
)
def test_gaps_are_interpolated_from_what_was_known(viewpoint: int, expected: float) -> None:
    values = np.array([0.0, 10.0, NAN, NAN, 40.0, 0.0])
    at, viewpoints = np.array([[3]]), np.array([[viewpoint]])
    assert interpolated(values, at, viewpoints)[0, 0] == expected


def test_before_the_first_value_nothing_is_interpolated() -> None:
    values = np.array([NAN, 10.0])
    at = np.array([[0, -1, 1]])
    assert np.isnan(interpolated(values, at, np.array([[2]]))).tolist() == [[True, True, False]]


def test_ols_ar_finds_a_linear_rule() -> None:
    """Each value is 2 plus half the one two steps before, and that is a lag one step ahead."""
    values = np.random.default_rng(0).normal(size=400)
    for step in range(2, 400):
        values[step] += 2 + 0.5 * values[step - 2]
    values[348] = 100
    event, refits = np.array([350]), np.array([340])
    found = baselines.ols_ar(values, PER_DAY, event, event, refits)
    assert found == pytest.approx(52, abs=15)


@pytest.mark.parametrize("baseline", baselines.BASELINES.values(), ids=baselines.BASELINES)
def test_nothing_after_the_viewpoint_is_used(baseline: Baseline) -> None:
    values = np.random.default_rng(1).normal(size=400)
    values[[150, 151, 290, 299]] = NAN
    poisoned = values.copy()
    poisoned[300:] = 1e9
    events = np.repeat(np.arange(300, 312), 2)
    viewpoints = np.minimum(events - np.tile([0, 3], 12), 300)
    refits = np.array([280, 300])
    assert np.array_equal(
        baseline(values, PER_DAY, events, viewpoints, refits),
        baseline(poisoned, PER_DAY, events, viewpoints, refits),
    )


def test_ols_ar_is_fitted_before_the_refit_only() -> None:
    values = np.random.default_rng(2).normal(size=400)
    poisoned = values.copy()
    poisoned[300:350] = 1e9  # between the fit and the lags, of which the oldest are 28 steps back
    events, viewpoints, refits = np.array([390]), np.array([390]), np.array([300])
    assert np.array_equal(
        baselines.ols_ar(values, PER_DAY, events, viewpoints, refits),
        baselines.ols_ar(poisoned, PER_DAY, events, viewpoints, refits),
    )
