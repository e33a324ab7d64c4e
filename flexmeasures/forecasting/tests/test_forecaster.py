from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from timely_beliefs.sensors.func_store.knowledge_horizons import x_days_ago_at_y_oclock

from flexmeasures.data.beliefs.rows import microseconds
from flexmeasures.forecasting import registry
from flexmeasures.forecasting.base import Forecasts, Settings
from flexmeasures.forecasting.engine.model import CannotForecast, Fitted
from flexmeasures.forecasting.exceptions import InvalidHorizonException, NotEnoughDataException
from flexmeasures.forecasting.forecaster import ModelForecaster
from flexmeasures.forecasting.tests.worlds import (
    DAY,
    HOUR,
    QUARTER,
    START,
    Latest,
    World,
)

NewWorld = Callable[..., World]
NO_HOLIDAYS = Settings(public_holidays=False)


def forecaster(world: World, term: str = "latest", **kwargs: Any) -> ModelForecaster:
    kwargs = {"settings": NO_HOLIDAYS} | kwargs
    return ModelForecaster(world.sensor, model_search_term=term, **kwargs)


def values(made: Forecasts) -> list[float]:
    return made.frame["value"].tolist()


def test_each_event_is_seen_from_its_horizon_before(new_world: NewWorld, latest: Latest) -> None:
    world = new_world(QUARTER)
    world.measure(np.arange(200))
    begin = START + 100 * QUARTER
    made = forecaster(world).rolling(begin, begin + HOUR, [HOUR, 6 * HOUR])
    frame = made.frame
    assert len(made) == 8
    starts = [begin + event * QUARTER for event in range(4) for _ in "ab"]
    assert frame["event_start"].tolist() == starts
    horizons = [6 * HOUR, HOUR]
    assert frame["belief_horizon"].tolist() == 4 * [pd.Timedelta(h) for h in horizons]
    known = [start + QUARTER - horizon for start, horizon in zip(starts, 4 * horizons, strict=True)]
    assert frame["belief_time"].tolist() == known
    # An hour before event 100 is known, event 96 is.
    assert values(made) == [76, 96, 77, 97, 78, 98, 79, 99]
    assert frame["rung"].unique().tolist() == ["latest model v1"]
    assert any("latest model v1: The latest value is repeated" in note for note in made.notes)


def test_all_events_are_seen_from_one_moment(new_world: NewWorld, latest: Latest) -> None:
    world = new_world(QUARTER)
    world.measure(np.arange(200))
    seen = START + 100 * QUARTER + timedelta(minutes=3)
    made = forecaster(world, quantiles=[0.9, 0.1]).fixed(START + 98 * QUARTER, seen + HOUR, seen)
    frame = made.frame
    # Event 100 is not known yet; the two before are.
    assert frame["event_start"].iloc[0] == START + 100 * QUARTER
    assert len(frame) == 5
    assert (frame["belief_time"] == seen).all()
    assert frame["belief_horizon"].iloc[0] == pd.Timedelta(minutes=12)
    assert values(made) == 5 * [99]
    assert frame[0.1].tolist() == pytest.approx(5 * [98.6])
    assert frame[0.9].tolist() == pytest.approx(5 * [99.4])
    assert any("2 events are known by then" in note for note in made.notes)


def test_forecasts_go_on_from_the_last_value_there_is(new_world: NewWorld, latest: Latest) -> None:
    world = new_world()
    world.measure([1, 2, 3])
    made = forecaster(world).rolling(START + 40 * DAY, START + 41 * DAY, [HOUR])
    assert values(made) == 24 * [3]
    made = forecaster(world).fixed(START + 40 * DAY, START + 41 * DAY, START + 39 * DAY)
    assert values(made) == 24 * [3]


def test_belief_time_limits_what_counts(new_world: NewWorld, latest: Latest) -> None:
    world = new_world()
    world.measure(np.arange(100))
    limited = forecaster(world, belief_time=START + 10 * HOUR)
    made = limited.rolling(START + 8 * HOUR, START + 14 * HOUR, [HOUR])
    assert values(made) == [7, 8, 9, 9, 9, 9]
    assert (made.frame["belief_horizon"] == pd.Timedelta(HOUR)).all()
    assert values(limited.fixed(START + DAY, START + 25 * HOUR, START + 20 * HOUR)) == [9]


def test_prices_known_the_day_before_are_seen_from_before_that(
    new_world: NewWorld, latest: Latest
) -> None:
    rule = (x_days_ago_at_y_oclock, {"x": 1, "y": 12, "z": "Europe/Amsterdam"})
    world = new_world(unit="EUR/MWh", knowledge_horizon=rule)
    midnight = datetime(2026, 1, 5, tzinfo=ZoneInfo("Europe/Amsterdam"))
    world.measure(np.repeat(np.arange(20), 24), midnight)
    day = midnight + 10 * DAY
    made = forecaster(world).rolling(day, day + DAY, [HOUR, 25 * HOUR])
    # At 11:00, only the prices of the same day are known.
    by_horizon = made.frame.groupby("belief_horizon")["value"].unique()
    assert by_horizon[pd.Timedelta(HOUR)].tolist() == [9]
    assert by_horizon[pd.Timedelta(25 * HOUR)].tolist() == [8]
    belief_time = made.frame["belief_time"]
    assert belief_time.max() == day - DAY + 11 * HOUR
    assert belief_time.min() == day - 2 * DAY + 11 * HOUR


@pytest.mark.parametrize("zone", ["Europe/Amsterdam", "Australia/Lord_Howe", "Asia/Kolkata"])
def test_days_are_seen_from_the_days_before(new_world: NewWorld, latest: Latest, zone: str) -> None:
    world = new_world(DAY, zone)
    first = datetime(2025, 1, 1, tzinfo=ZoneInfo(zone))
    starts = [first + timedelta(days=day) for day in range(365)]
    times = np.array([microseconds(start) for start in starts])
    world.believe(world.sensor, times, np.arange(365), np.zeros(365, np.int64))
    made = forecaster(world).rolling(starts[5], starts[-1], [DAY, 2 * DAY])
    by_horizon = made.frame.set_index("event_start").groupby("belief_horizon")["value"]
    for horizon, before in ((DAY, 1), (2 * DAY, 2)):
        found = by_horizon.get_group(pd.Timedelta(horizon))
        assert len(found) == 359
        lag = np.arange(5, 364) - found.to_numpy()
        # Two days before a day that follows one of 25 hours is within the third day before.
        assert (lag == before).mean() > 0.99
        assert (lag >= before).all()
    assert made.frame["event_start"].is_monotonic_increasing


def test_instantaneous_readings(new_world: NewWorld, latest: Latest) -> None:
    world = new_world(timedelta(0))
    world.measure(np.arange(100), step=QUARTER)
    begin = START + 50 * QUARTER
    made = forecaster(world).rolling(begin, begin + HOUR, [HOUR])
    # The reading at the belief time itself is known.
    assert values(made) == [46, 47, 48, 49]
    assert made.frame["event_start"].tolist() == [begin + number * QUARTER for number in range(4)]
    assert made.frame["belief_time"].tolist()[0] == begin - HOUR


def test_fits_stand_on_mondays_then_midnights_then_hours(
    new_world: NewWorld, latest: Latest
) -> None:
    world = new_world(QUARTER)
    local = datetime(2026, 1, 5, tzinfo=ZoneInfo("Europe/Amsterdam"))
    world.measure(np.arange(96 * 100), local)

    def fitted_at(day: float, days: float) -> list[datetime]:
        latest.fits.clear()
        begin = local + timedelta(days=day)
        forecaster(world).rolling(begin, begin + timedelta(days=days), [HOUR])
        first = local.astimezone(timezone.utc)
        return [first + viewpoint * QUARTER for _, viewpoint, _ in latest.fits]

    hours = fitted_at(0.5, 0.25)
    assert hours == [local + (11 + hour) * HOUR for hour in range(7)]
    assert fitted_at(10.5, 2) == [local + day * DAY for day in (10, 11, 12)]
    # From the ninth week on; the clock changed on 29 March.
    monday = datetime(2026, 3, 30, tzinfo=ZoneInfo("Europe/Amsterdam"))
    assert fitted_at(86, 8) == [monday, monday + timedelta(days=7)]


def test_a_first_measurement_is_enough_at_once(new_world: NewWorld) -> None:
    """Also before the next whole hour, at which the first fit would be made otherwise."""
    world = new_world(QUARTER)
    world.measure([7], START + QUARTER)
    known = START + 2 * QUARTER
    made = forecaster(world, "auto").fixed(known, known + DAY, known)
    assert values(made) == 96 * [7]
    # As it is from its knowledge time on, and not before.
    made = forecaster(world, "auto").rolling(START, START + 2 * HOUR, [HOUR])
    assert made.frame["event_start"].min() == START + 5 * QUARTER


def test_fits_see_only_what_was_known(new_world: NewWorld, latest: Latest) -> None:
    world = new_world()
    weather = world.add("temperature", unit="°C")
    world.measure(np.arange(24 * 90))
    world.measure(np.arange(24 * 90), sensor=weather)
    begin = START + 80 * DAY
    forecaster(world, regressors=[weather]).rolling(begin, begin + DAY, [HOUR])
    [(series, viewpoint, _)] = latest.fits
    monday = datetime(2026, 3, 22, 23, tzinfo=timezone.utc)
    assert np.isfinite(series.values).sum() == viewpoint == (monday - START) // HOUR
    [regressor] = series.regressors.values()
    assert regressor.known.max() <= viewpoint


def test_one_fit_serves_the_jobs_of_all_usual_horizons(new_world: NewWorld, latest: Latest) -> None:
    world = new_world(QUARTER)
    world.measure(np.arange(96 * 10))
    begin = START + 9 * DAY
    for horizon in (HOUR, 48 * HOUR):
        latest.fits.clear()
        forecaster(world).rolling(begin, begin + HOUR, [horizon])
        assert latest.fits[0][2].tolist() == [3, 23, 95, 191]
    latest.fits.clear()
    forecaster(world).rolling(begin, begin + HOUR, [2 * HOUR])
    assert latest.fits[0][2].tolist() == [7]
    latest.fits.clear()
    forecaster(world).fixed(begin, begin + HOUR, begin)
    assert latest.fits[0][2].tolist() == list(range(96))


class Memory(dict[str, Fitted]):
    def put(self, key: str, fitted: Fitted) -> None:
        self[key] = fitted


def test_fits_are_kept(new_world: NewWorld, latest: Latest) -> None:
    world, store = new_world(), Memory()
    world.measure(np.arange(24 * 10))
    begin = START + 9 * DAY + 12 * HOUR

    def run(horizon: timedelta = HOUR, **kwargs: Any) -> int:
        latest.fits.clear()
        forecaster(world, store=store, **kwargs).rolling(begin, begin + HOUR, [horizon])
        return len(latest.fits)

    assert run() == 1
    assert run(6 * HOUR) == 0  # stands on the same midnight
    assert run(quantiles=[0.5]) == 1
    # Later measurements change nothing; earlier ones do.
    world.measure([5], START + 9 * DAY + 5 * HOUR, horizon=-DAY)
    assert run() == 0
    world.measure([5], START + 5 * DAY, horizon=-DAY)
    assert run() == 1


@pytest.mark.parametrize("resolution", [QUARTER, HOUR, DAY])
@pytest.mark.parametrize("term", ["linear", "seasonal-naive", "average"])
def test_results_do_not_depend_on_how_work_is_cut(
    new_world: NewWorld, resolution: timedelta, term: str
) -> None:
    world = new_world(resolution)
    local = START - HOUR
    number = 100 * DAY // resolution
    world.measure(np.random.default_rng(0).normal(size=number).cumsum(), local)
    begin, horizons = local + 52 * DAY, [DAY, 2 * DAY]

    def made(term: str, start: datetime, end: datetime) -> pd.DataFrame:
        return forecaster(world, term, quantiles=[0.1]).rolling(start, end, horizons).frame

    whole = made(term, begin, begin + 12 * DAY)
    parts = [made(term, begin + day * DAY, begin + (day + 4) * DAY) for day in (0, 4, 8)]
    pd.testing.assert_frame_equal(whole, pd.concat(parts, ignore_index=True), rtol=1e-9)


def test_models_are_made_for_the_same_distances_however_work_is_cut(
    new_world: NewWorld, latest: Latest
) -> None:
    rule = (x_days_ago_at_y_oclock, {"x": 1, "y": 12, "z": "Europe/Amsterdam"})
    world = new_world(unit="EUR/MWh", knowledge_horizon=rule)
    world.measure(np.arange(24 * 90))
    begin = START + 70 * DAY
    fits = []
    for start, length in ((begin, 7 * DAY), (begin + 5 * HOUR, HOUR)):
        latest.fits.clear()
        forecaster(world).rolling(start, start + length, [24 * HOUR])
        fits.append(latest.fits[0])
    (whole, viewpoint, ahead), (part, other_viewpoint, other_ahead) = fits
    assert viewpoint == other_viewpoint
    assert ahead.tolist() == other_ahead.tolist()
    assert set(ahead.tolist()) >= set(range(36, 60))
    assert np.array_equal(whole.values, part.values, equal_nan=True)


@pytest.mark.parametrize("term", ["auto", "linear", "seasonal-naive", "naive", "average"])
def test_nothing_that_becomes_known_later_changes_a_bit(new_world: NewWorld, term: str) -> None:
    world = new_world(attributes={"is_consumer": True, "is_producer": False})
    weather = world.add("temperature", unit="°C")
    hours = np.arange(24 * 40)
    world.measure(-2 - np.sin(hours / 24 * 2 * np.pi) + hours % 7 / 10)
    world.measure(np.cos(hours / 5), sensor=weather)
    begin = START + 30 * DAY

    def run() -> pd.DataFrame:
        maker = forecaster(world, term, regressors=[weather], quantiles=[0.05, 0.95])
        rolling = maker.rolling(begin, begin + 6 * HOUR, [6 * HOUR, 24 * HOUR]).frame
        return pd.concat([rolling, maker.fixed(begin, begin + DAY, begin).frame])

    before = run()
    for sensor in (world.sensor, weather):
        world.measure(np.full(24 * 9, 1e6), begin, sensor, horizon=-HOUR)  # the last record counts
    world.measure(np.full(48, 777.0), begin + DAY, weather, horizon=2 * HOUR)
    pd.testing.assert_frame_equal(before, run(), check_exact=True)


def ladder(monkeypatch: pytest.MonkeyPatch, *models: Any) -> None:
    """The models "first", "second" and so on; each is the next in line of the one before."""
    names = ["first", "second", "third"][: len(models)]
    for name, model, after in zip(names, models, [*names[1:], None], strict=True):
        entry: Any = lambda m=model, n=name, a=after: (m, f"{n} model v1", a)  # noqa: E731
        monkeypatch.setitem(registry.model_map, name, entry)


def test_the_next_in_line_answers_what_is_left(
    new_world: NewWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(Latest):
        def fit(self, *args: Any, **kwargs: Any) -> Any:
            raise np.linalg.LinAlgError("singular")

    ladder(monkeypatch, Latest(least=10), Broken(), Latest())
    world = new_world()
    world.measure(np.arange(48))
    made = forecaster(world, "First").rolling(START + 8 * HOUR, START + 14 * HOUR, [HOUR])
    assert values(made) == [7, 8, 9, 10, 11, 12]
    rungs = made.frame["rung"].tolist()
    assert rungs == 2 * ["third model v1"] + 4 * ["first model v1"]
    assert any("first model v1: 8 values are too few" in note for note in made.notes)
    assert any("second model v1: LinAlgError: singular" in note for note in made.notes)


def test_the_last_in_line_fails(new_world: NewWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    class Hopeless(Latest):
        def fit(self, *args: Any, **kwargs: Any) -> Any:
            raise CannotForecast("There is no hope.")

    ladder(monkeypatch, Hopeless())
    world = new_world()
    world.measure(np.arange(48))
    with pytest.raises(NotEnoughDataException, match="There is no hope"):
        forecaster(world, "first").rolling(START + DAY, START + 2 * DAY, [HOUR])


def test_models_that_are_their_own_next_end(
    new_world: NewWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Latest(least=99)
    for name, after in (("first", "second"), ("second", "FIRST")):
        entry: Any = lambda n=name, a=after: (model, n, a)  # noqa: E731
        monkeypatch.setitem(registry.model_map, name, entry)
    world = new_world()
    world.measure(np.arange(9))
    with pytest.raises(NotEnoughDataException):
        forecaster(world, "first").rolling(START + DAY, START + 2 * DAY, [HOUR])


@pytest.mark.parametrize("term", ["auto", "linear", "seasonal-naive", "naive", "average"])
@pytest.mark.parametrize(
    "measured", [[5], [5, 5, 5], 300 * [0], [1, *300 * [np.nan], 2], [1e300, -1e300, 1e300, 0, 1]]
)
def test_there_is_always_an_answer(new_world: NewWorld, term: str, measured: list[float]) -> None:
    world = new_world()
    world.measure(measured)
    begin = START + 15 * DAY
    made = forecaster(world, term, quantiles=[0.05, 0.95]).rolling(begin, begin + DAY, [HOUR, DAY])
    assert len(made) == 48
    frame = made.frame
    assert np.isfinite(frame[["value", 0.05, 0.95]].to_numpy()).all()
    assert (frame[0.05] <= frame[0.95]).all()


def test_one_way_devices_stay_on_their_side(new_world: NewWorld, latest: Latest) -> None:
    attributes = {"is_consumer": True, "is_producer": False, "capacity_in_mw": 0.005}
    world = new_world(attributes=attributes)
    world.measure(np.repeat([-3.0, -5], 300))
    world.measure([8, -30], START + 600 * HOUR)  # faults
    made = forecaster(world, quantiles=[0.01, 0.99]).rolling(
        START + 601 * HOUR, START + 603 * HOUR, [HOUR]
    )
    assert values(made) == [0, -5]
    assert made.frame[0.01].tolist() == pytest.approx([0, -5])


def test_limits_that_measurements_do_not_keep_to_are_none(
    new_world: NewWorld, latest: Latest
) -> None:
    world = new_world(attributes={"is_consumer": True, "is_producer": False})
    world.measure(np.full(100, 3.0))
    made = forecaster(world).rolling(START + DAY, START + 25 * HOUR, [HOUR])
    assert values(made) == [3]
    assert any("beyond what attributes allow" in note for note in made.notes)


def test_unknown_model(new_world: NewWorld) -> None:
    with pytest.raises(Exception, match="No model found for search term 'prophet'"):
        forecaster(new_world(), "prophet").rolling(START, START + DAY, [HOUR])


@pytest.mark.parametrize("horizons", [[], [timedelta(0)], [HOUR, -HOUR], [timedelta.max]])
def test_bad_horizons(new_world: NewWorld, horizons: list[timedelta]) -> None:
    with pytest.raises(InvalidHorizonException, match="positive"):
        forecaster(new_world(), "naive").rolling(START, START + DAY, horizons)


@pytest.mark.parametrize("quantile", [0, 1, -0.5, float("nan")])
def test_bad_quantiles(new_world: NewWorld, quantile: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        forecaster(new_world(), quantiles=[quantile])


@pytest.mark.parametrize("resolution", [QUARTER, timedelta(0), 7 * DAY])
def test_too_much_at_once(new_world: NewWorld, resolution: timedelta) -> None:
    end = datetime(9999, 12, 31, tzinfo=timezone.utc)
    with pytest.raises(ValueError, match="too long"):
        forecaster(new_world(resolution), "naive").fixed(START, end, START)


def test_no_events(new_world: NewWorld, latest: Latest) -> None:
    world = new_world()
    world.measure([1, 2, 3])
    assert len(forecaster(world).rolling(START + DAY, START + DAY, [HOUR])) == 0
    assert len(forecaster(world).fixed(START, START + HOUR, START + DAY)) == 0


def test_no_data(new_world: NewWorld) -> None:
    with pytest.raises(NotEnoughDataException) as error:
        forecaster(new_world(), "auto").rolling(START, START + DAY, [HOUR])
    assert str(error.value) == "No data available at all. Forecasting impossible."


def test_data_that_start_too_late(new_world: NewWorld) -> None:
    world = new_world()
    world.measure(np.arange(48), START + 5 * DAY)
    with pytest.raises(NotEnoughDataException) as error:
        forecaster(world, "auto").rolling(START, START + DAY, [6 * HOUR])
    text = str(error.value)
    assert "Not enough data to forecast power for the forecast window" in text
    assert "I needed to query from 2026-01-06" in text
    assert "Consider setting the start date to 2026-01-10 16:00:00+09:00." in text
    # So it is.
    start = START + 5 * DAY + 7 * HOUR
    assert len(forecaster(world, "auto").rolling(start, start + HOUR, [6 * HOUR])) == 1


def test_data_that_start_too_late_for_one_moment(new_world: NewWorld) -> None:
    world = new_world()
    world.measure(np.arange(48), START + 5 * DAY)
    with pytest.raises(NotEnoughDataException) as error:
        forecaster(world, "auto").fixed(START, START + 2 * DAY, START)
    # The first value is known an hour after its start, however far ahead is looked from then.
    assert "Consider setting the start date to 2026-01-10 10:00:00+09:00." in str(error.value)
    start = START + 5 * DAY + HOUR
    assert len(forecaster(world, "auto").fixed(start, start + 2 * DAY, start)) == 48


def test_data_that_ended_too_long_ago(new_world: NewWorld) -> None:
    world = new_world()
    world.measure(np.arange(48))
    settings = Settings(history=10 * DAY)
    maker = forecaster(world, "auto", settings=settings)
    with pytest.raises(NotEnoughDataException, match="I needed to query until") as error:
        maker.rolling(START + 50 * DAY, START + 51 * DAY, [6 * HOUR])
    text = str(error.value)
    assert "the last value available is from 2026-01-07 08:00:00+09:00" in text
    assert "Consider setting the end date to 2026-01-17 15:00:00+09:00." in text
    end = datetime.fromisoformat("2026-01-17 15:00:00+09:00")
    assert len(maker.rolling(end - HOUR, end, [6 * HOUR])) == 1


def test_events_before_anything_is_known_are_left_out(new_world: NewWorld, latest: Latest) -> None:
    world = new_world()
    world.measure(np.arange(48), START + 12 * HOUR)
    made = forecaster(world).rolling(START, START + DAY, [6 * HOUR])
    assert values(made) == [0, 1, 2, 3, 4, 5]
    assert any("18 of 24 forecasts could not be made" in note for note in made.notes)
