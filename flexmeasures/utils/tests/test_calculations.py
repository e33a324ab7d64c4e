from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures.utils.calculations import (
    drop_nan_rows,
    integrate_time_series,
    mean_absolute_error,
    mean_absolute_percentage_error,
    weighted_absolute_percentage_error,
)

flows = st.lists(st.floats(-100, 100), min_size=2, max_size=50)


def quarters(values: list[float], start: str = "2026-03-01T00:00") -> pd.Series:
    index = pd.date_range(start, periods=len(values), freq="15min", tz="Europe/Amsterdam")
    return pd.Series(values, index, dtype=float)


def test_stocks_from_flows() -> None:
    stocks = integrate_time_series(quarters([1, 2, 3, 4]), 10)
    assert stocks.tolist() == [10, 10.25, 10.75, 11.5, 12.5]
    assert stocks.index[0] == pd.Timestamp("2026-03-01T00:00+01:00")
    assert stocks.index[-1] == pd.Timestamp("2026-03-01T01:00+01:00")


def test_efficiencies_lose_both_ways() -> None:
    stocks = integrate_time_series(quarters([4, -4, 0]), 10, up_efficiency=0.9, down_efficiency=0.5)
    assert stocks.tolist() == pytest.approx([10, 10.9, 8.9, 8.9])
    by_slot = integrate_time_series(quarters([4, 4]), 0, up_efficiency=quarters([1, 0.5]))
    assert by_slot.tolist() == [0, 1, 1.5]


def test_rounding_is_only_shown() -> None:
    third = integrate_time_series(quarters([4 / 3] * 3), 0, decimal_precision=2)
    assert third.tolist() == [0, 0.33, 0.67, 1]


def test_a_clock_change_takes_no_time() -> None:
    stocks = integrate_time_series(quarters([4] * 8, "2026-03-29T01:00"), 0)
    assert stocks.iloc[-1] == 8
    assert stocks.index[-1] - stocks.index[0] == timedelta(hours=2)


def test_a_single_flow_needs_a_known_step() -> None:
    assert integrate_time_series(quarters([4]), 1).tolist() == [1, 2]
    with pytest.raises(ValueError, match="regular step"):
        integrate_time_series(pd.Series([4.0], pd.DatetimeIndex(["2026-03-01"])), 1)
    with pytest.raises(ValueError, match="regular step"):
        integrate_time_series(
            quarters([1, 2, 3]).drop(quarters([1, 2, 3]).index[1:2]).iloc[[0, 1, 1]], 1
        )


@given(flows, st.floats(0.1, 1), st.floats(-1000, 1000))
def test_losses_only_ever_lower_the_stock(
    values: list[float], efficiency: float, initial: float
) -> None:
    lossless = integrate_time_series(quarters(values), initial)
    lossy = integrate_time_series(quarters(values), initial, efficiency, efficiency)
    assert len(lossy) == len(values) + 1
    assert (lossy <= lossless + 1e-6).all()
    assert np.diff(lossless) == pytest.approx(np.array(values) / 4, abs=1e-9)


def test_errors_of_forecasts() -> None:
    truth, forecast = [1, -2, 4], [2, -2, 2]
    assert mean_absolute_error(truth, forecast) == 1
    assert mean_absolute_percentage_error(truth, forecast) == 0.5
    assert weighted_absolute_percentage_error(truth, forecast) == pytest.approx(3 / 7)


def test_errors_around_zero() -> None:
    assert mean_absolute_percentage_error([0, 2], [0, 1]) == 0.25
    assert math.isinf(mean_absolute_percentage_error([0, 2], [1, 2]))
    assert weighted_absolute_percentage_error([0, 0], [0, 0]) == 0
    assert math.isinf(weighted_absolute_percentage_error([0, 0], [0, 1]))


def test_unknown_values_are_dropped_in_pairs() -> None:
    one, other = drop_nan_rows([1, np.nan, 3, 4], [5, 6, np.nan, 8])
    assert (one.tolist(), other.tolist()) == ([1, 4], [5, 8])
