"""When models are fitted anew, and what of a series a fit gets to see.

Fits stand on a grid of their own: Mondays at local midnight; every local midnight while there are
less than eight weeks of measurements; every hour while there are less than two days; at viewpoints
themselves while there was nothing at the latest hour. A week is a good trade: levels drift slowly,
and a fit takes seconds. The grid depends on the calendar and on what was known at the fit, never on
which events are asked for, so results are the same however work is cut, and a fit can serve all
jobs of its week.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from flexmeasures.data.beliefs.rows import microseconds
from flexmeasures.forecasting.engine.series import Calendar, Floats, Regressor, Series, Steps
from flexmeasures.forecasting.grid import DAY, clock_of, instants
from flexmeasures.forecasting.inputs import MARGIN, Inputs
from flexmeasures.forecasting.views import Views

HOUR = DAY // 24
_MONDAY = 4  # 1970-01-05


@dataclass(frozen=True)
class Level:
    """How often to fit, and how much history (in microseconds) there should be for that."""

    name: str
    length: int
    least_history: int


LEVELS = (
    Level("week", 7 * DAY, 56 * DAY),
    Level("day", DAY, 2 * DAY),
    Level("hour", HOUR, 0),
    Level("moment", 0, 0),
)
# Limits that more than this share of measurements exceed are not what they seem.
_EXCEED = 0.01


@dataclass(frozen=True)
class Refit:
    """A fit, and what is forecast with it.

    viewpoint : the step at which it is made
    first : the first step that it learns from
    chosen : (k,) positions among the views
    """

    level: Level
    viewpoint: int
    first: int
    chosen: Steps


def fit_steps(inputs: Inputs, viewpoints: Steps, level: Level) -> Steps:
    """Of each viewpoint, the step at which the latest fit of a level is made."""
    if not level.length:
        return viewpoints
    times = inputs.grid.starts(viewpoints)
    timezone = inputs.sensor.timezone
    if level.length == HOUR:
        begin = times - times % HOUR
    else:
        day = clock_of(times, timezone) // DAY
        if level.length > DAY:
            day -= (day - _MONDAY) % 7
        begin = instants(day * DAY, timezone)
    return np.minimum(inputs.grid.step_of(begin), viewpoints)


def refits(inputs: Inputs, views: Views, level: Level, todo: Steps) -> Iterator[Refit]:
    """The fits of a level that these views (by position) need, in order of time.

    Views for which there is too little history at that level are left out.
    """
    measured = np.flatnonzero(np.isfinite(inputs.series.values))
    fits = fit_steps(inputs, views.viewpoints[todo], level)
    for fit in np.unique(fits).tolist():
        known = int(inputs.series.known_before(np.array([fit]))[0])
        seen = measured[(measured >= fit - inputs.history) & (measured < min(known, fit))]
        if len(seen) and (fit - int(seen[0])) * inputs.grid.step >= level.least_history:
            chosen = todo[fits == fit]
            chosen = chosen[views.events[chosen] >= seen[0]]
            if len(chosen):
                yield Refit(level, fit, int(seen[0]), chosen)


def aheads(inputs: Inputs, views: Views, refit: Refit) -> Steps:
    """The distances that models are made for.

    With horizons, all that occur between this fit and the next, asked for or not; with one
    viewpoint, all up to the furthest event, in whole days.
    """
    distance = views.events - views.viewpoints
    if not len(views.horizons):
        own = distance[refit.chosen]
        per_day = max(DAY // inputs.grid.step, 1)
        return np.arange(min(int(own.min()), 0), -(-int(own.max() + 1) // per_day) * per_day)
    until = -(-refit.level.length // inputs.grid.step) + 1
    viewpoints = np.arange(refit.viewpoint, refit.viewpoint + until)
    viewpoints = viewpoints[fit_steps(inputs, viewpoints, refit.level) == refit.viewpoint]
    around = int(np.abs(distance).max()) + -(-int(views.horizons.max()) // inputs.grid.step) + 1
    events = np.arange(viewpoints[0] - around, viewpoints[-1] + around + 1)
    known_at = inputs.timing.knowledge_times(inputs.grid.starts(events))
    seen = inputs.grid.step_of((known_at[:, None] - views.horizons).ravel())
    events = np.repeat(events, len(views.horizons))
    within = (seen >= viewpoints[0]) & (seen <= viewpoints[-1])
    found = np.unique((events - seen)[within])
    return np.union1d(found, distance[refit.chosen])


def cut(series: Series, first: int, end: int) -> Series:
    """Steps first to end - 1 of a series, counted from 0."""
    part = slice(first, end)
    calendar = series.calendar
    return Series(
        values=series.values[part],
        steps_per_day=series.steps_per_day,
        calendar=Calendar(
            calendar.day[part],
            calendar.minute[part],
            calendar.weekday[part],
            calendar.yearday[part],
            calendar.holiday[part],
        ),
        known=None if series.known is None else series.known[part] - first,
        regressors={name: _cut(by, first, end) for name, by in series.regressors.items()},
        lower=series.lower,
        upper=series.upper,
    )


def _cut(regressor: Regressor, first: int, end: int) -> Regressor:
    begin, stop = np.searchsorted(regressor.event, [first, end]).tolist()
    part = slice(begin, stop)
    return Regressor(
        regressor.event[part] - first, regressor.known[part] - first, regressor.value[part]
    )


def margin(inputs: Inputs) -> int:
    """How many steps of what comes next models get to see, as far as that is known."""
    return -(-microseconds(MARGIN) // inputs.grid.step)


def credible(limits: tuple[float, float], values: Floats) -> tuple[float, float]:
    """Those of the limits that these values (nan where there is none) keep to."""
    seen = values[np.isfinite(values)]
    lower, upper = limits
    slack = 1e-6 * max(abs(limit) if np.isfinite(limit) else 0 for limit in limits)
    if len(seen) and (seen < lower - slack).mean() > _EXCEED:
        lower = -np.inf
    if len(seen) and (seen > upper + slack).mean() > _EXCEED:
        upper = np.inf
    return lower, upper


def digest(series: Series) -> str:
    """Equal for equal series, and for no others."""
    found = blake2b(digest_size=16)
    calendar = series.calendar
    arrays = [series.values, calendar.day, calendar.minute, calendar.holiday]
    arrays += [np.array([series.steps_per_day, series.lower, series.upper])]
    arrays += [] if series.known is None else [series.known]
    for name in sorted(series.regressors):
        by = series.regressors[name]
        found.update(name.encode("utf-8", "surrogatepass"))
        arrays += [by.event, by.known, by.value]
    for array in arrays:
        found.update(f"{array.dtype}{len(array)}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()
