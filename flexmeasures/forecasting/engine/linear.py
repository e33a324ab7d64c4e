"""Least squares on lags, the calendar and regressors: fast, plain, and for short histories too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flexmeasures.forecasting.engine.features import Bounds, Past
from flexmeasures.forecasting.engine.fitted import Learnt
from flexmeasures.forecasting.engine.limits import Limits
from flexmeasures.forecasting.engine.lines import Lines, Way, fit_lines
from flexmeasures.forecasting.engine.quantiles import Bands, independent_days, recent_first
from flexmeasures.forecasting.engine.sample import Sample, draw
from flexmeasures.forecasting.engine.series import Floats, Series, Steps
from flexmeasures.forecasting.engine.transform import BoxCox, candidates

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
    """Lines, and how wrong they are by the hour of the day.

    hourly : (24,) the mean absolute error
    """

    lines: Lines
    hourly: Floats

    def values(self, features: dict[str, Floats]) -> Floats:
        return self.lines(inputs_of(features), features["lead"])[:, 0]

    def expected_error(self, features: dict[str, Floats], values: Floats) -> Floats:
        return self.hourly[_hour(features)]


class Linear:
    """The rung linear-OLS."""

    def fit(
        self, series: Series, viewpoint: int, ahead: Steps, quantiles: tuple[float, ...] = ()
    ) -> Learnt:
        """Learn from what was known at the viewpoint (see `Model`).

        Where values are often zero, they are transformed if that makes tests come out better.
        """
        known = series.up_to(viewpoint)
        bounds = Bounds.of(known.values, int(RECENT_DAYS * series.steps_per_day))
        clean = bounds.clean(known.values)
        limits = Limits.of(series, clean)
        trials = [
            Trial.of(Past(known, bounds, transform), viewpoint, ahead, limits, transform)
            for transform in (None, *candidates(clean))
        ]
        best = min(trials, key=lambda trial: trial.score)
        transform = best.transform
        core = LinearCore(fit(best.sample, series.steps_per_day), best.hourly())
        bands = best.bands(quantiles, series.steps_per_day) if quantiles else None
        notes = limits.notes
        if transform is not None:
            notes = (*notes, f"Values are transformed (Box-Cox, power {transform.power:g}).")
        return Learnt(core, bounds, limits, bands, tuple(series.regressors), notes, transform)


@dataclass(frozen=True, eq=False)
class Trial:
    """Lines fitted to the first two thirds of a sample, and tested on the rest.

    errors : of the events of `late`, in units of the transformed values
    score : the mean absolute error, in units of the measurements
    """

    sample: Sample
    late: Sample
    errors: Floats
    score: float
    transform: BoxCox | None

    @classmethod
    def of(
        cls,
        past: Past,
        viewpoint: int,
        ahead: Steps,
        limits: Limits,
        transform: BoxCox | None,
    ) -> Trial:
        """Raises CannotForecast if there is too little to learn from."""
        sample = draw(past, viewpoint, ahead, MOST_PAIRS, LEAST_PAIRS)
        cut = np.quantile(sample.viewpoints, 2 / 3)
        early, late = sample.part(sample.events < cut), sample.part(sample.viewpoints >= cut)
        if len(early) < LEAST_PAIRS or len(late) < LEAST_PAIRS:
            early = late = sample
        values = fit(early, past.per_day)(inputs_of(late.features), late.lead)[:, 0]
        target = late.target
        errors = target - values
        if transform is not None:
            values, target = transform.inverse(values), transform.inverse(target)
        score = float(np.abs(target - limits.apply(values)).mean())
        return cls(sample, late, errors, score, transform)

    def hourly(self) -> Floats:
        """(24,) the mean absolute error by the hour, no less than a twentieth of that of all."""
        hour, size = _hour(self.late.features), np.abs(self.errors)
        count = np.bincount(hour, minlength=24)
        mean = max(float(size.mean()), 1e-12)
        total = np.bincount(hour, size, minlength=24)
        found: Floats = np.maximum((total + mean) / (count + 1), 0.05 * mean)
        return found

    def bands(self, quantiles: tuple[float, ...], per_day: float) -> Bands:
        expected = self.hourly()[_hour(self.late.features)]
        when = self.late.viewpoints
        return Bands.of(
            self.errors,
            expected,
            self.late.lead,
            quantiles,
            recent_first(when),
            independent_days(float(np.ptp(when)) / per_day, per_day),
        )


def fit(sample: Sample, per_day: float) -> Lines:
    """Lines of least squares."""
    days = (sample.viewpoints.max() - sample.viewpoints.min()) / per_day
    way = Way(
        np.ones(len(sample)),
        independent=min(days, len(np.unique(sample.viewpoints))),
        absolute=False,
    )
    return fit_lines(inputs_of(sample.features), sample.lead, sample.target, (way,), MOST_LEADS)


def _hour(features: dict[str, Floats]) -> Steps:
    return (features["minute"] // 60).astype(np.int64)
