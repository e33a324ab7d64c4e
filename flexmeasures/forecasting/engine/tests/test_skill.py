"""What models must find in series whose drivers are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flexmeasures.forecasting.engine.auto import Auto
from flexmeasures.forecasting.engine.linear import Linear
from flexmeasures.forecasting.engine.model import Model
from flexmeasures.forecasting.engine.naive import SeasonalNaive
from flexmeasures.forecasting.engine.series import Regressor, Series
from flexmeasures.forecasting.engine.tests.worlds import always_known, building, lasting

learners = pytest.mark.parametrize("model", [Auto(), Linear()], ids=["auto", "linear"])
DAYS = 70
START = DAYS * 24


def error(model: Model, past: Series, truth: np.ndarray, ahead: int) -> float:
    """The mean absolute error in the last 14 days of a series that is known wholly."""
    viewpoints = np.arange(START - 14 * 24, START - ahead)
    fitted = model.fit(past.up_to(START - 14 * 24), START - 14 * 24, np.array([ahead]))
    found = fitted.predict(past, viewpoints + ahead, viewpoints).values
    return float(np.abs(found - truth[viewpoints + ahead]).mean())


@learners
def test_the_working_week_is_found(model: Model) -> None:
    series = building(DAYS, noise=1.0)
    assert error(model, series, series.values, 47) < 2.0


@learners
def test_lasting_noise_is_followed_at_short_distance(model: Model) -> None:
    series = building(DAYS, noise=20.0)
    assert error(model, series, series.values, 0) < 0.8 * error(model, series, series.values, 23)
    assert error(model, series, series.values, 0) < 0.6 * error(
        SeasonalNaive(), series, series.values, 0
    )


@learners
def test_weather_that_is_forecast_is_made_use_of(model: Model) -> None:
    series = building(DAYS, noise=1.0)
    cold = lasting(len(series), 4.0, seed=2)
    series = replace(series, values=series.values + 5 * cold)
    told = replace(series, regressors={"temperature": always_known(cold)})
    with_, without = (error(model, each, series.values, 23) for each in (told, series))
    assert with_ < 0.5 * without


@learners
def test_forecasts_that_came_too_late_are_of_no_use(model: Model) -> None:
    """Weather that becomes known when it is there tells nothing a day ahead."""
    series = building(DAYS, noise=1.0)
    cold = lasting(len(series), 4.0, seed=2)
    series = replace(series, values=series.values + 5 * cold)
    steps = np.arange(len(series))
    late = replace(series, regressors={"temperature": Regressor(steps, steps + 1, cold)})
    with_, without = (error(model, each, series.values, 23) for each in (late, series))
    assert with_ > 0.8 * without


@learners
def test_behind_a_gap_the_latest_value_is_not_repeated(model: Model) -> None:
    """Values stop on a busy Friday noon; it is Saturday night when one hour ahead is asked for."""
    series = building(DAYS, noise=5.0)
    gap = START - 14 * 24 + 4 * 24 + 12
    fitted = model.fit(series.up_to(START - 14 * 24), START - 14 * 24, np.array([0]))
    events = gap + np.arange(34, 40)
    found = fitted.predict(series.up_to(gap), events, events).values
    assert np.abs(found - 40).max() < 25
