"""What is asked of models, what they get to see, and what they are caught at."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from benchmarks.forecasting.datasets import make_calendar
from benchmarks.forecasting.rolling import Leak, answer, ask, poison
from flexmeasures.forecasting.engine.model import CannotForecast, Prediction
from flexmeasures.forecasting.engine.series import Regressor, Series, Steps

BAND = (0.05, 0.95)


def make_series(days: int = 40) -> Series:
    """Hourly, from a Wednesday on."""
    starts = pd.date_range("2020-01-01", periods=24 * days, freq="h", tz="UTC")
    values = np.arange(len(starts), dtype=float)
    steps = np.arange(len(starts))
    weather = Regressor(steps, steps - 6, values)
    return Series(values, 24, make_calendar(starts, "UTC"), regressors={"weather": weather})


@dataclass
class Seen:
    """A model that says what the step at a distance from the viewpoint holds; 0 is the future."""

    distance: int = -1
    of_regressor: bool = False
    refuses_before: int = 0
    fits: list[int] = field(default_factory=list)
    newest: list[int] = field(default_factory=list)
    notes: tuple[str, ...] = ()

    def fit(
        self, series: Series, viewpoint: int, ahead: Steps, quantiles: tuple[float, ...] = ()
    ) -> Seen:
        self.fits.append(viewpoint)
        self.newest.append(int(np.flatnonzero(~np.isnan(series.values))[-1]))
        if viewpoint < self.refuses_before:
            raise CannotForecast("Too early.")
        return self

    def predict(self, series: Series, events: Steps, viewpoints: Steps) -> Prediction:
        at = viewpoints + self.distance
        values = series.values[np.clip(at, 0, len(series) - 1)]
        if self.of_regressor:
            values = series.regressors["weather"].as_known(at, at - 6 + 0 * viewpoints)
        return Prediction(values, np.stack([values - 1, values + 1], axis=1))


def test_every_event_at_every_horizon() -> None:
    questions = ask(make_series(), 900, 960, horizons=[1, 48], refit_days=7)
    asked = set(zip(questions.events.tolist(), questions.viewpoints.tolist(), strict=True))
    assert asked == {
        *((event, event) for event in range(900, 960)),  # an hour before its end: at its start
        *((event, event - 47) for event in range(900, 960)),
    }


def test_fits_are_on_mondays_from_before_the_first_viewpoint() -> None:
    series = make_series()
    questions = ask(series, 720, 960, horizons=[1, 48], refit_days=7)
    assert series.calendar.weekday[questions.refits].tolist() == [0, 0]
    assert questions.refits[0] <= 720 - 47 < questions.refits[0] + 168
    assert all(minute == 0 for minute in series.calendar.minute[questions.refits])


def test_a_model_is_fitted_with_what_came_before() -> None:
    model = Seen()
    series = make_series()
    answer(model, series, ask(series, 720, 960, [1, 48], refit_days=1), BAND)
    assert len(model.fits) == 12
    assert model.newest == [viewpoint - 1 for viewpoint in model.fits]


def test_an_honest_model_gets_its_answers_back() -> None:
    series = make_series()
    questions = ask(series, 720, 960, [1, 48], refit_days=7)
    answers = answer(Seen(), series, questions, BAND)
    assert answers.values.tolist() == (questions.viewpoints - 1).tolist()
    assert (answers.high - answers.low).tolist() == [2] * len(answers.low)


@pytest.mark.parametrize("of_regressor", [False, True])
def test_a_model_that_looks_ahead_is_caught(of_regressor: bool) -> None:
    series = make_series()
    cheat = Seen(distance=8 if of_regressor else 0, of_regressor=of_regressor)
    with pytest.raises(Leak):
        answer(cheat, series, ask(series, 720, 960, [1, 48], refit_days=7), BAND)


def test_a_refusal_leaves_events_unanswered() -> None:
    series = make_series()
    questions = ask(series, 720, 960, [1], refit_days=7)
    answers = answer(Seen(refuses_before=700), series, questions, BAND)
    late = questions.viewpoints >= questions.refits[questions.refits >= 700][0]
    assert np.array_equal(~np.isnan(answers.values), late)
    assert answers.notes == {"Too early.": 1}


def test_poison_changes_what_became_known_later_and_nothing_else() -> None:
    series = make_series()
    poisoned = poison(series, 500)
    assert np.array_equal(poisoned.values[:500], series.values[:500])
    assert not np.isin(poisoned.values[500:], series.values).any()
    weather, bad = series.regressors["weather"], poisoned.regressors["weather"]
    same = weather.value == bad.value
    assert np.array_equal(same, weather.known <= 500)
