"""How far forecasts are off."""

from __future__ import annotations

import numpy as np

from flexmeasures.forecasting.engine.series import Floats


def wape(measured: Floats, forecast: Floats) -> float:
    """Sum of absolute errors by the sum of absolute measurements; events without one are left out.

    nan if all measurements are zero, or any forecast of a measured event is missing.
    """
    there = ~np.isnan(measured)
    total = np.abs(measured[there]).sum()
    if total == 0:
        return float("nan")
    return float(np.abs(measured[there] - forecast[there]).sum() / total)


def coverage(measured: Floats, low: Floats, high: Floats) -> float:
    """The share of measured events inside their band, of those that have a band."""
    there = ~(np.isnan(measured) | np.isnan(low) | np.isnan(high))
    if not there.any():
        return float("nan")
    return float(((low <= measured) & (measured <= high))[there].mean())


def relative_width(measured: Floats, low: Floats, high: Floats) -> float:
    """The mean width of the bands by the mean absolute measurement."""
    there = ~(np.isnan(measured) | np.isnan(low) | np.isnan(high))
    total = np.abs(measured[there]).sum()
    if total == 0:
        return float("nan")
    return float((high - low)[there].sum() / total)
