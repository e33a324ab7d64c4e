from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from flask_sqlalchemy import SQLAlchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from timely_beliefs.sensors.func_store.knowledge_horizons import at_date, x_days_ago_at_y_oclock

from flexmeasures.data.beliefs import wire
from flexmeasures.data.beliefs.query import Filters, select_rows
from flexmeasures.data.beliefs.save import save
from flexmeasures.data.beliefs.search import search, search_many, timerange, values
from flexmeasures.data.beliefs.steps import step_values
from flexmeasures.data.beliefs.tests.conftest import MakeSensor
from flexmeasures.data.beliefs.tests.utils import HOUR, START, Belief, frame, measurements
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.utils.timely import tb

MINUTES = timedelta(minutes=1)


def found(sensor: Sensor, **filters: Any) -> list[tuple[int, float, str, float]]:
    """Of each row: number of the event, horizon in hours, source's name, value."""
    beliefs = search([sensor], **filters)[sensor]
    horizons = (beliefs.belief_horizons / HOUR).tolist()
    events = ((beliefs.event_starts - START) // (sensor.event_resolution or HOUR)).tolist()
    names = [source.name for source in beliefs.sources]
    return list(zip(events, horizons, names, beliefs["event_value"].tolist(), strict=True))


def between(start: datetime | None, end: datetime | None) -> dict[str, Any]:
    return {"event_starts_after": start, "event_ends_before": end}


class TestDocumentedFilters:
    """Hourly events 0 to 3, forecast 6 hours ahead by Bob, and measured by Ann."""

    @pytest.fixture
    def sensor(self, sensor: Sensor, sources: list[DataSource]) -> Sensor:
        ann, bob = sources
        forecasts = [Belief(bob, event, 6, 10 + event) for event in range(4)]
        save(frame(sensor, forecasts + [Belief(ann, event, 0, event) for event in range(4)]))
        return sensor

    @pytest.mark.parametrize(
        ("start", "end", "events"),
        [
            (None, None, [0, 1, 2, 3]),
            (1, 3, [1, 2]),
            (0.5, 2.5, [0, 1, 2]),  # events under way
            (None, 1, [0]),
            (3, None, [3]),
            (7, 9, []),
        ],
    )
    def test_event_window(
        self, sensor: Sensor, start: float | None, end: float | None, events: list[int]
    ) -> None:
        window: dict[str, Any] = {
            "event_starts_after": None if start is None else START + start * HOUR,
            "event_ends_before": None if end is None else START + end * HOUR,
        }
        assert [event for event, *_ in found(sensor, source="Ann", **window)] == events

    def test_horizons(self, sensor: Sensor) -> None:
        """The forecast is found, although a measurement is more recent."""
        assert found(sensor, horizons_at_least=6 * HOUR) == [
            (event, 6, "Bob", 10 + event) for event in range(4)
        ]
        assert found(sensor, horizons_at_most=0 * HOUR) == [
            (event, 0, "Ann", event) for event in range(4)
        ]

    def test_belief_times_are_inclusive(self, sensor: Sensor) -> None:
        known = START + HOUR  # when event 0 is measured
        assert (0, 0, "Ann", 0) in found(sensor, beliefs_before=known)
        assert (0, 0, "Ann", 0) not in found(sensor, beliefs_before=known - MINUTES)
        assert (0, 0, "Ann", 0) in found(sensor, beliefs_after=known)
        assert (0, 0, "Ann", 0) not in found(sensor, beliefs_after=known + MINUTES)

    def test_one_belief_per_event(self, sensor: Sensor) -> None:
        """What was measured, rather than forecast."""
        assert found(sensor, one_deterministic_belief_per_event=True) == [
            (event, 0, "Ann", event) for event in range(4)
        ]

    def test_the_latest_of_several_forecasts(
        self, sensor: Sensor, sources: list[DataSource]
    ) -> None:
        """And the earliest of several measurements."""
        ann, bob = sources[:2]
        save(frame(sensor, [Belief(ann, 7, 2, 17), Belief(bob, 7, 48, 27), Belief(bob, 0, -1, 30)]))
        one_each: dict[str, Any] = {"one_deterministic_belief_per_event": True}
        assert found(sensor, **one_each)[-1] == (7, 2, "Ann", 17)
        assert found(sensor, **one_each)[0] == (0, 0, "Ann", 0)
        window = START, START + 8 * HOUR, HOUR
        assert step_values(sensor, *window, Filters())[[0, 7]].tolist() == [0, 17]

    def test_latest_events(self, sensor: Sensor) -> None:
        assert found(sensor, most_recent_events_only=True) == [(3, 6, "Bob", 13), (3, 0, "Ann", 3)]
        assert found(sensor, most_recent_events_only=True, event_ends_before=START + 2 * HOUR) == [
            (1, 6, "Bob", 11),
            (1, 0, "Ann", 1),
        ]

    def test_latest_state_is_measured(self, sensor: Sensor, sources: list[DataSource]) -> None:
        """Also if the same source has forecasts for later events."""
        save(frame(sensor, [Belief(sources[0], 7, 6, 17)]))
        assert sensor.latest_state()["event_value"].tolist() == [3]
        assert sensor.latest_state(source="Bob").empty

    @pytest.mark.parametrize(
        ("filters", "names"),
        [
            ({"source": lambda ann, bob: ann}, {"Ann"}),
            ({"source": lambda ann, bob: ann.id}, {"Ann"}),
            ({"source": lambda ann, bob: "Bob"}, {"Bob"}),
            ({"source": lambda ann, bob: [ann, bob.id]}, {"Ann", "Bob"}),
            ({"source": lambda ann, bob: ("Ann", "Bob")}, {"Ann", "Bob"}),
            ({"source": lambda ann, bob: [123_456, bob]}, {"Bob"}),
            ({"source": lambda ann, bob: 123_456}, set()),
            ({"source": lambda ann, bob: "nobody"}, set()),
            ({"source": lambda ann, bob: []}, set()),
            ({"source_types": ["script"]}, {"Ann"}),
            ({"source_types": ["forecasting script"]}, {"Bob"}),
            ({"exclude_source_types": ["forecaster"]}, {"Ann"}),
            ({"source": lambda ann, bob: [ann, bob], "source_types": ["script"]}, {"Ann"}),
            ({"user_source_ids": 123_456}, {"Ann", "Bob"}),  # neither of them is a user
        ],
    )
    def test_sources(
        self,
        sensor: Sensor,
        sources: list[DataSource],
        filters: dict[str, Any],
        names: set[str],
    ) -> None:
        filters = {k: v(*sources) if callable(v) else v for k, v in filters.items()}
        assert {name for _, _, name, _ in found(sensor, **filters)} == names

    def test_unknown_sources_are_logged(
        self, sensor: Sensor, caplog: pytest.LogCaptureFixture
    ) -> None:
        search([sensor], source=[123_456, "nobody"])
        assert "123456" in caplog.text
        assert "nobody" in caplog.text

    def test_a_name_means_all_its_sources(self, sensor: Sensor, sources: list[DataSource]) -> None:
        newer = DataSource("Bob", type="forecaster", model="better", version="2")
        save(frame(sensor, [Belief(newer, 0, 5, 20)]))
        assert {value for event, *_, value in found(sensor, source="Bob") if not event} == {10, 20}

    def test_a_resolution_needs_a_window(self, sensor: Sensor) -> None:
        with pytest.raises(TypeError, match="event_starts_after and event_ends_before"):
            search([sensor], resolution="2h", event_starts_after=START)

    @pytest.mark.parametrize("resolution", [2 * HOUR, "2h", "PT2H", "120T"])
    def test_resolution(self, sensor: Sensor, resolution: Any) -> None:
        """With it, events lie in the window as a whole."""
        window: dict[str, Any] = {
            "event_starts_after": START - HOUR,
            "event_ends_before": START + 3 * HOUR,
        }
        [beliefs] = search([sensor], source="Ann", resolution=resolution, **window).values()
        # on the sensor's clock, START is one o'clock at night
        assert beliefs["event_value"].tolist() == [0, 1.5]
        assert beliefs.event_starts.tolist() == [START - HOUR, START + HOUR]
        assert beliefs.event_resolution == 2 * HOUR

    @pytest.mark.parametrize(
        "name", ["event_starts_after", "event_ends_before", "beliefs_after", "beliefs_before"]
    )
    def test_naive_times_are_refused(self, sensor: Sensor, name: str) -> None:
        with pytest.raises(TypeError, match=name):
            found(sensor, **{name: datetime(2024, 1, 1)})


def test_instantaneous_events(make_sensor: MakeSensor, source: DataSource) -> None:
    """Both ends of the window are in."""
    sensor = make_sensor(timedelta(0))
    save(frame(sensor, [Belief(source, event, 0, event) for event in range(4)]))
    window: dict[str, Any] = {
        "event_starts_after": START + HOUR,
        "event_ends_before": START + 2 * HOUR,
    }
    assert [event for event, *_ in found(sensor, **window)] == [1, 2]


def test_medians(sensor: Sensor, source: DataSource) -> None:
    def belief(event: int, values: dict[float, float]) -> list[Belief]:
        return [Belief(source, event, 0, v, probability) for probability, v in values.items()]

    beliefs = [
        *belief(0, {0.1: 1, 0.5: 2, 0.9: 3}),
        *belief(1, {0.2: 1, 0.7: 2, 0.8: 3}),  # no 0.5: between its neighbours
        *belief(2, {0.05: 1, 0.95: 3}),
        *belief(3, {0.1: 1, 0.3: 2}),  # nor any above: the highest
        *belief(4, {0.7: 4, 0.8: 5}),  # nor any below: the lowest
        *belief(5, {0.7: 4}),
        *belief(6, {0.2: 1, 0.7: 2, 1: 3}),  # nothing is between the faces of a die
    ]
    medians = pytest.approx([2, 1.6, 2, 2, 4, 4, 2])
    save(frame(sensor, beliefs))
    filters: Any = [
        {"one_deterministic_belief_per_event": True},
        {"one_deterministic_belief_per_event_per_source": True},
    ]
    for one_each in filters:
        assert [value for *_, value in found(sensor, **one_each)] == medians
    assert len(found(sensor)) == len(beliefs)
    window = START, START + 7 * HOUR, HOUR
    assert values([sensor], *window)[sensor.id].tolist() == medians
    assert step_values(sensor, *window, Filters()).tolist() == medians


def test_frames_are_as_the_library_makes_them(
    make_sensor: MakeSensor, sources: list[DataSource]
) -> None:
    sensor = make_sensor(15 * MINUTES, "Asia/Kolkata")
    beliefs = [
        Belief(source, event, horizon, event / 2, probability)
        for source in reversed(sources)
        for event in (2, 0, 1)
        for horizon in (3, 0)
        for probability in (0.5, 0.2)
    ]
    save(frame(sensor, beliefs))
    [result] = search([sensor], most_recent_beliefs_only=False).values()
    expected = frame(sensor, beliefs)
    expected = expected.convert_timezone_of_event_timing_index("Asia/Kolkata")
    expected = expected.convert_timezone_of_belief_timing_index("Asia/Kolkata")
    pd.testing.assert_frame_equal(result, expected)
    assert isinstance(result, tb.BeliefsDataFrame)
    assert result.sensor is sensor
    assert result.event_resolution == 15 * MINUTES
    assert result.lineage.number_of_beliefs == 12


def test_frames_without_rows(sensor: Sensor) -> None:
    [result] = search([sensor]).values()
    assert result.empty
    assert result.index.names == frame(sensor, []).index.names
    assert str(result.event_starts.tz) == sensor.timezone
    assert result.event_resolution == sensor.event_resolution


RULES: list[Any] = [
    None,
    3 * HOUR,  # ex ante
    (x_days_ago_at_y_oclock, {"x": 1, "y": 12.5, "z": "Europe/Paris"}),
    (at_date, {"knowledge_time": START + 2 * HOUR}),
]
TIMES = st.none() | st.integers(-40, 8).map(lambda hours: START + hours * HOUR)
HORIZONS = st.none() | st.integers(-5, 40).map(lambda hours: hours * HOUR)
FILTERS = st.fixed_dictionaries(
    {
        "event_starts_after": st.none() | st.integers(-1, 9).map(lambda n: START + n * HOUR / 2),
        "event_ends_before": st.none() | st.integers(-1, 9).map(lambda n: START + n * HOUR / 2),
        "beliefs_after": TIMES,
        "beliefs_before": TIMES,
        "horizons_at_least": HORIZONS,
        "horizons_at_most": HORIZONS,
    }
)
BELIEFS = st.lists(
    st.tuples(
        st.integers(0, 1), st.integers(0, 3), st.integers(-4, 30), st.sampled_from([0.5, 0.5, 0.9])
    ),
    max_size=12,
    unique=True,
)


class TestRandomBeliefs:
    """Filters come first, everywhere, and the most recent are picked of what they leave."""

    @pytest.fixture(params=[HOUR, timedelta(0)], ids=["hourly", "instantaneous"])
    def resolution(self, request: pytest.FixtureRequest) -> timedelta:
        return request.param

    @pytest.mark.parametrize("rule", range(len(RULES)))
    @given(beliefs=BELIEFS, filters=FILTERS, recent=st.tuples(st.booleans(), st.booleans()))
    @settings(
        suppress_health_check=[HealthCheck.function_scoped_fixture],
        deadline=None,
        max_examples=30,
    )
    def test_search(
        self,
        make_sensor: MakeSensor,
        sources: list[DataSource],
        session: Any,
        resolution: timedelta,
        rule: int,
        beliefs: list[Any],
        filters: dict[str, Any],
        recent: tuple[bool, bool],
    ) -> None:
        sensor = make_sensor(resolution, knowledge_horizon=RULES[rule])
        made = frame(sensor, [])
        if beliefs:
            rows = [Belief(sources[s], e, h, i, p) for i, (s, e, h, p) in enumerate(beliefs)]
            made = frame(sensor, rows)
        save(made, unchanged="store")
        expected = picked(made, *recent, **filters)
        recent_filters: dict[str, Any] = {
            "most_recent_beliefs_only": recent[0],
            "most_recent_events_only": recent[1],
        }
        [result] = search([sensor], **filters, **recent_filters).values()
        assert result["event_value"].tolist() == expected["event_value"].tolist()
        assert result.index.to_list() == expected.index.to_list()
        # The library picks latest events before it filters by belief time, and may take beliefs
        # that differ in probability for one.
        if not recent[1] and len({probability for *_, probability in beliefs}) == 1:
            library = by_the_library(session, sensor, recent[0], filters)
            assert len(library) == len(result)
            if len(library):
                pd.testing.assert_frame_equal(result, library)


def picked(
    beliefs: tb.BeliefsDataFrame,
    most_recent_beliefs_only: bool,
    most_recent_events_only: bool,
    event_starts_after: datetime | None,
    event_ends_before: datetime | None,
    beliefs_after: datetime | None,
    beliefs_before: datetime | None,
    horizons_at_least: timedelta | None,
    horizons_at_most: timedelta | None,
) -> tb.BeliefsDataFrame:
    """The same search, in memory."""
    if beliefs.empty:
        return beliefs
    rows = beliefs.sort_index()
    instant = not rows.event_resolution

    def keep(condition: Callable[[], Any], bound: Any) -> None:
        nonlocal rows
        if bound is not None and len(rows):
            rows = rows[condition()]

    start, end = event_starts_after, event_ends_before
    keep(lambda: rows.event_ends >= start if instant else rows.event_ends > start, start)
    keep(lambda: rows.event_starts <= end if instant else rows.event_starts < end, end)
    keep(lambda: rows.belief_times >= beliefs_after, beliefs_after)
    keep(lambda: rows.belief_times <= beliefs_before, beliefs_before)
    keep(lambda: rows.belief_horizons >= horizons_at_least, horizons_at_least)
    keep(lambda: rows.belief_horizons <= horizons_at_most, horizons_at_most)
    for only, level, per in [
        (most_recent_events_only, "event_start", ["source"]),
        (most_recent_beliefs_only, "belief_time", ["event_start", "source"]),
    ]:
        if only and len(rows):
            flat = rows.index.to_frame(index=False)
            latest = flat.groupby(per)[level].transform("max")
            rows = rows[(flat[level] == latest).to_numpy()]
    return rows


def by_the_library(
    session: Any, sensor: Sensor, most_recent_beliefs_only: bool, filters: dict[str, Any]
) -> tb.BeliefsDataFrame:
    filters = dict(filters)
    return TimedBelief.search_session(
        session,
        sensor,
        event_ends_after=filters.pop("event_starts_after"),
        event_starts_before=filters.pop("event_ends_before"),
        most_recent_beliefs_only=most_recent_beliefs_only,
        use_materialized_view=False,
        **filters,
    )


class TestSeveralSensors:
    @pytest.fixture
    def sensors(self, make_sensor: MakeSensor, source: DataSource) -> list[Sensor]:
        """Of different resolutions, zones and knowledge times; the last without data."""
        sensors = [
            make_sensor(HOUR),
            make_sensor(15 * MINUTES, "Asia/Seoul"),
            make_sensor(HOUR, knowledge_horizon=RULES[2]),
            make_sensor(timedelta(0)),
            make_sensor(HOUR),
        ]
        for number, sensor in enumerate(sensors[:-1]):
            save(frame(sensor, [Belief(source, e, 0, 10 * number + e) for e in range(4)]))
        return sensors

    def test_each_is_searched_as_if_alone(self, sensors: list[Sensor]) -> None:
        cases: list[dict[str, Any]] = [
            {},
            {"beliefs_before": START + 2 * HOUR},
            {"event_starts_after": START + HOUR, "event_ends_before": START + 2 * HOUR},
        ]
        for filters in cases:
            together = search(sensors, **filters)
            assert [*together] == sensors
            for sensor in sensors:
                alone = search([sensor], **filters)[sensor]
                pd.testing.assert_frame_equal(together[sensor], alone)

    def test_number_of_statements(self, sensors: list[Sensor], statements: list[str]) -> None:
        [sensor.timezone for sensor in sensors]
        statements.clear()
        search(sensors, source_types=["script"], beliefs_before=START + 2 * HOUR)
        assert len(statements) == 2
        statements.clear()
        values(sensors, START, START + 4 * HOUR, HOUR)
        assert len(statements) == 1

    def test_sums(self, sensors: list[Sensor], source: DataSource) -> None:
        hourly = [sensors[0], sensors[2], sensors[4]]
        sums: Any = search_many(hourly)
        assert sums["event_value"].tolist() == [20, 22, 24, 26]
        assert set(sums.sources) == {source}
        save(frame(sensors[4], [Belief(source, 5, 0, 1)]))
        assert search_many(hourly)["event_value"].tolist() == [20, 22, 24, 26, 1]
        with pytest.raises(ValueError, match="0:15:00, 1:00:00"):
            search_many(sensors[:2])

    def test_frames_by_name(self, sensors: list[Sensor]) -> None:
        by_name = search_many([s.id for s in sensors[:2]], sum_multiple=False)
        assert [*by_name] == [sensor.name for sensor in sensors[:2]]
        one = search_many(sensors[0].name)
        pd.testing.assert_frame_equal(one, by_name[sensors[0].name])
        with pytest.raises(ValueError, match="no sensor 'nothing'"):
            search_many("nothing")

    def test_time_range(self, sensors: list[Sensor], app: Any) -> None:
        assert timerange(sensors) == {"start": START, "end": START + 4 * HOUR}
        assert timerange(sensors[1:2]) == {"start": START, "end": START + HOUR}
        nothing = timerange(sensors[4:])
        assert nothing["start"] == nothing["end"] > START


class TestValues:
    def test_events_of_other_lengths(self, make_sensor: MakeSensor, source: DataSource) -> None:
        hourly, quarterly = make_sensor(HOUR), make_sensor(15 * MINUTES)
        save(frame(hourly, [Belief(source, e, 0, v) for e, v in [(0, 4), (1, 8)]]))
        save(frame(quarterly, [Belief(source, e, 0, e) for e in range(7)]))
        result = values([hourly, quarterly], START, START + 3 * HOUR, 30 * MINUTES)
        np.testing.assert_array_equal(result[hourly.id], [4, 4, 8, 8, np.nan, np.nan])
        np.testing.assert_array_equal(result[quarterly.id], [0.5, 2.5, 4.5, 6, np.nan, np.nan])

    def test_slots_need_not_start_with_events(self, sensor: Sensor, source: DataSource) -> None:
        save(frame(sensor, [Belief(source, e, 0, v) for e, v in [(0, 4), (1, 8)]]))
        [result] = values([sensor], START + 40 * MINUTES, START + 100 * MINUTES, HOUR).values()
        assert result.tolist() == pytest.approx([(20 * 4 + 40 * 8) / 60])

    def test_readings_are_averaged(self, make_sensor: MakeSensor, source: DataSource) -> None:
        sensor = make_sensor(timedelta(0))
        save(frame(sensor, [Belief(source, e, 0, e) for e in range(4)]))
        [result] = values([sensor], START, START + 4 * HOUR, 2 * HOUR).values()
        assert result.tolist() == [0.5, 2.5]

    def test_the_latest_belief_as_known_then(
        self, sensor: Sensor, sources: list[DataSource]
    ) -> None:
        ann, bob = sources
        save(frame(sensor, [Belief(bob, 0, 6, 1), Belief(ann, 0, 3, 2), Belief(bob, 0, 0, 3)]))

        def value(known: float | None, source: Any = None) -> float:
            time = None if known is None else START + HOUR - known * HOUR
            result = values([sensor], START, START + HOUR, HOUR, beliefs_before=time, source=source)
            return result[sensor.id].tolist()[0]

        assert [value(7), value(6), value(4), value(3), value(1), value(0)] == pytest.approx(
            [np.nan, 1, 1, 2, 2, 3], nan_ok=True
        )
        assert [value(None), value(None, "Ann"), value(1, "Bob")] == [3, 2, 1]

    def test_windows_are_whole(self, sensor: Sensor) -> None:
        with pytest.raises(ValueError, match="no whole number of steps"):
            values([sensor], START, START + 100 * MINUTES, HOUR)

    @pytest.mark.parametrize("zone", ["Europe/Amsterdam", "America/New_York", "Asia/Kolkata"])
    @pytest.mark.parametrize("day", ["2024-02-29", "2024-03-31", "2024-03-10", "2024-10-27"])
    def test_every_slot_has_its_value(
        self, make_sensor: MakeSensor, source: DataSource, zone: str, day: str
    ) -> None:
        """Also on days with 23 or 25 hours: quarters hold the value of their own hour."""
        sensor = make_sensor(HOUR, zone)
        start = pd.Timestamp(day, tz=zone)
        end = pd.Timestamp(day, tz=zone) + pd.DateOffset(days=1)
        hours = pd.date_range(start, end, freq="1h", inclusive="left")
        assert len(hours) in (23, 24, 25)
        series = pd.Series(np.arange(len(hours), dtype=float), hours)
        save(tb.BeliefsDataFrame(series, sensor=sensor, source=source, belief_horizon=timedelta(0)))
        [result] = values([sensor], start, end, 15 * MINUTES).values()
        assert result.tolist() == np.repeat(np.arange(len(hours)), 4).tolist()


class TestManyRows:
    @pytest.fixture
    def beliefs_of_a_year(
        self, db: SQLAlchemy, make_sensor: MakeSensor, source: DataSource
    ) -> Sensor:
        """In 35,040 events of one sensor, and in those of another."""
        sensors = [make_sensor(15 * MINUTES), make_sensor(15 * MINUTES)]
        for sensor in sensors:
            wire.write(db.session.connection(), measurements(sensor, source, 35_040))
        return sensors[0]

    def test_number_of_statements(self, beliefs_of_a_year: Sensor, statements: list[str]) -> None:
        statements.clear()
        assert len(search([beliefs_of_a_year])[beliefs_of_a_year]) == 35_040
        assert len(statements) <= 2

    def test_reads_are_index_only_scans(self, db: SQLAlchemy, beliefs_of_a_year: Sensor) -> None:
        sensor = beliefs_of_a_year
        # what has not reached the disk is not marked as visible to all
        db.session.execute(text("SET LOCAL synchronous_commit = on"))
        db.session.commit()
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM (ANALYZE) timed_belief"))
        filters = Filters(
            events_end_after=START,
            events_start_before=START + timedelta(days=300),
            beliefs_before=START + timedelta(days=200),
            source_ids=[1],
            most_recent_beliefs_only=True,
        )
        for kept in (Filters(), filters):
            query = select_rows([sensor], kept).compile(
                db.engine, compile_kwargs={"render_postcompile": True}
            )
            plan = db.session.connection().exec_driver_sql(
                f"EXPLAIN (ANALYZE, TIMING OFF) {query}", query.params
            )
            lines = "\n".join(plan.scalars())
            assert "Index Only Scan using timed_belief_pkey" in lines
            assert "Heap Fetches: 0" in lines
            assert "Sort" not in lines
