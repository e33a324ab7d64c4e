"""Gaps, ties and prices, as arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures.scheduling.inputs import fill_gaps, money_per_mwh, with_slope

PRICES = st.lists(st.floats(-500, 500), min_size=1, max_size=50)


@pytest.mark.parametrize(
    ("known", "filled"),
    [
        ([1, 2, 3], [1, 2, 3]),
        ([np.nan, np.nan, 3, 4], [3, 3, 3, 4]),
        ([1, np.nan, 3, np.nan, np.nan], [1, 1, 3, 3, 3]),
        ([np.nan, 2, np.nan], [2, 2, 2]),
    ],
)
def test_gaps(known: list[float], filled: list[float]) -> None:
    assert fill_gaps(np.array(known, dtype=float)).tolist() == filled


@given(PRICES, st.data())
def test_what_is_known_stays(prices: list[float], data: st.DataObject) -> None:
    known = np.array(prices)
    keep = data.draw(st.integers(0, len(prices) - 1))
    holes = data.draw(st.lists(st.booleans(), min_size=len(prices), max_size=len(prices)))
    known[np.array(holes)] = np.nan
    known[keep] = prices[keep]
    filled = fill_gaps(known)
    assert not np.isnan(filled).any()
    assert (filled == known)[~np.isnan(known)].all()
    assert set(filled) <= set(known[~np.isnan(known)])


@pytest.mark.parametrize(
    ("prices", "sloped"),
    [
        ([10, 20], [10, 20.01]),
        ([100] * 4, [100, 100.000333, 100.000667, 100.001]),
        ([5], [5]),
    ],
)
def test_slope(prices: list[float], sloped: list[float]) -> None:
    assert with_slope(np.array(prices, dtype=float)) == pytest.approx(sloped, abs=1e-6)


@given(PRICES)
def test_the_slope_is_tiny_and_rising(prices: list[float]) -> None:
    series = np.array(prices)
    added = with_slope(series) - series
    spread = float(np.ptp(series))
    assert (np.diff(added) >= -1e-9).all()
    assert added.max() <= max(0.001 * spread, 0.001) + 1e-9


@pytest.mark.parametrize(
    ("value", "money"), [(30, 30), ("30", 30), ("0.03 EUR/kWh", 30), ("30 EUR/MWh", 30)]
)
def test_money(value: float | str, money: float) -> None:
    assert money_per_mwh("soc-value-at-end", value, "EUR") == pytest.approx(money)


@pytest.mark.parametrize("value", ["30 KRW/MWh", "30 EUR", "30 kWh"])
def test_other_money(value: str) -> None:
    with pytest.raises(ValueError, match="soc-value-at-end should be in EUR/MWh"):
        money_per_mwh("soc-value-at-end", value, "EUR")
