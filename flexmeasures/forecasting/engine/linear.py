"""Least squares on lags, the calendar and regressors: fast, plain, and for short histories too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flexmeasures.forecasting.engine.features import Bounds, Past
from flexmeasures.forecasting.engine.fitted import Learnt
from flexmeasures.forecasting.engine.limits import Limits
from flexmeasures.forecasting.engine.lines import Lines, fit_lines
from flexmeasures.forecasting.engine.quantiles import Bands
from flexmeasures.forecasting.engine.sample import Sample, draw
from flexmeasures.forecasting.engine.series import Floats, Series, Steps

MOST_PAIRS = 40_000
LEAST_PAIRS = 30
MOST_LEADS = 8
RECENT_DAYS = 28
_LEVELS = ("latest", "day_", "week_", "alike", "usual", "scaled", "mean")
_CLOCK = ("minute", "weekday", "yearday")


def inputs_of(features: dict[str, Floats]) -> Floats:
    """(m, p) features as lines can use them: gaps filled with what is usual, time in waves."""
    usual = features["usual_kind"]
    columns = []
    for name, column in features.items():
        if name in _CLOCK:
            continue
        if name.startswith(_LEVELS):
            column = np.where(np.isfinite(column), column, usual)
        columns.append(column)
    angle = 2 * np.pi * features["minute"] / 1440
    rest, saturday = features["rest"], features["saturday"]
    for wave in (1, 2, 3, 4):
        for part in (np.sin(wave * angle), np.cos(wave * angle)):
            columns += [part, part * rest, part * saturday]
    columns += [(features["weekday"] == day).astype(np.float64) for day in range(6)]
    return np.column_stack(columns)


@dataclass(frozen=True, eq=False)
class LinearCore:
    lines: Lines
    typical: float

    def values(self, features: dict[str, Floats]) -> Floats:
        return self.lines(inputs_of(features), features["lead"])

    def expected_error(self, features: dict[str, Floats], values: Floats) -> Floats:
        return np.full(len(values), self.typical)


class Linear:
    """The rung linear-OLS."""

    def fit(
        self, series: Series, viewpoint: int, ahead: Steps, quantiles: tuple[float, ...] = ()
    ) -> Learnt:
        """Learn from what was known at the viewpoint (see `Model`)."""
        known = series.up_to(viewpoint)
        bounds = Bounds.of(known.values, int(RECENT_DAYS * series.steps_per_day))
        past = Past(known, bounds)
        sample = draw(past, viewpoint, ahead, MOST_PAIRS, LEAST_PAIRS)
        limits = Limits.of(series, past.values)
        core = fit_core(sample, series.steps_per_day)
        bands = None
        if quantiles:
            bands = self._bands(sample, core, limits, quantiles, series.steps_per_day)
        return Learnt(core, bounds, limits, bands, tuple(series.regressors), limits.notes)

    def _bands(
        self,
        sample: Sample,
        core: LinearCore,
        limits: Limits,
        quantiles: tuple[float, ...],
        per_day: float,
    ) -> Bands:
        """From the errors in the last third, of lines that were fitted to what came before."""
        cut = np.quantile(sample.viewpoints, 2 / 3)
        early, late = sample.part(sample.events < cut), sample.part(sample.viewpoints >= cut)
        if len(early) < LEAST_PAIRS or len(late) < LEAST_PAIRS:
            early = late = sample
        values = limits.apply(fit_core(early, per_day).values(late.features))
        expected = core.expected_error(late.features, values)
        return Bands.of(late.target - values, expected, late.lead, quantiles)


def fit_core(sample: Sample, per_day: float) -> LinearCore:
    days = (sample.viewpoints.max() - sample.viewpoints.min()) / per_day
    lines = fit_lines(
        inputs_of(sample.features),
        sample.lead,
        sample.target,
        np.ones(len(sample)),
        independent=min(days, len(np.unique(sample.viewpoints))),
        absolute=False,
        most=MOST_LEADS,
    )
    return LinearCore(lines, 1.0)
