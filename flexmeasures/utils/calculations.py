"""Calculations on time series: stocks from flows, and how wrong forecasts were."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Vector = NDArray[np.float64]


def integrate_time_series(
    series: pd.Series,
    initial_stock: float,
    up_efficiency: float | pd.Series = 1,
    down_efficiency: float | pd.Series = 1,
    decimal_precision: int | None = None,
) -> pd.Series:
    """What a flow adds up to.

    series : (n,) flows per hour, each lasting until the next; positive ones fill the stock
    initial_stock : at the start of the first flow
    up_efficiency : the part of a positive flow that reaches the stock
    down_efficiency : the part of what leaves the stock that reaches the negative flow
    Returns (n + 1,) stocks: at each start, and at the end of the last flow. With kW come kWh.
    """
    import pandas as pd

    resolution = _resolution_of(series)
    kept = np.where(series > 0, series * up_efficiency, series / down_efficiency)
    stocks = initial_stock + np.cumsum(kept) * (resolution / timedelta(hours=1))
    if decimal_precision is not None:
        stocks = np.round(stocks, decimal_precision)
    moments = series.index.append(series.index[-1:] + resolution)
    return pd.Series(np.concatenate([[initial_stock], stocks]), index=moments, dtype=float)


def _resolution_of(series: pd.Series) -> timedelta:
    """How long each value lasts; a ValueError for series without a regular step."""
    import pandas as pd

    if resolution := getattr(series, "event_resolution", None):
        return pd.Timedelta(resolution)
    steps = set(series.index.diff()[1:])
    if not steps and series.index.freq is not None:
        return pd.Timedelta(series.index.freq)
    if len(steps) != 1:
        raise ValueError(
            "Cannot integrate a series without a regular step: its index should have a frequency."
        )
    step: timedelta = steps.pop()
    return step


def mean_absolute_error(v_true: ArrayLike, v_forecasted: ArrayLike) -> float:
    """Mean of |truth - forecast|, in the unit of the values."""
    return float(np.mean(_absolute_errors(v_true, v_forecasted)))


def mean_absolute_percentage_error(v_true: ArrayLike, v_forecasted: ArrayLike) -> float:
    """Mean of |truth - forecast| / |truth|, as a fraction.

    Infinite if the truth is 0 somewhere where the forecast is not.
    """
    errors, sizes = _absolute_errors(v_true, v_forecasted), np.abs(np.asarray(v_true, dtype=float))
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.mean(np.where(errors == 0, 0, errors / sizes)))


def weighted_absolute_percentage_error(v_true: ArrayLike, v_forecasted: ArrayLike) -> float:
    """Sum of |truth - forecast| / sum of |truth|, as a fraction.

    Infinite if the truth is 0 everywhere and the forecast is not.
    """
    error, size = _absolute_errors(v_true, v_forecasted).sum(), np.abs(np.asarray(v_true)).sum()
    with np.errstate(divide="ignore"):
        return float(np.divide(error, size)) if error else 0.0


def _absolute_errors(v_true: ArrayLike, v_forecasted: ArrayLike) -> Vector:
    errors: Vector = np.abs(np.asarray(v_true, dtype=float) - np.asarray(v_forecasted, dtype=float))
    return errors


def drop_nan_rows(a: ArrayLike, b: ArrayLike) -> tuple[Vector, Vector]:
    """Two vectors of equal length, without the places at which either has no number."""
    one, other = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    known = ~(np.isnan(one) | np.isnan(other))
    return one[known], other[known]
