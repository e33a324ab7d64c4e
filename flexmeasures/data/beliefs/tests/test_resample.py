from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flexmeasures.data.beliefs.resample import local_edges, resample
from flexmeasures.data.beliefs.rows import EPOCH, microseconds
from flexmeasures.utils.time_utils import localize, zone
from flexmeasures.utils.timely import tb

UTC = timezone.utc
HOUR = timedelta(hours=1)
QUARTER = HOUR / 4
DAY = 24 * HOUR
START = datetime(2024, 1, 1, tzinfo=UTC)
ANN, BOB = tb.BeliefSource("Ann"), tb.BeliefSource("Bob")

# Days on which clocks change, in zones that do so by an hour or half an hour; and a leap day.
DAYS = [
    ("Europe/Amsterdam", "2024-03-31", 23),
    ("Europe/Amsterdam", "2024-10-27", 25),
    ("America/New_York", "2024-03-10", 23),
    ("America/New_York", "2024-11-03", 25),
    ("Australia/Lord_Howe", "2024-04-07", 24.5),
    ("Australia/Lord_Howe", "2024-10-06", 23.5),
    ("Asia/Beirut", "2024-03-31", 23),  # at midnight
    ("Europe/Amsterdam", "2024-02-29", 24),
]
EACH_DAY = pytest.mark.parametrize(("timezone", "day", "hours"), DAYS)


def beliefs(
    values: Any,
    length: timedelta = QUARTER,
    start: Any = START,
    timezone: str = "UTC",
    spacing: timedelta | None = None,
    **kwargs: Any,
) -> tb.BeliefsDataFrame:
    """Consecutive events, known when they end (for instance)."""
    sensor = tb.Sensor("meter", timezone=timezone, event_resolution=length)
    starts = pd.date_range(start, periods=len(values), freq=spacing or length).tz_convert(timezone)
    kwargs = {"source": ANN, "belief_horizon": timedelta(0)} | kwargs
    frame = tb.BeliefsDataFrame(pd.Series(values, starts, dtype=float), sensor=sensor, **kwargs)
    if "belief_horizon" in frame.index.names:
        frame = frame.convert_index_from_belief_horizon_to_time()
    return frame


def together(*frames: tb.BeliefsDataFrame) -> tb.BeliefsDataFrame:
    joined = pd.concat(frames).sort_index()
    joined.sensor, joined.event_resolution = frames[0].sensor, frames[0].event_resolution
    return joined


def values(frame: tb.BeliefsDataFrame) -> dict[Any, float]:
    """By event start."""
    assert not frame.index.has_duplicates
    return dict(zip(frame.event_starts, frame["event_value"].tolist(), strict=True))


def latest(frame: tb.BeliefsDataFrame, resolution: timedelta, **kwargs: Any) -> Any:
    return resample(frame, resolution, most_recent_beliefs_only=True, **kwargs)


class TestMeans:
    @given(st.lists(st.floats(-1e6, 1e6) | st.just(np.nan), max_size=12), st.integers(0, 3))
    def test_as_pandas_computes_them(self, numbers: list[float], offset: int) -> None:
        frame = beliefs(numbers, start=START + offset * QUARTER)
        series = frame["event_value"].droplevel([1, 2, 3])
        expected = series.groupby(series.index.floor("h")).mean().dropna()
        hourly = latest(frame, HOUR)
        assert values(hourly) == pytest.approx(dict(expected), abs=1e-6)
        assert hourly.event_resolution == HOUR

    def test_are_known_when_the_latest_part_is(self) -> None:
        hourly = latest(beliefs([1, 2, 3, 4, 5]), HOUR)
        assert hourly.belief_times.tolist() == [START + HOUR, START + HOUR + QUARTER]
        assert values(hourly) == {START: 2.5, START + HOUR: 5}

    def test_of_parts_of_events(self) -> None:
        """10-minute events to 15 minutes: one and a half each."""
        result = latest(beliefs([3, 6, 12], HOUR / 6), QUARTER)
        assert values(result) == pytest.approx({START: 4, START + QUARTER: 10})

    def test_of_sources_apart_or_together(self) -> None:
        parts = beliefs([1, 2]), beliefs([3, 4], start=START + 2 * QUARTER, source=BOB)
        apart = latest(together(*parts), HOUR)
        assert apart["event_value"].tolist() == [1.5, 3.5]
        assert apart.sources.tolist() == [ANN, BOB]
        joint = latest(together(*parts), HOUR, per_source=False)
        assert values(joint) == {START: 2.5}

    def test_as_of_each_belief_time(self) -> None:
        first, second = START - 2 * HOUR, START - HOUR
        frame = together(
            beliefs([1, 2, 3, 4], belief_horizon=None, belief_time=first),
            beliefs([5, 6], belief_horizon=None, belief_time=second),
        )
        hourly = resample(frame, HOUR)
        assert hourly.belief_times.tolist() == [first, second]
        assert hourly["event_value"].tolist() == [2.5, 4.5]
        assert values(latest(frame, HOUR)) == {START: 4.5}

    @settings(deadline=None)
    @given(
        st.lists(
            st.tuples(st.integers(0, 7), st.integers(1, 5), st.integers(-9, 9)),
            min_size=1,
            unique_by=lambda belief: belief[:2],
        )
    )
    def test_as_the_library_computes_them(self, made: list[tuple[int, int, int]]) -> None:
        """Which adds rows where nothing changed; its bins start with their first known part."""
        sensor = tb.Sensor("meter", event_resolution=QUARTER)
        frame = tb.BeliefsDataFrame(
            [
                tb.TimedBelief(
                    sensor,
                    ANN,
                    event_value=value,
                    event_start=START + event * QUARTER,
                    belief_time=START - hours * HOUR,
                )
                for event, hours, value in made
            ]
        )
        # an extra event each, so that the library does not take a shortcut for simple frames
        extra = [
            beliefs([0, 0], start=START + 2 * DAY, belief_horizon=None, belief_time=time)
            for time in (START - 6 * HOUR, START - 7 * HOUR)
        ]
        library = together(frame, *extra).resample_events(HOUR)["event_value"].to_dict()
        ours = resample(frame, HOUR)["event_value"].to_dict()
        expected = {(e.floor("h"), t): value for (e, t, _, _), value in library.items()}
        assert {(e, t): value for (e, t, _, _), value in ours.items()} == pytest.approx(
            {key: expected[key] for key in {(e, t) for e, t, _, _ in ours}}
        )
        for start, _, _, _ in ours:
            times = {t for e, t, _, _ in ours if e == start}
            events = frame[(frame.event_starts >= start) & (frame.event_starts < start + HOUR)]
            assert times == set(events.belief_times)


class TestRepeating:
    @given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=5))
    def test_is_exact(self, numbers: list[float]) -> None:
        for part in (2, 3, 7):
            result = resample(beliefs(numbers, HOUR), HOUR / part if part != 7 else HOUR / 60)
            repeated = np.repeat(numbers, part if part != 7 else 60)
            assert result["event_value"].tolist() == repeated.tolist()

    def test_keeps_every_belief(self) -> None:
        frame = together(
            *(
                beliefs([number], HOUR, source=source, belief_horizon=number * HOUR)
                for source in (ANN, BOB)
                for number in range(2)
            )
        )
        frame["event_value"] += 0.5
        result = resample(frame, HOUR / 2)
        assert len(result) == 2 * len(frame)
        assert len(latest(frame, HOUR / 2)) == len(frame)
        assert set(latest(frame, HOUR / 2)["event_value"]) == {0.5}

    def test_keeps_distributions(self) -> None:
        frame = coin_flips(1)
        result = resample(frame, QUARTER)
        assert result["event_value"].tolist() == [0, 1, 0, 1]
        probabilities = result.index.get_level_values("cumulative_probability")
        assert probabilities.tolist() == [0.5, 1, 0.5, 1]


class TestWindow:
    def test_events_that_are_not_wholly_inside_are_left_out(self) -> None:
        frame = beliefs(range(12))
        result = latest(frame, HOUR, start=START + QUARTER, end=START + 3 * HOUR - QUARTER)
        assert [*values(result)] == [START + HOUR]
        same = latest(frame, QUARTER, start=START + QUARTER, end=START + 3 * QUARTER)
        assert [*values(same)] == [START + QUARTER, START + 2 * QUARTER]

    def test_nothing(self) -> None:
        for frame in (beliefs([]), beliefs([np.nan])):
            result = latest(frame, HOUR)
            assert result.empty
            assert result.event_resolution == HOUR

    def test_bad_resolution(self) -> None:
        with pytest.raises(ValueError, match="positive"):
            resample(beliefs([1]), timedelta(0))


class TestClockChanges:
    @EACH_DAY
    def test_days_last_from_midnight_to_midnight(
        self, timezone: str, day: str, hours: float
    ) -> None:
        midnight = localize(datetime.fromisoformat(day), timezone)
        frame = beliefs(range(4 * 24 * 3), start=midnight - DAY, timezone=timezone)
        days = latest(frame, DAY)
        local = days.event_starts
        assert midnight in local
        assert timezone == "Asia/Beirut" or {moment.hour for moment in local} == {0}
        position = local.get_loc(midnight)
        assert local[position + 1] - midnight == timedelta(hours=hours)
        inside = frame[
            (frame.event_starts >= midnight) & (frame.event_starts < local[position + 1])
        ]
        assert len(inside) == 4 * hours
        assert values(days)[midnight] == pytest.approx(inside["event_value"].mean())

    @EACH_DAY
    def test_up_to_an_hour_all_last_equally_long(
        self, timezone: str, day: str, hours: float
    ) -> None:
        midnight = localize(datetime.fromisoformat(day), timezone)
        frame = beliefs([1] * int(4 * hours), start=midnight, timezone=timezone)
        hourly = latest(frame, HOUR)
        steps = hourly.event_starts - midnight
        assert [*steps] == [number * HOUR for number in range(int(np.ceil(hours)))]

    @pytest.mark.parametrize(
        ("day", "hours"),
        [("2024-03-31", [5, 6, 6, 6]), ("2024-10-27", [7, 6, 6, 6]), ("2024-02-29", [6, 6, 6, 6])],
    )
    def test_longer_bins_keep_to_the_clock(self, day: str, hours: list[int]) -> None:
        midnight = localize(datetime.fromisoformat(day), "Europe/Amsterdam")
        frame = beliefs(range(4 * 48), start=midnight, timezone="Europe/Amsterdam")
        result = latest(frame, 6 * HOUR).event_starts
        assert [moment.hour for moment in result[:5]] == [0, 6, 12, 18, 0]
        assert [*(result[1:5] - result[:4])] == [hour * HOUR for hour in hours]

    def test_hours_of_half_hour_zones(self) -> None:
        """They start on the hour of the local clock."""
        frame = beliefs([1, 2, 3, 4], timezone="Asia/Kolkata")
        starts = latest(frame, HOUR).event_starts
        assert [moment.minute for moment in starts] == [0, 0]

    @EACH_DAY
    def test_readings_on_the_clock(self, timezone: str, day: str, hours: float) -> None:
        midnight = localize(datetime.fromisoformat(day), timezone)
        frame = beliefs(range(4 * 24 * 3), timedelta(0), midnight - DAY, timezone, spacing=QUARTER)
        for resolution in (HOUR / 2, HOUR, 3 * HOUR, DAY):
            result = latest(frame, resolution)
            assert result.event_resolution == timedelta(0)
            if timezone in ("Asia/Beirut", "Australia/Lord_Howe"):
                continue  # the library counts from UTC there
            library = frame.resample_events(resolution)
            pd.testing.assert_frame_equal(result, library, check_freq=False)

    def test_readings_of_several_sources(self) -> None:
        parts = [
            beliefs([1, 2, 3], timedelta(0), spacing=HOUR / 2, source=source)
            for source in (ANN, BOB)
        ]
        result = latest(together(*parts), HOUR)
        assert result["event_value"].tolist() == [1, 1, 3, 3]


ZONES = st.sampled_from(sorted({timezone for timezone, _, _ in DAYS} | {"Asia/Kolkata"}))
STEPS = st.sampled_from([HOUR / 12, QUARTER, HOUR, 1.5 * HOUR, 6 * HOUR, 7 * HOUR, DAY, 7 * DAY])
MOMENTS = st.datetimes(datetime(2023, 1, 1), datetime(2024, 12, 31), timezones=st.just(UTC))


@given(first=MOMENTS, length=st.timedeltas(QUARTER, 10 * DAY), step=STEPS, timezone=ZONES)
@example(datetime(2024, 10, 26, 22, tzinfo=UTC), DAY, 6 * HOUR, "Europe/Amsterdam")
def test_edges(first: datetime, length: timedelta, step: timedelta, timezone: str) -> None:
    last = first + length
    edges = local_edges(microseconds(first), microseconds(last), microseconds(step), timezone)
    moments = [EPOCH + timedelta(microseconds=edge) for edge in edges.tolist()]
    assert moments[0] <= first < moments[1]
    assert moments[-1] >= last
    assert moments == sorted(set(moments))
    local = [moment.astimezone(ZoneInfo(timezone)) for moment in moments]
    if step <= DAY and DAY % step == timedelta(0):
        midnight = localize(datetime(local[0].year, local[0].month, local[0].day), zone(timezone))
        if midnight >= moments[0]:
            assert midnight in moments
    if HOUR < step <= DAY and DAY % step == timedelta(0):
        for moment in local[1:]:
            clock = moment.replace(tzinfo=None)
            since_midnight = clock - clock.replace(hour=0, minute=0)
            shown_twice = moment.fold == 1
            assert not shown_twice
            if localize(clock, timezone).utcoffset() == (moment - DAY / 24).utcoffset():
                assert since_midnight % step == timedelta(0)


def coin_flips(number: int, length: timedelta = HOUR / 2) -> tb.BeliefsDataFrame:
    """Events that are 0 or 1 with equal probability."""
    frames = [
        beliefs([value] * number, length, cumulative_probability=probability)
        for value, probability in [(0, 0.5), (1, 1)]
    ]
    return together(*frames)


class TestDistributions:
    @pytest.mark.parametrize("most_recent", [True, False])
    def test_mean_of_two_coin_flips(self, most_recent: bool) -> None:
        hourly = resample(coin_flips(2), HOUR, most_recent_beliefs_only=most_recent)
        last = hourly[hourly.belief_times == hourly.belief_times[-1]]
        assert last["event_value"].tolist() == pytest.approx([0, 0.5, 1])
        probabilities = last.index.get_level_values("cumulative_probability")
        assert probabilities.tolist() == pytest.approx([0.25, 0.75, 1])
        assert last.belief_times[-1] == START + HOUR
        assert len(hourly) == (3 if most_recent else 5)  # what was known half-way, too

    def test_single_values_elsewhere_are_averaged(self) -> None:
        frame = together(coin_flips(2), beliefs([4, 6], HOUR / 2, START + HOUR))
        hourly = latest(frame, HOUR)
        assert hourly.xs(START + HOUR, level="event_start")["event_value"].tolist() == [5]
        assert len(hourly) == 4

    def test_need_whole_events(self) -> None:
        with pytest.raises(ValueError, match="whole events"):
            latest(coin_flips(3, 2 * HOUR / 3), HOUR)

    def test_too_many(self) -> None:
        with pytest.raises(ValueError, match="48 events are too many"):
            latest(coin_flips(48), DAY)


def forecasts(quantiles: dict[float, Any], **kwargs: Any) -> tb.BeliefsDataFrame:
    """Of consecutive quarters; by probability, their values."""
    return together(
        *(
            beliefs(values, cumulative_probability=probability, **kwargs)
            for probability, values in quantiles.items()
        )
    )


def distributions(frame: tb.BeliefsDataFrame) -> list[dict[float, float]]:
    """By belief, its values by probability."""
    found: dict[Any, dict[float, float]] = {}
    for (*belief, probability), value in frame["event_value"].items():
        found.setdefault(tuple(belief), {})[probability] = value
    return [*found.values()]


class TestQuantiles:
    @pytest.mark.parametrize("most_recent", [True, False])
    def test_are_averaged_one_by_one(self, most_recent: bool) -> None:
        frame = forecasts(
            {0.05: range(96), 0.5: range(1, 97), 0.95: range(4, 100)}, belief_time=START
        )
        daily = resample(frame, DAY, most_recent_beliefs_only=most_recent)
        assert distributions(daily) == [{0.05: 47.5, 0.5: 48.5, 0.95: 51.5}]
        assert daily.belief_times.tolist() == 3 * [START]

    def test_over_parts_of_events(self) -> None:
        frame = forecasts({0.1: [1, 4], 0.5: [2, 5], 0.9: [3, 9]}, belief_time=START)
        [first, second] = distributions(latest(frame, timedelta(minutes=20)))
        assert first == pytest.approx({0.1: 1.75, 0.5: 2.75, 0.9: 4.5})
        assert second == {0.1: 4, 0.5: 5, 0.9: 9}

    def test_as_of_each_belief_time(self) -> None:
        frame = forecasts({0.1: [1, 2], 0.9: [3, 4]}, length=HOUR / 2)
        assert distributions(resample(frame, HOUR)) == [{0.1: 1, 0.9: 3}, {0.1: 1.5, 0.9: 3.5}]

    def test_a_single_value_counts_at_all_probabilities(self) -> None:
        known = beliefs([2], HOUR / 2)
        later = forecasts({0.1: [1], 0.9: [4]}, length=HOUR / 2, start=START + HOUR / 2)
        assert distributions(latest(together(known, later), HOUR)) == [{0.1: 1.5, 0.9: 3}]

    def test_only_those_that_all_have(self) -> None:
        first = forecasts({0.1: [1], 0.5: [2], 0.9: [4]}, length=HOUR / 2)
        second = forecasts({0.2: [1], 0.5: [3]}, length=HOUR / 2, start=START + HOUR / 2)
        assert distributions(latest(together(first, second), HOUR)) == [{0.5: 2.5}]

    def test_else_their_medians(self) -> None:
        first = forecasts({0.1: [1], 0.9: [3]}, length=HOUR / 2)
        second = forecasts({0.2: [3], 0.8: [5]}, length=HOUR / 2, start=START + HOUR / 2)
        assert distributions(latest(together(first, second), HOUR)) == [{0.5: pytest.approx(3)}]

    def test_of_sources_apart(self) -> None:
        forecast = forecasts({0.1: [1, 3], 0.9: [3, 5]}, length=HOUR / 2, source=ANN)
        measured = beliefs([4, 6], HOUR / 2, source=BOB)
        hourly = latest(together(forecast, measured), HOUR)
        assert distributions(hourly) == [{0.1: 2, 0.9: 4}, {0.5: 5}]
        assert [source.name for source in hourly.sources] == ["Ann", "Ann", "Bob"]


class TestCompleteOnly:
    """Each quarter is known when it ends, and corrected an hour later."""

    @staticmethod
    def measured(hours: int = 1) -> tb.BeliefsDataFrame:
        known = [1.0, 2, 3, 6] * hours
        corrected = beliefs([value + 1 for value in known], belief_horizon=-HOUR)
        return together(beliefs(known), corrected)

    def test_parts_of_an_event_are_no_belief_about_it(self) -> None:
        whole = resample(self.measured(), HOUR, complete_only=True)
        assert set(whole.event_starts) == {pd.Timestamp(START)}
        times = [(time - START) / HOUR for time in whole.index.get_level_values("belief_time")]
        assert times == [1, 1.25, 1.5, 1.75, 2]
        assert whole["event_value"].tolist() == [3, 3.25, 3.5, 3.75, 4]

    def test_of_each_source_by_itself(self) -> None:
        guess = beliefs([5.0, 5, 5, 5], source=BOB, belief_horizon=None, belief_time=START - HOUR)
        whole = resample(together(self.measured(), guess), HOUR, complete_only=True)
        times = {
            source.name: (time - START) / HOUR
            for _, time, source, _ in whole.index[::-1]  # so that the first stays
        }
        assert times == {"Ann": 1, "Bob": -1}

    def test_the_most_recent_is_the_same(self) -> None:
        frame = self.measured(50)
        whole = resample(frame, HOUR, complete_only=True)
        last = whole.groupby(level="event_start").tail(1)
        pd.testing.assert_frame_equal(last, latest(frame, HOUR))

    def test_quantiles(self) -> None:
        low, high = (
            beliefs([value] * 4, cumulative_probability=probability)
            for value, probability in ((1.0, 0.1), (3.0, 0.9))
        )
        whole = resample(together(low, high), HOUR, complete_only=True)
        assert whole["event_value"].tolist() == [1, 3]

    def test_shorter_events_have_all_beliefs(self) -> None:
        frame = together(beliefs([1.0], HOUR), beliefs([2.0], HOUR, belief_horizon=-HOUR))
        assert len(resample(frame, QUARTER, complete_only=True)) == 8


def test_averages_of_readings() -> None:
    readings = beliefs([1.0, 2, 3, 4, 10], timedelta(0), spacing=QUARTER)
    averages = resample(readings, HOUR, average_readings=True, complete_only=True)
    assert averages.event_resolution == HOUR
    hours = [(start - START) / HOUR for start in averages.event_starts]
    assert hours == [0, 1]
    assert averages["event_value"].tolist() == [2.5, 10]
