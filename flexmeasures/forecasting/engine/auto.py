"""The default: lines, trees and simple forecasts, in shares chosen by back-testing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from flexmeasures.forecasting.engine.blend import Shares, choose_shares
from flexmeasures.forecasting.engine.experts import (
    MOST_LEADS,
    NAMES,
    START,
    Experts,
    fit_experts,
)
from flexmeasures.forecasting.engine.features import Bounds, Past
from flexmeasures.forecasting.engine.fitted import Learnt
from flexmeasures.forecasting.engine.limits import Limits
from flexmeasures.forecasting.engine.model import CannotForecast
from flexmeasures.forecasting.engine.quantiles import recent_first
from flexmeasures.forecasting.engine.sample import Sample, draw
from flexmeasures.forecasting.engine.series import Floats, Series, Steps
from flexmeasures.forecasting.engine.spread import Spread, fit_bands
from flexmeasures.forecasting.engine.threads import one_thread

MOST_PAIRS = 20_000
LEAST_PAIRS = 300
RECENT_DAYS = 28
TESTS = (0.72, 0.86, 1.0)
"""Shares of the viewpoints between which forecasts are tested, by lines fitted to what was before
each, and by trees fitted to what was before the first."""


@dataclass(frozen=True, eq=False)
class Blend:
    """Experts in their shares, and how wrong they will be."""

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
        late, forecasts = back_test(sample, per_day)
        forecasts = limits.apply(forecasts)
        weight = recent_first(late.viewpoints)
        days = float(np.ptp(late.viewpoints)) / per_day
        shares = choose_shares(forecasts, late.target, late.lead, weight, START, MOST_LEADS, days)
        spread, bands = None, None
        if quantiles:
            values = shares.mix(forecasts, late.lead)
            spread, bands = fit_bands(late, values, quantiles, per_day)
        core = Blend(fit_experts(sample, per_day), shares, limits, spread)
        notes = (*limits.notes, _describe(shares))
        return Learnt(core, bounds, limits, bands, tuple(series.regressors), notes)


def back_test(sample: Sample, per_day: float) -> tuple[Sample, Floats]:
    """The late part of a sample, and what experts who knew only what was before forecast for it."""
    cuts = np.quantile(sample.viewpoints, TESTS)
    cuts[-1] += 1
    forest = None
    forecasts = []
    for begin, end in pairwise(cuts):
        early = sample.part(sample.events < begin)
        if len(early) < LEAST_PAIRS / 4:
            raise CannotForecast("There is too little history for a test of what was learnt.")
        experts = fit_experts(early, per_day, forest)
        forest = experts.forest
        asked = (sample.viewpoints >= begin) & (sample.viewpoints < end)
        forecasts.append(experts(sample.part(asked).features))
    return sample.part(sample.viewpoints >= cuts[0]), np.concatenate(forecasts)


def _describe(shares: Shares) -> str:
    mean = shares.shares.mean(axis=0)
    parts = [
        f"{name} {share:.0%}" for name, share in zip(NAMES, mean, strict=True) if share >= 0.005
    ]
    return "Back-testing chose, over all leads: " + ", ".join(parts) + "."
