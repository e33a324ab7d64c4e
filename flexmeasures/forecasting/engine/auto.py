"""The default: lines, trees and simple forecasts, in shares chosen by back-testing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flexmeasures.forecasting.engine.blend import Shares, choose_shares
from flexmeasures.forecasting.engine.boosted import Growth, Trees, fit_trees
from flexmeasures.forecasting.engine.features import Bounds, Past
from flexmeasures.forecasting.engine.fitted import Learnt
from flexmeasures.forecasting.engine.limits import Limits
from flexmeasures.forecasting.engine.linear import inputs_of
from flexmeasures.forecasting.engine.lines import Lines, fit_lines
from flexmeasures.forecasting.engine.sample import Sample, draw
from flexmeasures.forecasting.engine.series import Floats, Series, Steps
from flexmeasures.forecasting.engine.spread import Spread, fit_bands
from flexmeasures.forecasting.engine.threads import one_thread

MOST_PAIRS = 20_000
LEAST_PAIRS = 300
MOST_LEADS = 8
RECENT_DAYS = 28
TESTED = 0.3
"""The last share of the viewpoints that forecasts are tested on, by models that do not know it."""

HALF_LIFE = 90
"""Days after which what was seen counts half, to the line that follows changes."""

CORRECTING = Growth(rounds=80)
WHOLE = Growth(rounds=100)
SIMPLE = ("latest_0", "day_0", "week_0", "usual_daily", "usual_kind", "usual_week")
LEARNT = ("steady line", "recent line", "corrected line", "trees", "plain line")
START = np.array([1.0, 1.0, 1.0, 1.0, 0.0] + [0.0] * len(SIMPLE))
PLAIN = ("latest_", "day_")
"""What the plain line looks at: it has little to get wrong."""


@dataclass(frozen=True, eq=False)
class Experts:
    """What forecasts are mixed from.

    steady, recent : lines; the recent one weighs rows by their age
    correction : trees that are added to the steady line
    trees : trees by themselves
    plain : a line on lags alone, of least squares
    """

    steady: Lines
    recent: Lines
    correction: Trees
    trees: Trees
    plain: Lines

    def __call__(self, features: dict[str, Floats]) -> Floats:
        """(m, k) forecasts, one column for each of LEARNT, then of SIMPLE."""
        inputs, lead = inputs_of(features), features["lead"]
        steady = self.steady(inputs, lead)
        columns = [steady, self.recent(inputs, lead)]
        columns += [steady + self.correction(features), self.trees(features)]
        columns += [self.plain(_plain_inputs(features), lead)]
        columns += [
            np.where(np.isfinite(features[name]), features[name], steady) for name in SIMPLE
        ]
        return np.column_stack(columns)


def fit_experts(sample: Sample, steps_per_day: float) -> Experts:
    lead, target = sample.lead, sample.target
    age = (sample.viewpoints.max() - sample.viewpoints) / steps_per_day
    even, faded = np.ones(len(sample)), 0.5 ** (age / HALF_LIFE)
    rows = len(np.unique(sample.viewpoints))
    days = max(age.max(), 1.0)
    recent_days = min(days, HALF_LIFE / np.log(2))

    def lines(inputs: Floats, weight: Floats, days: float, absolute: bool = True) -> Lines:
        return fit_lines(
            inputs,
            lead,
            target,
            weight,
            independent=min(days, rows),
            absolute=absolute,
            most=MOST_LEADS,
        )

    inputs = inputs_of(sample.features)
    steady = lines(inputs, even, days)
    return Experts(
        steady,
        recent=lines(inputs, faded, recent_days),
        correction=fit_trees(sample.features, target - steady(inputs, lead), CORRECTING),
        trees=fit_trees(sample.features, target, WHOLE),
        plain=lines(_plain_inputs(sample.features), even, days, absolute=False),
    )


def _plain_inputs(features: dict[str, Floats]) -> Floats:
    usual = features["usual_daily"]
    return np.column_stack(
        [
            np.where(np.isfinite(column), column, usual)
            for name, column in features.items()
            if name.startswith(PLAIN)
        ]
    )


@dataclass(frozen=True, eq=False)
class Blend:
    """Experts in their shares, and trees for how wrong they will be."""

    experts: Experts
    shares: Shares
    limits: Limits
    spread: Spread | None

    def values(self, features: dict[str, Floats]) -> Floats:
        forecasts = self.limits.apply(self.experts(features))
        return self.shares.mix(forecasts, features["lead"])

    def expected_error(self, features: dict[str, Floats], values: Floats) -> Floats:
        return np.ones(len(values)) if self.spread is None else self.spread(features, values)


class Auto:
    """The rung auto."""

    def fit(
        self, series: Series, viewpoint: int, ahead: Steps, quantiles: tuple[float, ...] = ()
    ) -> Learnt:
        """Learn from what was known at the viewpoint (see `Model`)."""
        with one_thread():
            return self._fit(series, viewpoint, ahead, quantiles)

    def _fit(
        self, series: Series, viewpoint: int, ahead: Steps, quantiles: tuple[float, ...]
    ) -> Learnt:
        known = series.up_to(viewpoint)
        per_day = series.steps_per_day
        bounds = Bounds.of(known.values, int(RECENT_DAYS * per_day))
        past = Past(known, bounds)
        sample = draw(past, viewpoint, ahead, MOST_PAIRS, LEAST_PAIRS)
        limits = Limits.of(series, past.values)

        cut = np.quantile(sample.viewpoints, 1 - TESTED)
        early, late = sample.part(sample.events < cut), sample.part(sample.viewpoints >= cut)
        tested = limits.apply(fit_experts(early, per_day)(late.features))
        age = (late.viewpoints.max() - late.viewpoints) / per_day
        weight = 0.5 ** (age / max(age.max(), 1.0))
        shares = choose_shares(tested, late.target, late.lead, weight, START, MOST_LEADS)

        spread, bands = None, None
        if quantiles:
            values = shares.mix(tested, late.lead)
            spread, bands = fit_bands(late, values, quantiles, per_day)
        core = Blend(fit_experts(sample, per_day), shares, limits, spread)
        notes = (*limits.notes, _describe(shares))
        return Learnt(core, bounds, limits, bands, tuple(series.regressors), notes)


def _describe(shares: Shares) -> str:
    mean = shares.shares.mean(axis=0)
    parts = [
        f"{name} {share:.0%}"
        for name, share in zip(LEARNT + SIMPLE, mean, strict=True)
        if share >= 0.005
    ]
    return "Back-testing chose, over all leads: " + ", ".join(parts) + "."
