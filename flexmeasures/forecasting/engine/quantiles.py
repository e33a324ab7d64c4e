"""Bands around forecasts: as wide as forecasts of the past were wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flexmeasures.forecasting.engine.sample import Anchors
from flexmeasures.forecasting.engine.series import Floats

LEAST = 20


@dataclass(frozen=True, eq=False)
class Bands:
    """Quantiles of errors by lead, in units of the error that is to be expected.

    errors : (anchors, q) added, times the expected error, to the forecast
    """

    anchors: Anchors
    errors: Floats

    @classmethod
    def of(
        cls,
        errors: Floats,
        expected: Floats,
        lead: Floats,
        probabilities: tuple[float, ...],
        independent: float = np.inf,
        most: int = 8,
    ) -> Bands:
        """From forecasts of events that their models had not seen (measured - forecast).

        independent : how many of the errors are independent of each other, about, for each lead
        """
        anchors = Anchors.of(lead, most)
        nearest = anchors.shares(lead).argmax(axis=1)
        scaled = errors / expected
        rows = []
        for number in range(len(anchors)):
            near = scaled[nearest == number]
            rows.append(
                _quantiles(near if len(near) >= LEAST else scaled, probabilities, independent)
            )
        return cls(anchors, np.array(rows).reshape(len(anchors), len(probabilities)))

    def around(self, values: Floats, expected: Floats, lead: Floats) -> Floats:
        """(m, q) rising along the second axis."""
        return values[:, None] + expected[:, None] * self.anchors.blend(self.errors, lead)


def _quantiles(errors: Floats, probabilities: tuple[float, ...], independent: float) -> Floats:
    """Of few errors, slightly wider than they are: the next one may be larger than all before."""
    wanted = np.array(probabilities)
    if not len(errors):
        return np.zeros(len(wanted))
    size = max(min(len(errors), independent), 1.0)
    corrected = np.clip(0.5 + (wanted - 0.5) * (size + 1) / size, 0.0, 1.0)
    found: Floats = np.quantile(errors, corrected)
    # The point forecast is the median, so no quantile is on its wrong side.
    found = np.where(wanted < 0.5, np.minimum(found, 0.0), np.maximum(found, 0.0))
    return np.where(wanted == 0.5, 0.0, found)
