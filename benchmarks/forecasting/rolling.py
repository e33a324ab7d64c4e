"""Forecasts of every event of the last part of a series, from a rolling origin.

A model is fitted again on a fixed grid of local midnights, with the series as it was known then.
For the events until the next fit it gets the series as it was known at the last viewpoint of these.
That nothing is used that became known between an event's own viewpoint and the last one is checked
by poisoning.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from flexmeasures.forecasting.engine.model import CannotForecast, Fitted, Model
from flexmeasures.forecasting.engine.series import Floats, Regressor, Series, Steps

MONDAY = 3  # the day of 1970-01-01 in a week that starts on Monday


class Leak(AssertionError):
    """A forecast changes with what became known after its viewpoint."""


@dataclass(frozen=True, eq=False)
class Questions:
    """Events with viewpoints, one entry per forecast, and the viewpoints of the fits, rising."""

    events: Steps
    viewpoints: Steps
    refits: Steps

    def blocks(self) -> Iterator[tuple[int, Steps]]:
        """Each fit's viewpoint, and the places of the forecasts that are made with it."""
        number = np.searchsorted(self.refits, self.viewpoints, side="right") - 1
        for block in np.unique(number):
            yield int(self.refits[block]), np.flatnonzero(number == block)


@dataclass(eq=False)
class Answers:
    """Forecasts of m events by one model.

    low, high : the band, nan where there is none
    seconds : of each fit, and of each prediction of a block
    """

    values: Floats
    low: Floats
    high: Floats
    fit_seconds: list[float] = field(default_factory=list)
    predict_seconds: list[float] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)


def ask(series: Series, first: int, last: int, horizons: list[int], refit_days: int) -> Questions:
    """Every event in [first, last) at every horizon (steps before its end)."""
    events = np.tile(np.arange(first, last), len(horizons))
    viewpoints = events + 1 - np.repeat(horizons, last - first)
    return Questions(events, viewpoints, refit_grid(series, viewpoints.min(), last, refit_days))


def refit_grid(series: Series, first: int, last: int, days: int) -> Steps:
    """Local midnights, every so many days (7: Mondays), from before the first viewpoint on."""
    day = series.calendar.day
    starts = np.flatnonzero(np.diff(day, prepend=day[0])) if len(day) else np.array([], np.int64)
    starts = starts[(day[starts] + MONDAY) % days == 0]
    before = starts[starts <= first]
    earliest = before[-1] if len(before) else first
    return np.unique(np.append(starts[(starts > earliest) & (starts < last)], earliest))


def answer(
    model: Model, series: Series, questions: Questions, band: tuple[float, float], checks: int = 2
) -> Answers:
    """Forecast everything that is asked.

    checks : how many blocks are forecast again on a poisoned future

    Raises
    ------
    Leak
    """
    count = len(questions.events)
    result = Answers(np.full(count, np.nan), np.full(count, np.nan), np.full(count, np.nan))
    blocks = list(questions.blocks())
    checked = set(np.linspace(0, len(blocks) - 1, checks).round().astype(int).tolist())
    ahead = np.unique(questions.events - questions.viewpoints)
    for number, (refit, places) in enumerate(blocks):
        begin = time.perf_counter()
        try:
            fitted = model.fit(series.up_to(refit), refit, ahead, band)
        except CannotForecast as reason:
            result.notes[str(reason)] = result.notes.get(str(reason), 0) + 1
            continue
        finally:
            result.fit_seconds.append(time.perf_counter() - begin)
        for note in fitted.notes:
            result.notes[note] = result.notes.get(note, 0) + 1
        events, viewpoints = questions.events[places], questions.viewpoints[places]
        known = series.up_to(int(viewpoints.max()))
        begin = time.perf_counter()
        prediction = fitted.predict(known, events, viewpoints)
        result.predict_seconds.append(time.perf_counter() - begin)
        result.values[places] = prediction.values
        if prediction.quantiles is not None:
            result.low[places] = prediction.quantiles[:, 0]
            result.high[places] = prediction.quantiles[:, -1]
        if number in checked:
            check_for_leaks(fitted, series, events, viewpoints)
    return result


def check_for_leaks(fitted: Fitted, series: Series, events: Steps, viewpoints: Steps) -> None:
    """Forecast the same with a poisoned future; nothing seen from before it may change.

    Raises
    ------
    Leak
    """
    cut = int(np.median(viewpoints))
    before = viewpoints <= cut
    clean = fitted.predict(series, events, viewpoints)
    poisoned = fitted.predict(poison(series, cut), events, viewpoints)
    pairs = [(clean.values, poisoned.values)]
    if clean.quantiles is not None and poisoned.quantiles is not None:
        pairs.append((clean.quantiles, poisoned.quantiles))
    for was, now in pairs:
        if not np.array_equal(was[before], now[before], equal_nan=True):
            raise Leak(f"Forecasts change with what became known after viewpoint {cut}.")


def poison(series: Series, viewpoint: int) -> Series:
    """The series with nonsense in place of all that became known after the viewpoint."""
    nonsense = np.random.default_rng(viewpoint)
    values = series.values.copy()
    after = series.known_before(np.array([viewpoint]))[0]
    values[after:] = _nonsense(nonsense, len(values) - after)
    regressors = {}
    for name, by in series.regressors.items():
        late = by.known > viewpoint
        bad = by.value.copy()
        bad[late] = _nonsense(nonsense, int(late.sum()))
        regressors[name] = Regressor(by.event, by.known, bad)
    return replace(series, values=values, regressors=regressors)


def _nonsense(random: np.random.Generator, count: int) -> Floats:
    """Huge numbers, and a few gaps."""
    numbers = 1e9 * random.normal(size=count)
    numbers[random.random(count) < 0.1] = np.nan
    return numbers
