"""What a quantity cannot be, as its history shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flexmeasures.forecasting.engine.series import Floats, Series

PLATEAU = 0.005
BEYOND = 0.5


@dataclass(frozen=True)
class Limits:
    """Forecasts stay within these."""

    lower: float
    upper: float
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, series: Series, values: Floats) -> Limits:
        """Those of the series, narrowed by what its (clean) values say.

        A quantity that was never negative will not be, nor one that was never positive. Where a
        share of the values is just at the highest or the lowest, that is a plateau, such as the
        rated power of a plant. Otherwise forecasts may go beyond what has been by half its range.
        """
        seen = values[np.isfinite(values)]
        if not len(seen):
            return cls(series.lower, series.upper)
        low, high = float(seen.min()), float(seen.max())
        span = high - low
        notes = []
        lower, upper = low - BEYOND * span, high + BEYOND * span
        if low >= 0:
            lower = max(lower, 0.0)
            notes.append("The quantity was never negative, so forecasts are not.")
        elif high <= 0:
            upper = min(upper, 0.0)
            notes.append("The quantity was never positive, so forecasts are not.")
        if span > 0 and (seen > high - 1e-3 * span).mean() > PLATEAU:
            upper = high
            notes.append(
                f"The quantity is often at its highest, {high:g}, so forecasts stay below."
            )
        if span > 0 and (seen < low + 1e-3 * span).mean() > PLATEAU:
            lower = low
        return cls(max(lower, series.lower), min(upper, series.upper), tuple(notes))

    def apply(self, values: Floats) -> Floats:
        return np.clip(values, self.lower, self.upper)
