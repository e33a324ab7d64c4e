"""Whatever becomes known after the viewpoint, no forecast changes by a single bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from flexmeasures.forecasting.engine.model import Fitted, Model, Prediction
from flexmeasures.forecasting.engine.series import Calendar, Floats, Regressor, Series, Steps
from flexmeasures.forecasting.registry import find_model

RUNGS = ("auto", "linear-ols", "seasonal-naive", "naive", "average")
QUANTILES = (0.05, 0.5, 0.95)
DAYS = 60
VIEWPOINT_DAY = 50

Nonsense = Callable[[int], Floats]
NONSENSE: dict[str, Nonsense] = {
    "huge": lambda count: 1e9 * np.random.default_rng(1).normal(size=count),
    "gaps": lambda count: np.full(count, np.nan),
    "infinite": lambda count: np.full(count, np.inf),
    "zeros": lambda count: np.zeros(count),
}


def make_series(per_day: int, day_ahead: bool = False, regressors: bool = True) -> Series:
    """A load that follows the temperature, days and weeks, with a few gaps.

    day_ahead : values are known from noon of the day before, as prices are
    """
    steps = np.arange(DAYS * per_day)
    starts = pd.date_range("2023-01-02", periods=len(steps), freq=pd.Timedelta(days=1) / per_day)
    random = np.random.default_rng(0)
    day, part = steps // per_day, steps % per_day / per_day
    temperature = 10 + 5 * np.sin(steps / per_day) + random.normal(size=len(steps))
    values = 5 + 3 * np.sin(2 * np.pi * part) + (day % 7 < 5) - 0.3 * temperature
    values += 0.2 * random.normal(size=len(steps))
    values[20 * per_day : 21 * per_day] = np.nan
    values[random.integers(0, len(steps), 20)] = np.nan
    calendar = Calendar(
        day=day,
        minute=(starts.hour * 60 + starts.minute).to_numpy(np.int64),
        weekday=starts.weekday.to_numpy(np.int64),
        yearday=starts.dayofyear.to_numpy(np.int64) - 1,
        holiday=(day == 34).astype(np.float64),
    )
    weather = {}
    if regressors:
        early, late = steps - 2 * per_day, steps - per_day // 4
        weather["temperature"] = Regressor(
            np.repeat(steps, 2),
            np.stack([early, late], axis=1).ravel(),
            np.stack([temperature + random.normal(size=len(steps)), temperature], axis=1).ravel(),
        )
        weather["occupancy"] = Regressor(steps, steps + 1, (values > 4).astype(np.float64))
    known = (day - 1) * per_day + per_day // 2 if day_ahead else None
    return Series(values, per_day, calendar, known, weather)


def poison(series: Series, viewpoint: int, nonsense: Nonsense) -> Series:
    """Nonsense in place of all that became known after the viewpoint."""
    values = series.values.copy()
    after = int(series.known_before(np.array([viewpoint]))[0])
    values[after:] = nonsense(len(values) - after)
    regressors = {}
    for name, by in series.regressors.items():
        bad = by.value.copy()
        late = by.known > viewpoint
        bad[late] = nonsense(int(late.sum()))
        regressors[name] = Regressor(by.event, by.known, bad)
    return replace(series, values=values, regressors=regressors)


def fit(term: str, series: Series, viewpoint: int, ahead: Steps) -> Fitted:
    model: Model = find_model(term)[0]
    return model.fit(series, viewpoint, ahead, QUANTILES)


def assert_identical(found: list[Prediction], where: Steps | slice = slice(None)) -> None:
    one, other = found
    assert one.quantiles is not None
    assert other.quantiles is not None
    assert one.values[where].tobytes() == other.values[where].tobytes()
    assert one.quantiles[where].tobytes() == other.quantiles[where].tobytes()


SERIES = {
    "hours": make_series(24),
    "half hours without regressors": make_series(48, regressors=False),
    "day-ahead prices": make_series(24, day_ahead=True),
}


@cache
def clean_fit(term: str, name: str, viewpoint: int, ahead: tuple[int, ...]) -> Fitted:
    """Serves all kinds of nonsense."""
    return fit(term, SERIES[name], viewpoint, np.array(ahead))


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("term", RUNGS)
def test_fit_and_forecast_from_one_viewpoint(term: str, name: str, nonsense: Nonsense) -> None:
    series = SERIES[name]
    per_day = int(series.steps_per_day)
    viewpoint = VIEWPOINT_DAY * per_day
    first = int(series.known_before(np.array([viewpoint]))[0])
    events = np.append(np.arange(first, first + 2 * per_day, 5), first + 2 * per_day - 1)
    viewpoints = np.full_like(events, viewpoint)
    poisoned = poison(series, viewpoint, nonsense)
    clean = clean_fit(term, name, viewpoint, tuple((events - viewpoint).tolist()))
    fits = ((clean, series), (fit(term, poisoned, viewpoint, events - viewpoint), poisoned))
    found = [fitted.predict(each, events, viewpoints) for fitted, each in fits]
    assert np.isfinite(found[0].values).all()
    assert_identical(found)


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("term", RUNGS)
def test_forecasts_from_many_viewpoints(term: str, name: str, nonsense: Nonsense) -> None:
    """One fit, then a forecast of each event 1 hour and 1 day ahead; the poison starts midway."""
    series = SERIES[name]
    per_day = int(series.steps_per_day)
    fitted_at = VIEWPOINT_DAY * per_day
    viewpoints = np.repeat(np.arange(fitted_at, fitted_at + 5 * per_day), 2)
    first = series.known_before(viewpoints)
    events = first + np.tile([per_day // 24 - 1, per_day - 1], len(viewpoints) // 2)
    ahead = np.unique(events - viewpoints)
    fitted = clean_fit(term, name, fitted_at, tuple(ahead.tolist()))
    cut = fitted_at + 2 * per_day
    before = np.flatnonzero(viewpoints <= cut)
    found = [
        fitted.predict(each, events, viewpoints) for each in (series, poison(series, cut, nonsense))
    ]
    assert np.isfinite(found[0].values).all()
    assert_identical(found, before)


@pytest.mark.parametrize("term", ["auto", "linear-ols", "seasonal-naive", "naive"])
def test_the_poison_would_be_noticed(term: str) -> None:
    """Seen from more than a week after it, forecasts do change."""
    series = SERIES["hours"]
    fitted_at = VIEWPOINT_DAY * 24
    viewpoints = np.arange(fitted_at + 8 * 24, fitted_at + 9 * 24)
    fitted = fit(term, series, fitted_at, np.array([0]))
    other = poison(series, fitted_at + 12, NONSENSE["zeros"])
    found = [fitted.predict(each, viewpoints, viewpoints).values for each in (series, other)]
    assert (found[0] != found[1]).all()


@pytest.mark.parametrize("term", RUNGS)
def test_what_a_fit_has_seen_is_what_was_known(term: str) -> None:
    """Fitting and forecasting with the future cut off is the same, too."""
    series = SERIES["hours"]
    viewpoint = VIEWPOINT_DAY * 24
    events = viewpoint + np.arange(48)
    viewpoints = np.full_like(events, viewpoint)
    found = [
        fit(term, each, viewpoint, events - viewpoint).predict(each, events, viewpoints)
        for each in (series, series.up_to(viewpoint))
    ]
    assert_identical(found)
