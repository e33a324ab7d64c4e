"""The default: lines and trees, in the shares in which they were least wrong together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flexmeasures.forecasting.engine.boosted import Trees, fit_trees
from flexmeasures.forecasting.engine.features import Bounds, Past
from flexmeasures.forecasting.engine.fitted import Learnt
from flexmeasures.forecasting.engine.limits import Limits
from flexmeasures.forecasting.engine.linear import inputs_of
from flexmeasures.forecasting.engine.lines import Lines, fit_lines
from flexmeasures.forecasting.engine.quantiles import Bands
from flexmeasures.forecasting.engine.sample import Sample, draw
from flexmeasures.forecasting.engine.series import Floats, Series, Steps

MOST_PAIRS = 40_000
LEAST_PAIRS = 300
RECENT_DAYS = 28


@dataclass(frozen=True, eq=False)
class Blend:
    """The mean of lines, and of lines with what trees add to them."""

    lines: Lines
    trees: Trees
    typical: float

    def values(self, features: dict[str, Floats]) -> Floats:
        straight = self.lines(inputs_of(features), features["lead"])
        return straight + 0.5 * self.trees(features)

    def expected_error(self, features: dict[str, Floats], values: Floats) -> Floats:
        return np.full(len(values), self.typical)


def fit_blend(sample: Sample) -> Blend:
    inputs = inputs_of(sample.features)
    lines = fit_lines(
        inputs,
        sample.lead,
        sample.target,
        np.ones(len(sample)),
        ridge=1e-3,
        absolute=True,
        most=8,
    )
    rest = sample.target - lines(inputs, sample.lead)
    return Blend(lines, fit_trees(sample.features, rest), 1.0)


class Auto:
    """The rung auto."""

    def fit(
        self, series: Series, viewpoint: int, ahead: Steps, quantiles: tuple[float, ...] = ()
    ) -> Learnt:
        """Learn from what was known at the viewpoint (see `Model`)."""
        known = series.up_to(viewpoint)
        bounds = Bounds.of(known.values, int(RECENT_DAYS * series.steps_per_day))
        past = Past(known, bounds)
        sample = draw(past, viewpoint, ahead, MOST_PAIRS, LEAST_PAIRS)
        limits = Limits.of(series, past.values)
        core = fit_blend(sample)
        bands = None
        if quantiles:
            cut = np.quantile(sample.viewpoints, 0.7)
            early, late = sample.part(sample.events < cut), sample.part(sample.viewpoints >= cut)
            values = limits.apply(fit_blend(early).values(late.features))
            expected = core.expected_error(late.features, values)
            bands = Bands.of(late.target - values, expected, late.lead, quantiles)
        return Learnt(core, bounds, limits, bands, tuple(series.regressors), limits.notes)
