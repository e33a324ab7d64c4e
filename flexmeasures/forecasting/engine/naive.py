"""Forecasts that repeat something, for when little is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from flexmeasures.forecasting.engine.features import Bounds, Past
from flexmeasures.forecasting.engine.model import CannotForecast, Prediction
from flexmeasures.forecasting.engine.quantiles import Bands
from flexmeasures.forecasting.engine.series import Floats, Series, Steps

MOST_PAIRS = 10_000
FURTHEST_BACK = 8
FEWEST_PER_SLOT = 3

Rule = Callable[[Past, Steps, Steps], Floats]
"""(past, events, known) -> forecasts; nan where the rule has none"""


def repeat_latest(past: Past, events: Steps, known: Steps) -> Floats:
    """The latest value."""
    return np.where(known > 0, past.values[np.maximum(known - 1, 0)], np.nan)


def repeat_day(past: Past, events: Steps, known: Steps) -> Floats:
    """The value at the same local time of the latest day that has one."""
    return _repeat(past, events, known, every=1)


def repeat_week(past: Past, events: Steps, known: Steps) -> Floats:
    """The value at the same local time of the latest such weekday that has one."""
    return _repeat(past, events, known, every=7)


def _repeat(past: Past, events: Steps, known: Steps, every: int) -> Floats:
    start = past.days.latest_known(events, known, every=every)
    found = np.full(len(events), np.nan)
    for back in range(FURTHEST_BACK):
        earlier = past.days.look_up(past.table, start - every * back, events)
        found = np.where(np.isfinite(found), found, earlier)
    return found


@dataclass(frozen=True, eq=False)
class Repeating:
    """A rule, with bands as wide as it was wrong."""

    rule: Rule
    bounds: Bounds
    bands: Bands | None
    lower: float
    upper: float
    notes: tuple[str, ...] = ()

    def predict(self, series: Series, events: Steps, viewpoints: Steps) -> Prediction:
        """Forecast each event as seen from its viewpoint; nan where the rule finds nothing."""
        events = np.asarray(events, dtype=np.int64)
        past = Past(series, self.bounds)
        known = past.known(events, np.asarray(viewpoints, dtype=np.int64))
        values = np.clip(self.rule(past, events, known), self.lower, self.upper)
        if self.bands is None:
            return Prediction(values)
        lead = (events - known).astype(np.float64)
        around = self.bands.around(values, np.ones(len(values)), lead)
        return Prediction(values, np.clip(around, self.lower, self.upper))


def _known_past(series: Series, viewpoint: int) -> tuple[Past, Bounds, Steps]:
    """The past, its bounds, and the steps with values.

    Raises
    ------
    CannotForecast : there are none
    """
    known = series.up_to(viewpoint)
    bounds = Bounds.of(known.values, int(28 * series.steps_per_day))
    past = Past(known, bounds)
    steps = np.flatnonzero(np.isfinite(past.values))
    if not len(steps):
        raise CannotForecast("There are no measurements before the forecast.")
    return past, bounds, steps


def _tried(past: Past, rule: Rule, steps: Steps, ahead: Steps) -> tuple[Floats, Floats]:
    """(errors, leads) that the rule would have had for a spread of known events."""
    distances = np.unique(np.maximum(ahead, 0))
    if len(distances) > 8:
        distances = distances[np.linspace(0, len(distances) - 1, 8).astype(np.int64)]
    chosen = steps[:: max(len(steps) * len(distances) // MOST_PAIRS, 1)]
    events = np.repeat(chosen, len(distances))
    viewpoints = np.maximum(events - np.tile(distances, len(chosen)), 0)
    known = past.known(events, viewpoints)
    errors = past.values[events] - rule(past, events, known)
    answered = np.isfinite(errors)
    return errors[answered], (events - known)[answered].astype(np.float64)


def _fit(
    rules: list[Rule],
    series: Series,
    viewpoint: int,
    ahead: Steps,
    quantiles: tuple[float, ...],
) -> Repeating:
    """The rule that would have been least wrong, first one first where none can be tried."""
    past, bounds, steps = _known_past(series, viewpoint)
    ahead = np.asarray(ahead, dtype=np.int64)
    tried = [_tried(past, rule, steps, ahead) for rule in rules]
    score = [np.abs(errors).mean() if len(errors) else np.inf for errors, _ in tried]
    best = int(np.argmin(score))
    errors, lead = tried[best]
    bands = None
    if quantiles:
        if not len(errors):
            errors = lead = np.zeros(1)
        bands = Bands.of(errors, np.ones(len(errors)), lead, quantiles)
    return Repeating(rules[best], bounds, bands, series.lower, series.upper)


class Naive:
    """The latest value comes again."""

    def fit(
        self, series: Series, viewpoint: int, ahead: Steps, quantiles: tuple[float, ...] = ()
    ) -> Repeating:
        """See `Model`."""
        return _fit([repeat_latest], series, viewpoint, ahead, quantiles)


class SeasonalNaive:
    """The latest day comes again, or the latest week, whichever was less wrong in the past."""

    def fit(
        self, series: Series, viewpoint: int, ahead: Steps, quantiles: tuple[float, ...] = ()
    ) -> Repeating:
        """See `Model`."""
        if series.steps_per_day < 1:
            raise CannotForecast("Events last longer than a day, so there is no time of the day.")
        return _fit([repeat_day, repeat_week], series, viewpoint, ahead, quantiles)


@dataclass(frozen=True, eq=False)
class Usual:
    """The mean by the time of the day.

    means : (slots,) by the slot of the local day; all the same if there is little history
    """

    means: Floats
    spread: Floats | None
    lower: float
    upper: float
    notes: tuple[str, ...] = ()

    def predict(self, series: Series, events: Steps, viewpoints: Steps) -> Prediction:
        """The same forecast from any viewpoint."""
        from flexmeasures.forecasting.engine.days import Days

        slot = Days(series).slot[np.asarray(events, dtype=np.int64)]
        values = np.clip(self.means[slot], self.lower, self.upper)
        if self.spread is None:
            return Prediction(values)
        around = np.clip(values[:, None] + self.spread, self.lower, self.upper)
        return Prediction(values, around)


class Average:
    """What there was on average, by the time of the day where there is history enough."""

    def fit(
        self, series: Series, viewpoint: int, ahead: Steps, quantiles: tuple[float, ...] = ()
    ) -> Usual:
        """See `Model`."""
        past, _, steps = _known_past(series, viewpoint)
        values, slot = past.values[steps], past.days.slot[steps]
        count = np.bincount(slot, minlength=past.days.slots)
        means = np.full(past.days.slots, values.mean())
        if count.min() >= FEWEST_PER_SLOT:
            means = np.bincount(slot, values, minlength=past.days.slots) / count
        spread = None
        if quantiles:
            errors = values - means[slot]
            one = np.ones(len(errors))
            spread = Bands.of(errors, one, 0 * one, quantiles).errors[0]
        return Usual(means, spread, series.lower, series.upper)
