"""How wrong a forecast will be: less at night than at noon, less on quiet days than on wild."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flexmeasures.forecasting.engine.boosted import Growth, Trees, fit_trees
from flexmeasures.forecasting.engine.quantiles import Bands, independent_days, recent_first
from flexmeasures.forecasting.engine.sample import Sample
from flexmeasures.forecasting.engine.series import Floats

GROWTH = Growth(rounds=30, leaves=6, fewest_in_leaf=100, step=0.1, loss="squared_error")
LEAST = 0.05
"""The least error to expect, in shares of the mean error."""

PARTS = 4
FEWEST = 50
TELLING = (
    "lead",
    "minute",
    "rest",
    "saturday",
    "usual_daily",
    "usual_kind",
    "usual_week",
    "day_0",
    "week_0",
    "latest_0",
)


@dataclass(frozen=True, eq=False)
class Spread:
    """The absolute error to expect."""

    trees: Trees
    least: float

    def __call__(self, features: dict[str, Floats], values: Floats) -> Floats:
        """(m,) for forecasts with these features; more than zero."""
        return np.maximum(self.trees(_about(features, values)), self.least)


def fit_spread(features: dict[str, Floats], values: Floats, errors: Floats) -> Spread:
    """From forecasts of events that their models had not seen."""
    size = np.abs(errors)
    trees = fit_trees(_about(features, values), size, GROWTH)
    return Spread(trees, max(LEAST * float(size.mean()), 1e-12))


def fit_bands(
    sample: Sample, values: Floats, probabilities: tuple[float, ...], per_day: float
) -> tuple[Spread, Bands]:
    """Errors to expect, and quantiles of the errors there were, in units of those.

    Each stretch of time is scaled by what was learnt of the other ones: to what it was learnt from,
    a model looks better than it is.
    """
    errors = sample.target - values
    begin, end = sample.viewpoints.min(), sample.viewpoints.max()
    part = (sample.viewpoints - begin) * PARTS // (end - begin + 1)
    whole = fit_spread(sample.features, values, errors)
    expected = whole(sample.features, values)
    for number in range(PARTS):
        inside = part == number
        if not inside.any() or (~inside).sum() < FEWEST:
            continue
        rest = sample.part(~inside)
        learnt = fit_spread(rest.features, values[~inside], errors[~inside])
        expected[inside] = learnt(sample.part(inside).features, values[inside])
    bands = Bands.of(
        errors,
        expected,
        sample.lead,
        probabilities,
        recent_first(sample.viewpoints),
        independent_days((end - begin) / per_day, per_day),
    )
    return whole, bands


def _about(features: dict[str, Floats], values: Floats) -> dict[str, Floats]:
    found = {name: features[name] for name in TELLING}
    found["forecast"] = values
    found["apart"] = np.abs(values - features["usual_kind"])
    found["anomaly"] = np.abs(features["anomaly_kind"])
    return found
