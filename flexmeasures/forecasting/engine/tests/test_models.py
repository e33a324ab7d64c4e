"""What every model keeps to."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from flexmeasures.forecasting.engine.auto import Auto
from flexmeasures.forecasting.engine.linear import Linear
from flexmeasures.forecasting.engine.model import CannotForecast, Model
from flexmeasures.forecasting.engine.naive import Average, Naive, SeasonalNaive
from flexmeasures.forecasting.engine.series import Regressor, Series
from flexmeasures.forecasting.engine.tests.worlds import (
    always_known,
    building,
    known_after,
    lasting,
    series_of,
)

MODELS: list[Model] = [Auto(), Linear(), SeasonalNaive(), Naive(), Average()]
AHEAD = np.array([0, 5, 23, 47])
BAND = (0.05, 0.5, 0.95)

each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)


def pairs(first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    viewpoints = np.repeat(np.arange(first, last), len(AHEAD))
    return viewpoints + np.tile(AHEAD, last - first), viewpoints


def with_weather(days: int = 40) -> Series:
    """The building, heated: a temperature is forecast, and another one measured."""
    series = building(days)
    cold = lasting(len(series), 4.0, seed=2)
    return replace(
        series,
        values=series.values + 5 * cold,
        regressors={"forecast": always_known(cold), "measured": known_after(cold)},
    )


def poisoned(series: Series, viewpoint: int) -> Series:
    """Nonsense in place of all that became known later."""
    values = series.values.copy()
    values[series.known_before(np.array([viewpoint]))[0] :] = -1e9
    values[-1] = np.inf
    values[-40::3] = np.nan
    regressors = {}
    for name, by in series.regressors.items():
        late = by.known > viewpoint
        regressors[name] = Regressor(by.event, by.known, np.where(late, 1e12, by.value))
    return replace(series, values=values, regressors=regressors)


@each_model
def test_nothing_after_the_viewpoint_has_any_influence(model: Model) -> None:
    series = with_weather()
    viewpoint = 36 * 24 + 7
    fitted = model.fit(series, viewpoint, AHEAD, BAND)
    again = model.fit(poisoned(series, viewpoint), viewpoint, AHEAD, BAND)
    events, viewpoints = pairs(viewpoint, viewpoint + 24)
    found = fitted.predict(series, events, viewpoints)
    same = again.predict(series, events, viewpoints)
    assert found.values.tobytes() == same.values.tobytes()
    cut = viewpoint + 10
    before = viewpoints <= cut
    bad = fitted.predict(poisoned(series, cut), events, viewpoints)
    assert found.quantiles is not None and bad.quantiles is not None
    assert found.values[before].tobytes() == bad.values[before].tobytes()
    assert found.quantiles[before].tobytes() == bad.quantiles[before].tobytes()


@each_model
def test_prices_known_a_day_ahead_do_not_leak_either(model: Model) -> None:
    """All prices of a day are known at noon of the day before."""
    series = building(60)
    known = np.maximum((series.calendar.day - series.calendar.day[0]) * 24 - 12, 0)
    series = replace(series, known=known)
    viewpoint = 50 * 24
    ahead = np.arange(12, 60)
    fitted = model.fit(series, viewpoint, ahead, BAND)
    viewpoints = np.full(36, viewpoint + 11)
    events = viewpoint + 24 + np.arange(36)
    found = fitted.predict(series, events, viewpoints)
    bad = fitted.predict(poisoned(series, viewpoint + 11), events, viewpoints)
    assert np.isfinite(found.values).all()
    assert found.values.tobytes() == bad.values.tobytes()


@each_model
def test_the_same_question_gets_the_same_answer_to_the_bit(model: Model) -> None:
    series = building(30)
    events, viewpoints = pairs(30 * 24, 30 * 24 + 12)
    first, second = (
        model.fit(series, 30 * 24, AHEAD, BAND).predict(series, events, viewpoints)
        for _ in range(2)
    )
    assert first.values.tobytes() == second.values.tobytes()


@each_model
def test_bands_rise_and_hold_the_forecast(model: Model) -> None:
    series = building(40)
    events, viewpoints = pairs(40 * 24, 40 * 24 + 24)
    found = model.fit(series, 40 * 24, AHEAD, BAND).predict(series, events, viewpoints)
    assert found.quantiles is not None
    assert found.quantiles.shape == (len(events), 3)
    assert (np.diff(found.quantiles, axis=1) >= 0).all()
    assert np.allclose(found.quantiles[:, 1], found.values)


@each_model
def test_fits_are_small_and_can_be_pickled(model: Model) -> None:
    series = building(100)
    events, viewpoints = pairs(100 * 24, 100 * 24 + 5)
    fitted = model.fit(series, 100 * 24, AHEAD, BAND)
    stored = pickle.dumps(fitted)
    assert len(stored) < 2_000_000
    found = fitted.predict(series, events, viewpoints).values
    kept = pickle.loads(stored).predict(series, events, viewpoints).values
    assert found.tobytes() == kept.tobytes()


RNG = np.random.default_rng(3)


def gappy(count: int) -> np.ndarray:
    values = building(count // 24, future=0).values
    values[50:350] = np.nan
    values[RNG.random(count) < 0.2] = np.nan
    return values


def spiky(count: int) -> np.ndarray:
    values = building(count // 24, future=0).values
    values[::97] = 1e6
    values[5] = -np.inf
    return values


ODD = {
    "nothing": series_of(np.full(24 * 30, np.nan)),
    "no steps but future": series_of(np.array([np.nan])),
    "one value": series_of(np.append(7.0, np.full(99, np.nan))),
    "six hours": series_of(np.append(np.arange(6.0), np.full(60, np.nan))),
    "two days": building(2),
    "five days": building(5),
    "constant": series_of(np.append(np.full(24 * 30, 5.0), np.full(72, np.nan))),
    "zero": series_of(np.append(np.zeros(24 * 30), np.full(72, np.nan))),
    "gaps": series_of(np.append(gappy(24 * 40), np.full(72, np.nan))),
    "spikes": series_of(np.append(spiky(24 * 40), np.full(72, np.nan))),
    "long gap before": series_of(np.append(building(30).values[: 24 * 30], np.full(300, np.nan))),
    "weeks": series_of(np.append(np.sin(np.arange(104)), np.full(8, np.nan)), per_day=1 / 7),
    "days": series_of(np.append(np.arange(300) % 7.0, np.full(8, np.nan)), per_day=1),
    "5 minutes": building(12, per_day=288),
    "7 minutes": series_of(np.append(np.sin(np.arange(4000.0)), np.full(99, np.nan)), 1440 / 7),
    "huge": series_of(np.append(1e300 * np.sin(np.arange(500.0)), np.full(50, np.nan))),
    "tiny": series_of(np.append(1e-300 * np.sin(np.arange(500.0)), np.full(50, np.nan))),
    "regressor never": replace(
        building(30), regressors={"none": always_known(np.full(792, np.nan))}
    ),
    "regressor ends": replace(
        building(30), regressors={"some": always_known(np.arange(24.0 * 30)).up_to(10**9)}
    ),
    "regressor infinite": replace(
        building(30), regressors={"bad": always_known(np.full(792, np.inf))}
    ),
}


@each_model
@pytest.mark.parametrize("name", ODD)
def test_odd_series_get_a_forecast_or_a_reason(model: Model, name: str) -> None:
    series = ODD[name]
    measured = np.flatnonzero(np.isfinite(series.values))
    last = len(series) if name == "long gap before" else (measured[-1] + 1 if len(measured) else 0)
    viewpoint = min(int(last), len(series) - 1)
    events = np.arange(max(viewpoint - 2, 0), len(series))
    viewpoints = np.full(len(events), viewpoint)
    try:
        fitted = model.fit(series, viewpoint, AHEAD, BAND)
    except CannotForecast as reason:
        assert str(reason)
        return
    found = fitted.predict(series, events, viewpoints)
    assert found.quantiles is not None
    assert not np.isinf(found.values).any()
    assert not np.isinf(found.quantiles).any()
    usual = series.values[measured][np.abs(series.values[measured]) < 1e5]
    if name not in ("nothing", "huge") and len(usual):
        span = max(np.ptp(usual), 1e-6)
        assert (found.values[np.isfinite(found.values)] <= usual.max() + span).all()
        assert (found.values[np.isfinite(found.values)] >= usual.min() - span).all()


def test_a_single_value_is_enough_for_the_last_rungs() -> None:
    series = ODD["one value"]
    models: list[Model] = [Naive(), Average()]
    for model in models:
        found = model.fit(series, 1, AHEAD, ()).predict(series, np.array([3]), np.array([1]))
        assert found.values.tolist() == [7.0]


@pytest.mark.parametrize("model", [Auto(), Linear()], ids=["auto", "linear"])
def test_spikes_of_a_broken_meter_do_not_ruin_forecasts(model: Model) -> None:
    clean, spiked = building(60), building(60)
    spiked.values[3:1400:59] = 1e6
    viewpoint = 60 * 24
    events = np.arange(viewpoint, viewpoint + 48)
    viewpoints = np.full(48, viewpoint)
    found = model.fit(spiked, viewpoint, np.arange(48)).predict(spiked, events, viewpoints).values
    ideal = model.fit(clean, viewpoint, np.arange(48)).predict(clean, events, viewpoints).values
    assert np.abs(found - ideal).mean() < 3


def test_forecasts_are_within_the_limits_of_the_series() -> None:
    series = replace(building(40), lower=45.0, upper=80.0)
    for model in MODELS:
        fitted = model.fit(series, 40 * 24, AHEAD, BAND)
        events, viewpoints = pairs(40 * 24, 40 * 24 + 20)
        found = fitted.predict(series, events, viewpoints)
        assert found.quantiles is not None
        for values in (found.values, found.quantiles):
            assert (values >= 45).all() and (values <= 80).all()


def test_what_was_never_negative_will_not_be() -> None:
    values = np.maximum(np.sin(np.arange(24 * 50) * 2 * np.pi / 24), 0) * 5
    values = np.where(RNG.random(len(values)) < 0.1, 0, values)
    series = series_of(np.append(values, np.full(72, np.nan)))
    fitted = Auto().fit(series, 24 * 50, np.arange(48), BAND)
    found = fitted.predict(series, 24 * 50 + np.arange(48), np.full(48, 24 * 50))
    assert found.quantiles is not None
    assert found.quantiles.min() >= 0
    assert any("never negative" in note for note in fitted.notes)
