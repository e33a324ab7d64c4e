"""The parts that models are made of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from flexmeasures.forecasting.engine.blend import choose_shares
from flexmeasures.forecasting.engine.features import Bounds, Past, build
from flexmeasures.forecasting.engine.limits import Limits
from flexmeasures.forecasting.engine.lines import Scale, Way, fit_line, fit_lines
from flexmeasures.forecasting.engine.quantiles import Bands
from flexmeasures.forecasting.engine.sample import Anchors, draw
from flexmeasures.forecasting.engine.series import Floats, Regressor, Steps
from flexmeasures.forecasting.engine.tests.worlds import building, series_of
from flexmeasures.forecasting.engine.transform import BoxCox, candidates

RNG = np.random.default_rng(7)


def fit_to(
    inputs: Floats, target: Floats, independent: float, absolute: bool
) -> Callable[[Floats], Floats]:
    scale = Scale.of(inputs)
    line = fit_line(scale(inputs), target, Way(np.ones(len(target)), independent, absolute))
    return lambda others: line(scale(others))


def test_a_line_is_found() -> None:
    inputs = RNG.normal(size=(500, 3))
    target = 4 + inputs @ np.array([2.0, 0.0, -1.0])
    line = fit_to(inputs, target, 500, absolute=False)
    assert line(np.array([[1.0, 5.0, 1.0]]))[0] == pytest.approx(5.0, abs=0.01)


def test_least_absolute_errors_do_not_follow_a_few_far_ones() -> None:
    inputs = RNG.normal(size=(500, 1))
    target = inputs[:, 0].copy()
    target[::10] += 100
    squared, absolute = (
        fit_to(inputs, target, 500, absolute=choice)(np.zeros((1, 1)))[0]
        for choice in (False, True)
    )
    assert squared > 5
    assert abs(absolute) < 0.2


def test_of_noise_less_is_made_than_least_squares_would() -> None:
    """The ridge grows with the noise: 40 features tell nothing of what follows."""
    inputs, target = RNG.normal(size=(100, 40)), RNG.normal(size=100)
    others = RNG.normal(size=(500, 40))
    plain = others @ np.linalg.lstsq(inputs, target, rcond=None)[0]
    found = fit_to(inputs, target, 20, absolute=False)(others)
    assert found.std() < 0.6 * plain.std()


def test_missing_inputs_count_as_their_mean() -> None:
    inputs = RNG.normal(size=(200, 2)) + 3
    line = fit_to(inputs, inputs.sum(axis=1), 200, absolute=False)
    gap = line(np.array([[np.nan, 3.0]]))[0]
    assert gap == pytest.approx(inputs[:, 0].mean() + 3, abs=0.1)
    empty = fit_to(np.full((50, 1), np.nan), np.arange(50.0), 50, absolute=True)
    assert np.isfinite(empty(np.array([[np.nan], [7.0]]))).all()


def test_lines_between_anchors_are_blended() -> None:
    lead = np.repeat([0.0, 10.0], 100)
    target = np.where(lead == 0, 1.0, 3.0)
    way = Way(np.ones(200), independent=100, absolute=False)
    lines = fit_lines(np.zeros((200, 1)), lead, target, (way, way), most=8)
    found = lines(np.zeros((3, 1)), np.array([0.0, 5.0, 99.0]))
    assert found.shape == (3, 2)
    assert found[:, 0] == pytest.approx([1, 2, 3])


def test_few_leads_are_all_anchors_and_many_are_thinned() -> None:
    assert Anchors.of(np.array([3.0, 23, 3, 95]), 8).leads.tolist() == [3, 23, 95]
    many = Anchors.of(np.arange(192.0), 8)
    assert len(many) <= 8
    assert many.leads[0] == 0 and many.leads[-1] == 191
    assert many.shares(np.arange(-5.0, 300)).sum(axis=1) == pytest.approx(1)


def test_shares_go_to_the_forecast_that_is_right() -> None:
    target = RNG.normal(size=400)
    right, wrong = target + 0.01 * RNG.normal(size=400), RNG.normal(size=400)
    shares = choose_shares(
        np.column_stack([wrong, right]), target, np.zeros(400), np.ones(400), np.ones(2), 8
    )
    assert shares.shares[0, 1] > 0.9


def test_a_test_of_few_days_moves_shares_less() -> None:
    """Twenty days count as much as the even mixture there is from the start."""
    target = RNG.normal(size=400)
    both = np.column_stack([RNG.normal(size=400), target])
    long, short, none = (
        choose_shares(both, target, np.zeros(400), np.ones(400), np.ones(2), 8, days).shares[0, 1]
        for days in (2000.0, 20.0, 0.0)
    )
    assert long > 0.9
    assert short == pytest.approx((long + 0.5) / 2, abs=0.01)
    assert none == pytest.approx(0.5)


def test_shares_of_forecasts_with_opposite_errors_are_even() -> None:
    target = RNG.normal(size=400)
    error = RNG.normal(size=400)
    both = np.column_stack([target + error, target - error])
    shares = choose_shares(both, target, np.zeros(400), np.ones(400), np.ones(2), 8)
    assert shares.shares[0] == pytest.approx([0.5, 0.5], abs=0.06)


def test_bands_hold_as_many_errors_as_they_should() -> None:
    size = np.repeat([1.0, 10.0], 5000)
    errors = RNG.normal(size=10_000) * size
    bands = Bands.of(errors, size, np.zeros(10_000), (0.05, 0.95))
    around = bands.around(np.zeros(10_000), size, np.zeros(10_000))
    inside = (errors >= around[:, 0]) & (errors <= around[:, 1])
    assert inside[:5000].mean() == pytest.approx(0.9, abs=0.02)
    assert inside[5000:].mean() == pytest.approx(0.9, abs=0.02)


def test_bands_of_few_independent_errors_are_wider() -> None:
    errors = RNG.normal(size=1000)
    one = np.ones(1000)
    narrow = Bands.of(errors, one, 0 * one, (0.05, 0.95)).errors[0]
    wide = Bands.of(errors, one, 0 * one, (0.05, 0.95), independent=lambda lead: 15.0).errors[0]
    assert 1.05 * np.ptp(narrow) < np.ptp(wide) < 1.5 * np.ptp(narrow)


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        pytest.param(np.append(np.sin(np.arange(1000.0)), 1e6), 1000, id="a spike"),
        pytest.param(np.append(np.zeros(1000), 5.0), 1001, id="one that is not zero"),
        pytest.param(np.append(np.full(10, 30.0), np.sin(np.arange(9990.0))), 9990, id="far ones"),
        pytest.param(np.append(np.ones(900), np.full(100, 1000.0)), 1000, id="a device that is on"),
        pytest.param(np.append(RNG.normal(size=1000), np.full(700, 900.0)), 1700, id="a new level"),
        pytest.param(np.array([np.inf, 1e300, 1.0]), 1, id="no numbers"),
    ],
)
def test_faults_are_told_from_what_is_rare(values: np.ndarray, kept: int) -> None:
    assert np.isfinite(Bounds.of(values, 672).clean(values)).sum() == kept


def test_limits_come_from_history() -> None:
    plant = np.clip(RNG.normal(size=2000), 0, 1)
    assert Limits.of(series_of(plant), plant).apply(np.array([-3.0, 0.5, 3.0])).tolist() == [
        0,
        0.5,
        1,
    ]
    price = RNG.normal(size=2000)
    assert Limits.of(series_of(price), price).lower < price.min()


def test_the_transformation_can_be_undone() -> None:
    values = np.array([0.0, 0.5, 3.0, 700.0])
    for power in (0.25, 0.5):
        both_ways = BoxCox(power, 5.0)
        assert both_ways(values)[0] == 0
        assert both_ways.inverse(both_ways(values)) == pytest.approx(values)


def test_only_what_is_often_zero_is_transformed() -> None:
    assert candidates(np.array([0.0, 0, 3, 4]))
    assert not candidates(np.array([1.0, 2, 3, 4]))
    assert not candidates(np.array([0.0, 0, -3, 4]))
    assert not candidates(np.zeros(9))


def test_features_know_the_latest_value_and_what_is_usual() -> None:
    series = building(30, noise=0.0)
    past = Past(series, Bounds.of(series.values, 672))
    event = np.array([28 * 24 + 12])  # a Monday noon
    viewpoint = event - 24
    found = build(past, event, viewpoint, past.known(event, viewpoint))
    assert found["lead"] == 24
    assert found["latest_0"] == 40  # Sunday before noon
    assert found["day_0"] == 40  # Saturday noon, as Sunday noon is not known yet
    assert found["week_0"] == 100 and found["alike"] == 100
    assert found["usual_kind"] == pytest.approx(100)
    assert found["anomaly_kind"] == pytest.approx(0)


def test_behind_a_gap_one_forecasts_from_its_start() -> None:
    series = building(30)
    series.values[29 * 24 :] = np.nan
    past = Past(series, Bounds.of(series.values, 672))
    now = np.array([30 * 24])
    assert past.known(now, now) == 29 * 24


def test_the_sample_is_the_same_each_time_and_from_before_the_viewpoint() -> None:
    series = building(60)
    past = Past(series, Bounds.of(series.values, 672))
    first, second = (draw(past, 50 * 24, np.arange(48), 500, 10) for _ in range(2))
    assert len(first) == 500
    assert first.events.tolist() == second.events.tolist()
    assert first.events.max() < 50 * 24
    assert set((first.events - first.viewpoints).tolist()) <= set(range(48))


def issued(every: int, length: int, steps: int) -> Regressor:
    """Forecasts that are issued every so many steps, for so many steps; the value is the event."""
    issue = np.repeat(np.arange(0, steps, every), length)
    event = issue + np.tile(np.arange(length), len(issue) // length)
    order = np.lexsort((issue, event))
    return Regressor(event[order], issue[order], event[order].astype(np.float64))


def looked_up(regressor: Regressor, events: Steps, viewpoint: int) -> dict[str, Floats]:
    series = series_of(np.arange(240.0), regressors={"wind": regressor})
    past = Past(series, Bounds.of(series.values, 240))
    viewpoints = np.full_like(events, viewpoint)
    return build(past, events, viewpoints, past.known(events, viewpoints))


def test_the_last_of_the_weather_forecasts_stands_in_for_events_beyond_their_end() -> None:
    """At step 102, the latest one is of step 96, and tells of steps up to 131."""
    found = looked_up(issued(12, 36, 240), np.array([110, 130, 131, 132, 137, 155, 156]), 102)
    assert found["wind@event"][:6].tolist() == [110, 130, 131, 131, 131, 131]
    assert np.isnan(found["wind@event"][6])  # more than a day beyond
    assert found["wind@after"][:4].tolist() == [111, 131, 131, 131]
    assert found["wind@before"][:4].tolist() == [109, 129, 130, 131]
    assert (found["wind@beyond"] * 24).round().tolist() == [0, 0, 0, 1, 6, 24, 0]


def test_measurements_do_not_stand_in_for_weather_forecasts() -> None:
    steps = np.arange(240)
    found = looked_up(
        Regressor(steps, steps + 1, steps.astype(np.float64)), np.array([102, 110]), 102
    )
    assert np.isnan(found["wind@event"]).all()
    assert found["wind@latest"].tolist() == [101, 101]
    assert not found["wind@beyond"].any()
