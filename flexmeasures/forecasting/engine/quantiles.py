"""Bands around forecasts: as wide as forecasts of the past were wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from flexmeasures.forecasting.engine.sample import Anchors
from flexmeasures.forecasting.engine.series import Floats, Steps

LEAST = 20
FEWEST = 20.0
"""Bands are not widened further than for so many independent errors: to the largest of all."""


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
        weight: Floats | None = None,
        independent: Callable[[float], float] | None = None,
        most: int = 8,
    ) -> Bands:
        """From forecasts of events that their models had not seen (measured - forecast).

        weight : how much each error counts; all the same by default
        independent : how many of the errors at a lead are independent of each other, about
        """
        anchors = Anchors.of(lead, most)
        nearest = anchors.shares(lead).argmax(axis=1)
        scaled = errors / expected
        weight = np.ones(len(errors)) if weight is None else weight
        rows = []
        for number, anchor in enumerate(anchors.leads.tolist()):
            near = nearest == number
            if near.sum() < LEAST:
                near = np.ones(len(errors), dtype=bool)
            size = near.sum() if independent is None else min(near.sum(), independent(anchor))
            rows.append(_quantiles(scaled[near], weight[near], probabilities, float(size)))
        return cls(anchors, np.array(rows).reshape(len(anchors), len(probabilities)))

    def around(self, values: Floats, expected: Floats, lead: Floats) -> Floats:
        """(m, q) rising along the second axis."""
        return values[:, None] + expected[:, None] * self.anchors.blend(self.errors, lead)


def independent_days(days: float, per_day: float) -> Callable[[float], float]:
    """Errors at a lead of days go on for days, so fewer of them are independent."""
    return lambda lead: days / (1 + max(lead, 0.0) / per_day)


def recent_first(when: Steps) -> Floats:
    """Weights that rise fourfold from the oldest to the newest: levels and habits move."""
    age = (when.max() - when) / max(float(np.ptp(when)), 1.0)
    weight: Floats = 0.25**age
    return weight


def _quantiles(
    errors: Floats, weight: Floats, probabilities: tuple[float, ...], independent: float
) -> Floats:
    """Of few errors, slightly wider than they are: the next one may be larger than all before."""
    wanted = np.array(probabilities)
    if not len(errors):
        return np.zeros(len(wanted))
    size = max(independent, FEWEST)
    corrected = np.clip(0.5 + (wanted - 0.5) * (size + 1) / size, 0.0, 1.0)
    order = np.argsort(errors, kind="stable")
    below = np.cumsum(weight[order]) - 0.5 * weight[order]
    found = np.interp(corrected, below / weight.sum(), errors[order])
    # The point forecast is the median, so no quantile is on its wrong side.
    found = np.where(wanted < 0.5, np.minimum(found, 0.0), np.maximum(found, 0.0))
    return np.where(wanted == 0.5, 0.0, found)
