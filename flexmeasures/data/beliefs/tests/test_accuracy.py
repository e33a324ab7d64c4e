"""How accurate forecasts were. The events are hourly, and known when they end, unless said."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from operator import le
from typing import Any

import numpy as np
import pytest
from flask_sqlalchemy import SQLAlchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from timely_beliefs.sensors.func_store.knowledge_horizons import x_days_ago_at_y_oclock

from flexmeasures.data.beliefs import wire
from flexmeasures.data.beliefs.accuracy import select_history
from flexmeasures.data.beliefs.save import save
from flexmeasures.data.beliefs.tests.conftest import MakeSensor
from flexmeasures.data.beliefs.tests.utils import HOUR, START, Belief, frame, measurements
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.schemas.utils import FMValidationError
from flexmeasures.data.services.accuracy import (
    ALL_ZERO,
    NO_EVENTS,
    TOO_LARGE,
    Accuracy,
    Errors,
    Score,
    default_horizons,
    measure,
)

DAY = 24 * HOUR
MINUTES = HOUR / 60
PERSISTENCE, YESTERDAY = "persistence", "yesterday"


@pytest.fixture
def meter(sources: list[DataSource]) -> DataSource:
    return sources[0]


@pytest.fixture
def forecaster(sources: list[DataSource]) -> DataSource:
    return sources[1]


def store(sensor: Sensor, *beliefs: Belief) -> None:
    save(frame(sensor, beliefs), unchanged="store")


def accuracy(sensor: Sensor, *horizons: float, **kwargs: Any) -> Accuracy:
    """Of the first day, by default."""
    kwargs = {"start": START, "end": START + DAY} | kwargs
    return measure(sensor, horizons=[hours * HOUR for hours in horizons], **kwargs)


def score(sensor: Sensor, horizon: float, of: Any = None, **kwargs: Any) -> Score:
    """By default, of the first source that has one."""
    found = accuracy(sensor, horizon, **kwargs)
    scores = [*found.scores, *found.references]
    return next(score for score in scores if of is None or score.forecaster == of)


class TestFigures:
    def test_by_hand(self, sensor: Sensor, meter: DataSource, forecaster: DataSource) -> None:
        for event, (truth, forecast) in enumerate([(10, 12), (-10, -11), (20, 20), (0, 5)]):
            store(sensor, Belief(meter, event, 0, truth), Belief(forecaster, event, 6, forecast))
        [found, *_] = accuracy(sensor, 6).scores
        assert found.forecaster == forecaster
        assert found.errors.events == 4
        assert found.errors.mae == 2
        assert found.errors.rmse == pytest.approx(7.5**0.5)
        assert found.errors.bias == 1.5
        assert found.errors.wape == 8 / 40
        assert found.errors.accuracy == 0.8
        assert found.errors.reason is None
        assert (found.belief_horizon, found.band, found.pinball) == (6 * HOUR, None, None)

    def test_nothing_was_measured_but_zeros(
        self, sensor: Sensor, meter: DataSource, forecaster: DataSource
    ) -> None:
        store(sensor, Belief(meter, 0, 0, 0), Belief(forecaster, 0, 6, 2))
        errors = score(sensor, 6).errors
        assert (errors.mae, errors.rmse, errors.bias) == (2, 2, 2)
        assert (errors.wape, errors.accuracy, errors.reason) == (None, None, ALL_ZERO)

    def test_perfect_forecasts(
        self, sensor: Sensor, meter: DataSource, forecaster: DataSource
    ) -> None:
        store(sensor, Belief(meter, 0, 0, 3), Belief(forecaster, 0, 6, 3))
        errors = score(sensor, 6).errors
        assert (errors.mae, errors.rmse, errors.wape, errors.accuracy) == (0, 0, 0, 1)

    def test_numbers_beyond_all_floats(
        self, sensor: Sensor, meter: DataSource, forecaster: DataSource
    ) -> None:
        store(sensor, Belief(meter, 0, 0, -1e308), Belief(forecaster, 0, 6, 1e308))
        errors = score(sensor, 6).errors
        assert (errors.events, errors.mae, errors.rmse, errors.wape) == (1, None, None, None)
        assert errors.reason == TOO_LARGE

    def test_events_without_forecast_or_measurement_are_counted(
        self, sensor: Sensor, meter: DataSource, forecaster: DataSource
    ) -> None:
        store(sensor, *(Belief(meter, event, 0, 1) for event in range(5)))
        store(sensor, *(Belief(forecaster, event, 6, 2) for event in (4, 5, 6)))
        found = score(sensor, 6)
        assert found.errors.events == 1
        assert (found.without_forecast, found.without_measurement) == (4, 2)
        assert accuracy(sensor, 6).measured == 5
        later = score(sensor, 6, start=START + 5 * HOUR)
        assert (later.errors.events, later.errors.mae, later.errors.reason) == (0, None, NO_EVENTS)
        assert (later.without_forecast, later.without_measurement) == (0, 2)


class TestWhatCounts:
    def test_nothing_that_was_believed_later(
        self, sensor: Sensor, meter: DataSource, forecaster: DataSource
    ) -> None:
        beliefs = {48: 1, 24: 2, 6.5: 3, 6: 4, 5.9: 100, 1: 200, -2: 300}
        store(sensor, Belief(meter, 0, 0, 4))
        store(sensor, *(Belief(forecaster, 0, horizon, v) for horizon, v in beliefs.items()))
        found = accuracy(sensor, 49, 48, 24, 7, 6, 5.95).scores
        biases = [score.errors.bias for score in found if score.forecaster == forecaster]
        assert biases == [0, 0, -2, -2, -3, None]
        actual = [score.belief_horizon for score in found if score.forecaster == forecaster]
        assert actual == [6 * HOUR, 6 * HOUR, 24 * HOUR, 24 * HOUR, 48 * HOUR, None]

    def test_older_forecasts_do_and_their_horizon_is_told(
        self, sensor: Sensor, meter: DataSource, forecaster: DataSource
    ) -> None:
        store(sensor, *(Belief(meter, event, 0, 4) for event in range(2)))
        store(sensor, Belief(forecaster, 0, 48, 5), Belief(forecaster, 1, 24, 5))
        found = score(sensor, 1)
        assert (found.errors.mae, found.belief_horizon) == (1, 36 * HOUR)

    def test_the_latest_measurement_does(
        self, sensor: Sensor, meter: DataSource, forecaster: DataSource
    ) -> None:
        store(sensor, Belief(forecaster, 0, 6, 4), Belief(meter, 0, 0, 7), Belief(meter, 0, -9, 5))
        assert score(sensor, 6).errors.bias == -1

    def test_what_forecasters_and_schedulers_say_afterwards_is_no_measurement(
        self, sensor: Sensor, meter: DataSource, session: Any
    ) -> None:
        others = [
            DataSource("S", type=kind) for kind in ("forecaster", "forecasting script", "scheduler")
        ]
        for number, source in enumerate(others):
            source.name += str(number)
        session.add_all(others)
        session.flush()
        store(sensor, Belief(meter, 0, 0, 7), Belief(others[0], 0, 6, 9))
        store(sensor, *(Belief(source, 0, -1, 100) for source in others))
        assert score(sensor, 6).errors.bias == 2
        assert accuracy(sensor, 6).measured_by == [meter]

    def test_any_source_can_forecast(
        self, sensor: Sensor, meter: DataSource, forecaster: DataSource
    ) -> None:
        store(sensor, Belief(meter, 0, 6, 6), Belief(meter, 0, 0, 7), Belief(forecaster, 0, 6, 9))
        found = accuracy(sensor, 6)
        assert [s.forecaster for s in found.scores] == [meter, forecaster]
        assert [s.errors.bias for s in found.scores] == [-1, 2]
        assert [s.forecaster for s in found.references] == [PERSISTENCE, YESTERDAY]
        [only] = accuracy(sensor, 6, sources=[forecaster]).scores
        assert (only.forecaster, only.errors.events) == (forecaster, 1)

    def test_a_source_without_forecasts(
        self, sensor: Sensor, meter: DataSource, forecaster: DataSource
    ) -> None:
        store(sensor, Belief(meter, 0, 0, 7))
        assert accuracy(sensor, 6).scores == []
        errors = score(sensor, 6, sources=[forecaster]).errors
        assert (errors.events, errors.reason) == (0, NO_EVENTS)

    def test_gate_closure(
        self, make_sensor: MakeSensor, meter: DataSource, forecaster: DataSource
    ) -> None:
        """Prices that are known at noon of the day before: horizons count from there."""
        rule = (x_days_ago_at_y_oclock, {"x": 1, "y": 12, "z": "Europe/Amsterdam"})
        sensor = make_sensor(knowledge_horizon=rule)
        store(sensor, *(Belief(meter, event, 0, 10 + event // 24) for event in range(-48, 24)))
        store(sensor, Belief(forecaster, 0, 6, 12), Belief(forecaster, 0, 5, 100))
        found = score(sensor, 6)
        assert (found.errors.bias, found.errors.events) == (2, 1)
        # at six in the morning, prices until the midnight after that are known
        errors = score(sensor, 6, PERSISTENCE).errors
        assert errors.events == 24
        assert errors.bias == pytest.approx(-23 / 24)


class TestQuantiles:
    def test_medians_bands_and_losses(
        self, sensor: Sensor, meter: DataSource, forecaster: DataSource
    ) -> None:
        def quantiles(event: int, values: dict[float, float]) -> list[Belief]:
            return [Belief(forecaster, event, 6, v, p) for p, v in values.items()]

        store(sensor, *(Belief(meter, event, 0, 10) for event in range(5)))
        store(sensor, *quantiles(0, {0.05: 8, 0.5: 11, 0.95: 12}))
        store(sensor, *quantiles(1, {0.05: 10, 0.5: 11, 0.95: 12}))
        store(sensor, *quantiles(2, {0.05: 11, 0.5: 12, 0.95: 13}))
        store(sensor, *quantiles(3, {0.25: 9, 0.75: 10}))
        store(sensor, *quantiles(4, {0.5: 20}))
        found = score(sensor, 6)
        assert found.errors.bias == pytest.approx((1 + 1 + 2 - 0.5 + 10) / 5)
        assert found.band is not None
        band = found.band
        assert (band.lower, band.upper, band.nominal) == (0.05, 0.95, 0.9)
        assert band.events == 3
        assert band.coverage == pytest.approx(2 / 3)
        losses = [0.1, 0.5, 0.1, 0, 0.5, 0.1, 0.95, 1, 0.15, 0.25, 0]
        assert found.pinball == pytest.approx(np.mean(losses))

    def test_of_the_latest_belief_only(
        self, sensor: Sensor, meter: DataSource, forecaster: DataSource
    ) -> None:
        store(sensor, Belief(meter, 0, 0, 10))
        store(sensor, *(Belief(forecaster, 0, 24, 10 + 9 * p, p) for p in (0.05, 0.5, 0.95)))
        store(sensor, Belief(forecaster, 0, 6, 11))
        found = score(sensor, 6)
        assert (found.errors.bias, found.band, found.pinball) == (1, None, None)
        assert score(sensor, 7).errors.bias == pytest.approx(4.5)


class TestReferences:
    def test_by_hand(self, sensor: Sensor, meter: DataSource, forecaster: DataSource) -> None:
        """Each event of the first day was as long ago as its number says."""
        store(sensor, *(Belief(meter, event, 0, 100 + event) for event in range(-200, 24)))
        store(sensor, *(Belief(forecaster, event, 48, 101 + event) for event in range(24)))
        ahead = {1: (1, 24), 6: (6, 24), 24: (24, 24), 25: (25, 48), 48: (48, 48), 49: (49, 72)}
        for horizon, (last, day) in ahead.items():
            for name, distance in ((PERSISTENCE, last), (YESTERDAY, day)):
                found = score(sensor, horizon, name)
                assert (found.errors.events, found.errors.mae) == (24, distance)
                assert found.errors.bias == -distance
        skill = score(sensor, 48, forecaster).skill
        assert skill == {PERSISTENCE: 1 - 1 / 48, YESTERDAY: 1 - 1 / 48}
        assert score(sensor, 1, forecaster).skill == {PERSISTENCE: 0, YESTERDAY: 1 - 1 / 24}

    def test_gaps(self, sensor: Sensor, meter: DataSource) -> None:
        """Of two days. And after a week, nothing that was measured before counts."""
        store(sensor, *(Belief(meter, event, 0, 100 + event) for event in range(-80, -48)))
        store(sensor, Belief(meter, 0, 0, 100), Belief(meter, 200, 0, 300))
        assert score(sensor, 6, PERSISTENCE).errors.mae == 49
        assert score(sensor, 6, YESTERDAY).errors.mae == 72
        window = {"start": START + 200 * HOUR, "end": START + 201 * HOUR}
        for name in (PERSISTENCE, YESTERDAY):
            found = score(sensor, 6, name, **window)
            assert (found.errors.events, found.without_forecast) == (0, 1)

    def test_skill_counts_events_of_both(
        self, sensor: Sensor, meter: DataSource, forecaster: DataSource
    ) -> None:
        store(sensor, *(Belief(meter, event, 0, 10 + event) for event in range(3)))
        store(sensor, *(Belief(forecaster, event, 2, 10 + event * 1.5) for event in range(3)))
        # of the last event only, something was known two hours before it could be known
        assert score(sensor, 2, forecaster).skill == {PERSISTENCE: 0.5, YESTERDAY: None}

    def test_yesterday_is_on_the_clock(self, make_sensor: MakeSensor, meter: DataSource) -> None:
        """In the night to 31 March 2024, Amsterdam's clocks went forward."""
        sensor = make_sensor()
        noon = round((datetime.fromisoformat("2024-03-30T12:00+01:00") - START) / HOUR)
        store(sensor, Belief(meter, noon, 0, 5), Belief(meter, noon + 23, 0, 7))
        store(sensor, Belief(meter, noon - 1, 0, 100))
        found = score(sensor, 6, YESTERDAY, start=START + (noon + 20) * HOUR, end=START + 100 * DAY)
        assert (found.errors.events, found.errors.bias) == (1, -2)

    def test_of_weeks(self, make_sensor: MakeSensor, meter: DataSource) -> None:
        sensor = make_sensor(7 * DAY)
        store(sensor, *(Belief(meter, event, 0, event) for event in range(-20, 20)))
        window = {"start": START, "end": START + 70 * DAY}
        for name in (PERSISTENCE, YESTERDAY):
            assert score(sensor, 7 * 24, name, **window).errors.mae == 1
            assert score(sensor, 7 * 24 + 1, name, **window).errors.mae == 2


class TestPeriod:
    def test_by_default_the_last_30_days_of_measurements(
        self, sensor: Sensor, meter: DataSource, forecaster: DataSource
    ) -> None:
        store(sensor, *(Belief(meter, 24 * day, 0, 5) for day in range(60)))
        store(sensor, *(Belief(forecaster, 24 * day, 6, 6) for day in range(90)))
        found = measure(sensor)
        assert found.end == START + 59 * DAY + HOUR
        assert found.start == found.end - 30 * DAY
        assert (found.measured, found.scores[0].errors.events) == (30, 30)
        assert found.horizons == [1 * HOUR, 6 * HOUR, 24 * HOUR, 48 * HOUR]
        assert len(found.notes) == 2
        assert str(found.start.tzinfo) == "Europe/Amsterdam"
        assert measure(sensor, start=START).measured == 60
        assert measure(sensor, end=START + 10 * DAY).measured == 10
        assert measure(sensor, duration=5 * DAY).measured == 5
        assert measure(sensor, start=START, duration=5 * DAY).measured == 5
        assert measure(sensor, end=START + 9 * DAY, duration=5 * DAY).measured == 5
        after = measure(sensor, start=START + 100 * DAY, horizons=[HOUR])
        assert (after.measured, after.end - after.start) == (0, 30 * DAY)

    def test_events_that_start_in_it(
        self, sensor: Sensor, meter: DataSource, forecaster: DataSource
    ) -> None:
        store(sensor, *(Belief(meter, event, 0, 5) for event in range(5)))
        found = accuracy(sensor, 6, start=START + HOUR, end=START + 3 * HOUR)
        assert found.measured == 2
        assert accuracy(sensor, 6, start=START + 1.5 * HOUR, end=START + 2.5 * HOUR).measured == 1

    def test_readings(
        self, make_sensor: MakeSensor, meter: DataSource, forecaster: DataSource
    ) -> None:
        sensor = make_sensor(timedelta(0))
        store(sensor, *(Belief(meter, event, 0, 5 + event) for event in range(26)))
        store(sensor, Belief(forecaster, 25, 6, 6))
        found = measure(sensor, horizons=[6 * HOUR])
        assert (found.measured, found.scores[0].errors.bias) == (26, -24)
        assert [s.errors.events for s in found.references] == [20, 2]

    def test_nothing(self, sensor: Sensor, forecaster: DataSource) -> None:
        windows: list[Any] = [{}, {"start": START}, {"end": START}]
        for kwargs in windows:
            found = measure(sensor, **kwargs)
            assert (found.measured, found.measured_by) == (0, [])
            assert found.end - found.start >= 30 * DAY
            assert {s.errors for s in found.references} == {Errors(0, reason=NO_EVENTS)}
        store(sensor, Belief(forecaster, 0, 6, 6))
        assert score(sensor, 6).without_measurement == 1

    @pytest.mark.parametrize(
        ("minutes", "hours"),
        [
            (5, [1, 6, 24]),
            (15, [1, 6, 24, 48]),
            (30, [1, 6, 24, 48]),
            (0, [1, 6, 24, 48]),
            (120, [6, 24, 48]),
            (60 * 24 * 7, [168]),
            (60 * 24 * 30, [720]),
        ],
    )
    def test_default_horizons(
        self, make_sensor: MakeSensor, minutes: int, hours: list[int]
    ) -> None:
        sensor = make_sensor(minutes * MINUTES)
        assert default_horizons(sensor) == [hour * HOUR for hour in hours]
        assert measure(sensor).measured == 0

    @pytest.mark.parametrize(
        "wrong",
        [{"horizons": [timedelta(0)]}, {"horizons": []}, {"end": START}, {"duration": -HOUR}],
    )
    def test_bad_input(self, sensor: Sensor, wrong: dict[str, Any]) -> None:
        with pytest.raises(FMValidationError, match=r"positive length|end after it starts"):
            measure(sensor, **{"start": START, **wrong})


BELIEFS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 3),
        st.sampled_from([-30, -2, 0, 1, 2, 6, 7, 30]),
        st.sampled_from([0.5, 0.5, 0.1, 0.9]),
        st.integers(-5, 5),
    ),
    max_size=30,
    unique_by=lambda belief: belief[:4],
)


def median(values: dict[float, float]) -> float:
    """As it is defined, for probabilities of 0.1, 0.5 and 0.9."""
    if 0.5 in values or len(values) == 1:
        return values.get(0.5, next(iter(values.values())))
    return sum(values.values()) / 2


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BELIEFS)
def test_as_defined(
    make_sensor: MakeSensor, sources: list[DataSource], made: list[tuple[Any, ...]]
) -> None:
    """Belief by belief, in loops."""
    sensor = make_sensor()
    who = [sources[0], sources[1], sources[0]]
    beliefs = {
        (who[source], event, horizon, probability): value
        for source, event, horizon, probability, value in made
    }
    store(sensor, *(Belief(s, e, h, v, p) for (s, e, h, p), v in beliefs.items()))

    def latest(source: DataSource, event: int, within: Any) -> float | None:
        horizons = [h for s, e, h, _ in beliefs if (s, e) == (source, event) and within(h)]
        if not horizons:
            return None
        key = (source, event, min(horizons))
        return median(
            {
                p: v
                for (*belief, p), v in sorted(beliefs.items(), key=lambda i: i[0][3])
                if tuple(belief) == key
            }
        )

    found = accuracy(sensor, 1, 6, 24)
    for one in found.scores:
        assert one.source is not None
        errors, unforecast, unmeasured = [], 0, 0
        for event in range(4):
            truth = latest(sources[0], event, lambda horizon: horizon <= 0)
            value = latest(one.source, event, partial(le, one.horizon / HOUR))
            if truth is not None and value is not None:
                errors.append(value - truth)
            unforecast += truth is not None and value is None
            unmeasured += truth is None and value is not None
        assert one.errors.events == len(errors)
        assert (one.without_forecast, one.without_measurement) == (unforecast, unmeasured)
        if errors:
            assert one.errors.bias == pytest.approx(np.mean(errors))
            assert one.errors.mae == pytest.approx(np.mean(np.abs(errors)))
    expected = {s for s, _, h, _ in beliefs if h >= 1}
    assert {s.source for s in found.scores} == expected


class TestManyRows:
    @pytest.fixture
    def year(self, db: SQLAlchemy, make_sensor: MakeSensor, sources: list[DataSource]) -> Sensor:
        sensor = make_sensor(15 * MINUTES)
        for source, horizon in [(0, 0), (1, 1), (1, 6), (1, 24), (1, 48)]:
            rows = measurements(sensor, sources[source], 35_040, horizon, horizon)
            wire.write(db.session.connection(), rows)
        return sensor

    def test_number_of_statements(self, year: Sensor, statements: list[str]) -> None:
        statements.clear()
        found = measure(year, start=START, end=START + 365 * DAY)
        assert [s.errors.mae for s in found.scores[:4]] == pytest.approx([1, 6, 24, 48])
        assert statements.count("read") == 1
        assert len(statements) <= 3  # and the sources

    def test_the_read_is_one_index_only_scan(
        self, db: SQLAlchemy, year: Sensor, forecaster: DataSource
    ) -> None:
        source_ids = [forecaster.id]
        db.session.execute(text("SET LOCAL synchronous_commit = on"))
        db.session.commit()
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM (ANALYZE) timed_belief"))
        horizons = default_horizons(year)
        statement = select_history(
            year, START, START + 365 * DAY, horizons, START - DAY, source_ids
        )
        query = statement.compile(db.engine, compile_kwargs={"render_postcompile": True})
        plan = db.session.connection().exec_driver_sql(
            f"EXPLAIN (ANALYZE, TIMING OFF) {query}", query.params
        )
        lines = "\n".join(plan.scalars())
        assert lines.count("Scan using timed_belief_pkey") == 1
        assert "Index Only Scan using timed_belief_pkey" in lines
        assert "Sort" not in lines
