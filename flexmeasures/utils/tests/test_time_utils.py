from __future__ import annotations

import doctest
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import isodate
import pandas as pd
import pytest
import pytz
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from pandas.tseries.frequencies import to_offset

from flexmeasures.utils import ask_app, time_utils
from flexmeasures.utils.iso8601 import parse_iso_duration
from flexmeasures.utils.time_utils import (
    as_server_time,
    decide_resolution,
    determine_minimum_resampling_resolution,
    duration_isoformat,
    ensure_local_timezone,
    forecast_horizons_for,
    freq_label_to_human_readable_label,
    get_default_end_time,
    get_default_start_time,
    get_first_day_of_next_month,
    get_max_planning_horizon,
    get_most_recent_clocktime_window,
    get_most_recent_hour,
    get_most_recent_quarter,
    get_timezone,
    ground_duration,
    localize,
    localized_datetime,
    localized_datetime_str,
    naive_utc_from,
    naturalized_datetime_str,
    parse_resolution,
    resolution_to_hour_factor,
    round_to_closest_hour,
    round_to_closest_quarter,
    server_now,
    shift,
    supported_horizons,
    timedelta_to_pandas_freq_str,
    to_http_time,
    tz_index_naively,
    zone,
)


def at(text: str) -> datetime:
    """A datetime from ISO text; naive without an offset."""
    return datetime.fromisoformat(text)


UTC = timezone.utc
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

# Summer time in the north and in the south, a zone without, and one with a half-hour offset.
ZONES = ["Europe/Amsterdam", "Australia/Melbourne", "Asia/Seoul", "America/St_Johns"]
zones = st.sampled_from(ZONES)
# Leap days and all clock changes of some years lie in here.
instants = st.datetimes(at("2019-01-01T00:00"), at("2032-12-31T00:00"), timezones=st.just(UTC))
local_times = st.datetimes(at("2019-01-01T00:00"), at("2032-12-31T00:00"))


@pytest.fixture
def app_settings() -> Iterator[dict[str, object]]:
    """Settings of a running app, to be filled by the test; and a user in New York."""
    settings: dict[str, object] = {}
    before = ask_app._settings, ask_app._host, ask_app._user_timezone
    ask_app.answer_with(settings=lambda: settings, user_timezone=lambda: "America/New_York")
    yield settings
    ask_app._settings, ask_app._host, ask_app._user_timezone = before


def test_examples_in_docstrings() -> None:
    failed, tried = doctest.testmod(time_utils)
    assert tried and not failed


# --- Clock and timezones ---


@pytest.mark.parametrize("name", ["Europe/Amsterdam", "America/St_Johns"])
def test_server_now_is_in_the_configured_timezone(
    name: str, app_settings: dict[str, object]
) -> None:
    app_settings["FLEXMEASURES_TIMEZONE"] = name
    with time_machine.travel(at("2026-07-01T12:00+00:00"), tick=False):
        assert server_now() == at("2026-07-01T12:00+00:00")
        assert server_now().utcoffset() == ZoneInfo(name).utcoffset(at("2026-07-01T00:00"))


def test_without_an_app_the_server_is_in_seoul() -> None:
    assert str(get_timezone()) == "Asia/Seoul"
    assert str(get_timezone(of_user=True)) == "Asia/Seoul"
    assert as_server_time(at("2026-03-01T00:00")).isoformat() == "2026-03-01T09:00:00+09:00"


def test_a_user_sees_their_own_timezone(app_settings: dict[str, object]) -> None:
    app_settings["FLEXMEASURES_TIMEZONE"] = "UTC"
    assert str(get_timezone()) == "UTC"
    assert str(get_timezone(of_user=True)) == "America/New_York"
    assert localized_datetime(at("2026-03-01T12:00")).isoformat() == "2026-03-01T07:00:00-05:00"
    assert localized_datetime_str(at("2026-03-01T20:30+00:00")) == "2026-03-01 03:30 PM"
    assert localized_datetime_str(at("2026-03-01T20:30+00:00"), "%H:%M") == "15:30"


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd"])
def test_an_unknown_timezone_is_named(name: str) -> None:
    with pytest.raises(ValueError, match="is unknown: expected an IANA name"):
        zone(name)


def test_conversions() -> None:
    assert naive_utc_from(at("2026-03-01T12:00+01:00")) == at("2026-03-01T11:00")
    assert naive_utc_from(at("2026-03-01T12:00")) == at("2026-03-01T12:00")
    assert ensure_local_timezone(at("2026-07-01T12:00")).isoformat() == (
        "2026-07-01T12:00:00+02:00"
    )
    assert ensure_local_timezone(at("2026-07-01T12:00+00:00"), "Asia/Seoul").isoformat() == (
        "2026-07-01T21:00:00+09:00"
    )


@pytest.mark.parametrize("timezone", [zone("Europe/Amsterdam"), ZoneInfo("Europe/Amsterdam")])
def test_autumns_repeated_hour_is_its_first_instant(timezone: tzinfo) -> None:
    local = localize(at("2026-10-25T02:30"), timezone)
    assert local.isoformat() == "2026-10-25T02:30:00+02:00"
    assert local.astimezone(UTC) == at("2026-10-25T00:30+00:00")


@pytest.mark.parametrize("timezone", [zone("Europe/Amsterdam"), ZoneInfo("Europe/Amsterdam")])
def test_springs_skipped_hour_is_read_as_before_the_change(timezone: tzinfo) -> None:
    local = localize(at("2026-03-29T02:30"), timezone)
    assert local.isoformat() == "2026-03-29T03:30:00+02:00"


@given(local_times, zones)
def test_localizing_agrees_with_the_standard_library(naive: datetime, name: str) -> None:
    # fold=0: the first of two instants, the offset before the change in a gap (PEP 495)
    assert localize(naive, name).astimezone(UTC) == naive.replace(
        tzinfo=ZoneInfo(name), fold=0
    ).astimezone(UTC)


@given(instants, zones)
def test_local_time_and_back(instant: datetime, name: str) -> None:
    local = instant.astimezone(zone(name))
    again = localize(local.replace(tzinfo=None), name)
    # in a repeated hour the later instant is read as the earlier one
    assert instant - again.astimezone(UTC) in (timedelta(0), HOUR)


@given(instants, zones, st.integers(-10_000, 10_000), st.booleans())
def test_shifting_is_absolute_in_any_timezone(
    instant: datetime, name: str, minutes: int, with_pytz: bool
) -> None:
    local = instant.astimezone(zone(name) if with_pytz else ZoneInfo(name))
    later = shift(local, minutes * MINUTE)
    assert later.astimezone(UTC) - instant == minutes * MINUTE
    assert later.utcoffset() == later.astimezone(ZoneInfo(name)).utcoffset()
    assert shift(later, -minutes * MINUTE) == local


@given(instants, zones, st.sampled_from([5, 15, 30, 60, 1440]), st.integers(0, 400))
def test_slots_fill_their_window(instant: datetime, name: str, minutes: int, slots: int) -> None:
    start = instant.astimezone(zone(name))
    end = shift(start, slots * minutes * MINUTE)
    starts = [shift(start, slot * minutes * MINUTE) for slot in range(slots)]
    assert len(set(starts)) * minutes * MINUTE == end - start


def test_time_indices_become_naive_and_keep_the_clock() -> None:
    index = pd.date_range("2026-07-01T12:00", periods=2, freq="h", tz="Europe/Amsterdam")
    for data in (pd.Series(1.0, index), pd.DataFrame({"x": 1.0}, index)):
        assert tz_index_naively(data).index[0] == pd.Timestamp("2026-07-01T12:00")
        assert tz_index_naively(tz_index_naively(data)).index.tz is None
    assert tz_index_naively(index)[0] == pd.Timestamp("2026-07-01T12:00")


# --- Quarters, hours, months and windows ---


@pytest.mark.parametrize(
    ("now", "minutes", "grace", "start", "end"),
    [
        ("15:01", 5, 0, "14:55", "15:00"),
        ("03:36", 15, 0, "03:15", "03:30"),
        ("15:00:16", 5, 30, "14:50", "14:55"),
        ("15:00:30", 5, 30, "14:55", "15:00"),
        ("15:00", 5, 0, "14:55", "15:00"),
        ("00:10", 60, 0, "23:00", "00:00"),
        ("00:10", 30, 0, "23:30", "00:00"),
    ],
)
def test_most_recent_clocktime_window(
    now: str, minutes: int, grace: int, start: str, end: str
) -> None:
    window = get_most_recent_clocktime_window(minutes, at(f"2026-03-02T{now}+01:00"), grace)
    assert [f"{moment:%H:%M}" for moment in window] == [start, end]


@pytest.mark.parametrize("minutes", [7, 0, -5, 120])
def test_windows_divide_an_hour(minutes: int) -> None:
    with pytest.raises(AssertionError, match="divide an hour"):
        get_most_recent_clocktime_window(minutes)


@given(instants, zones, st.sampled_from([1, 5, 10, 15, 20, 30, 60]), st.integers(0, 600))
def test_a_window_is_full_over_and_recent(
    instant: datetime, name: str, minutes: int, grace: int
) -> None:
    now = instant.astimezone(zone(name))
    start, end = get_most_recent_clocktime_window(minutes, now, grace)
    assert end - start == minutes * MINUTE
    assert end.minute % minutes == 0
    assert timedelta(0) <= now - timedelta(seconds=grace) - end < minutes * MINUTE


@pytest.mark.parametrize(
    ("moment", "quarter", "hour"),
    [
        ("12:07:29", "12:00", "12:00"),
        ("12:07:30", "12:15", "12:00"),
        ("12:29:59", "12:30", "12:00"),
        ("12:30:00", "12:30", "13:00"),
        ("23:53:00", "00:00", "00:00"),
    ],
)
def test_rounding(moment: str, quarter: str, hour: str) -> None:
    dt = at(f"2026-03-01T{moment}+01:00")
    assert f"{round_to_closest_quarter(dt):%H:%M:%S}" == f"{quarter}:00"
    assert f"{round_to_closest_hour(dt):%H:%M:%S}" == f"{hour}:00"


def test_rounding_into_summer_time() -> None:
    just_before = localize(at("2026-03-29T01:55"), "Europe/Amsterdam")
    assert round_to_closest_quarter(just_before).isoformat() == "2026-03-29T03:00:00+02:00"


def test_current_quarter_hour_and_default_window(app_settings: dict[str, object]) -> None:
    app_settings["FLEXMEASURES_TIMEZONE"] = "Europe/Amsterdam"
    with time_machine.travel(at("2026-03-29T11:38:12+00:00"), tick=False):
        assert get_most_recent_quarter().isoformat() == "2026-03-29T13:30:00+02:00"
        assert get_most_recent_hour().isoformat() == "2026-03-29T13:00:00+02:00"
        # 24 hours, although the clock changed last night
        assert get_default_start_time().isoformat() == "2026-03-28T12:30:00+01:00"
        assert get_default_end_time().isoformat() == "2026-03-30T13:30:00+02:00"


@pytest.mark.parametrize(
    ("now", "first"),
    [
        ("2026-01-31T12:00", "2026-02-01T00:00:00+01:00"),
        ("2026-03-02T12:00", "2026-04-01T00:00:00+02:00"),
        ("2026-12-31T22:59", "2027-01-01T00:00:00+01:00"),
        ("2026-12-31T23:00", "2027-02-01T00:00:00+01:00"),
    ],
)
def test_first_day_of_next_month(now: str, first: str, app_settings: dict[str, object]) -> None:
    app_settings["FLEXMEASURES_TIMEZONE"] = "Europe/Amsterdam"
    with time_machine.travel(at(f"{now}+00:00"), tick=False):
        assert get_first_day_of_next_month().isoformat() == first


# --- Resolutions and horizons ---


@pytest.mark.parametrize(
    ("resolution", "minutes"),
    [
        ("5T", 5),
        ("15T", 15),
        ("15min", 15),
        ("H", 60),
        ("1h", 60),
        ("24h", 1440),
        ("D", 1440),
        ("7D", 10080),
        ("30s", 0.5),
        ("1.5h", 90),
        ("PT15M", 15),
        ("P1D", 1440),
        (timedelta(minutes=10), 10),
    ],
)
def test_resolutions_come_in_several_notations(resolution: str, minutes: float) -> None:
    assert parse_resolution(resolution) == minutes * MINUTE
    assert resolution_to_hour_factor(resolution) == minutes / 60


@pytest.mark.parametrize("resolution", ["P1M", "M", "15", "soon", "", "PT", "15 apples"])
def test_what_has_no_fixed_length_is_no_resolution(resolution: str) -> None:
    with pytest.raises(ValueError, match="is not a resolution"):
        parse_resolution(resolution)


@pytest.mark.parametrize(
    ("text", "days"),
    [("P1M", 29), ("P2M", 60 - 1 / 24), ("P1Y", 366), ("P1D", 1), ("P2M1D", 61 - 1 / 24)],
)
@pytest.mark.parametrize("timezone", [zone("Europe/Amsterdam"), ZoneInfo("Europe/Amsterdam")])
def test_length_of_nominal_durations(text: str, days: float, timezone: tzinfo) -> None:
    start = localize(at("2020-02-22T18:07"), timezone)
    assert ground_duration(parse_iso_duration(text), start) == days * DAY


@pytest.mark.parametrize(
    ("start", "text", "end"),
    [
        ("2026-01-31T12:00+01:00", "P1M", "2026-02-28T12:00+01:00"),
        ("2028-02-29T12:00+01:00", "P1Y", "2029-02-28T12:00+01:00"),
        ("2026-03-31T12:00+01:00", "-P1M", "2026-02-28T12:00+01:00"),
        ("2026-02-22T18:07", "P1M", "2026-03-22T18:07"),
    ],
)
def test_months_end_where_they_end(start: str, text: str, end: str) -> None:
    assert at(start) + ground_duration(parse_iso_duration(text), at(start)) == at(end)


@given(instants, zones, st.integers(-48, 48), st.timedeltas(-DAY, DAY))
def test_grounded_durations_end_at_the_same_time_of_day(
    instant: datetime, name: str, months: int, rest: timedelta
) -> None:
    start = instant.astimezone(zone(name))
    duration = isodate.Duration(months=months) + rest
    end = shift(start, ground_duration(duration, start) - rest)
    assert (end.year - start.year) * 12 + end.month - start.month == months
    assert abs((end.hour * 60 + end.minute) - (start.hour * 60 + start.minute)) in (0, 60)


@given(st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=366)))
def test_frequency_labels_mean_to_pandas_what_they_mean_to_us(length: timedelta) -> None:
    label = timedelta_to_pandas_freq_str(length)
    assert pd.Timedelta(to_offset(label)) == length
    assert parse_resolution(label) == length


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("5T", "5 minutes"),
        ("15min", "15 minutes"),
        ("1h", "1 hour"),
        ("90T", "90 minutes"),
        ("24h", "1 day"),
        ("D", "1 day"),
        ("168h", "1 week"),
        ("250ms", "0.25 seconds"),
    ],
)
def test_frequency_labels_in_words(label: str, words: str) -> None:
    assert freq_label_to_human_readable_label(label) == words


@pytest.mark.parametrize(
    ("length", "resolution"),
    [
        (timedelta(weeks=16, minutes=1), "168h"),
        (timedelta(weeks=16), "24h"),
        (timedelta(days=14), "1h"),
        (timedelta(hours=48), "15T"),
        (timedelta(hours=8), "5T"),
        (timedelta(0), "5T"),
    ],
)
def test_decide_resolution(length: timedelta, resolution: str) -> None:
    start = at("2026-03-01T00:00+01:00")
    assert decide_resolution(start, start + length) == resolution
    assert decide_resolution(start, None) == decide_resolution(None, start) == "15T"


def test_minimum_resampling_resolution() -> None:
    assert determine_minimum_resampling_resolution([timedelta(0), HOUR, 5 * MINUTE]) == 5 * MINUTE
    assert determine_minimum_resampling_resolution([timedelta(0)]) == timedelta(0)
    assert determine_minimum_resampling_resolution([]) == timedelta(0)


@pytest.mark.parametrize(
    ("resolutions", "hours"),
    [
        (["5T", "10T", "5min", 5 * MINUTE], [1, 6, 24]),
        (["15T", "1h", "H", 15 * MINUTE, HOUR], [1, 6, 24, 48]),
        (["24h", "D", DAY], [24, 48]),
        (["168h", "7D", 7 * DAY], [168]),
        (["1T", "30T", 30 * MINUTE, timedelta(0)], [1, 6, 24, 48]),
        (["2h", "3h"], [6, 24, 48]),
        (["16h"], [48]),
        (["7T", timedelta(hours=5)], []),
        (["14D"], [336]),
    ],
)
def test_forecast_horizons(resolutions: list[str | timedelta], hours: list[int]) -> None:
    for resolution in resolutions:
        if isinstance(resolution, str):
            assert forecast_horizons_for(resolution) == [f"{number}h" for number in hours]
        else:
            assert forecast_horizons_for(resolution) == [number * HOUR for number in hours]


def test_supported_horizons() -> None:
    assert supported_horizons() == [HOUR, 6 * HOUR, 24 * HOUR, 48 * HOUR]


@pytest.mark.parametrize(
    ("configured", "resolution", "expected"),
    [
        (2520, 15 * MINUTE, 2520 * 15 * MINUTE),
        (timedelta(days=7), 15 * MINUTE, timedelta(days=7)),
        (None, 15 * MINUTE, None),
        (2520, timedelta(0), None),
    ],
)
def test_max_planning_horizon(
    configured: object,
    resolution: timedelta,
    expected: timedelta | None,
    app_settings: dict[str, object],
) -> None:
    app_settings["FLEXMEASURES_MAX_PLANNING_HORIZON"] = configured
    assert get_max_planning_horizon(resolution) == expected


# --- Writing ---


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (DAY, "PT24H"),
        (timedelta(days=1, seconds=122), "PT24H2M2S"),
        (timedelta(0), "PT0H"),
        (-45 * MINUTE, "PT45M"),
        (timedelta(seconds=1.5), "PT1.5S"),
        (timedelta(days=365), "PT8760H"),
    ],
)
def test_duration_isoformat(duration: timedelta, text: str) -> None:
    assert duration_isoformat(duration) == text


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3660)))
def test_written_durations_can_be_read(duration: timedelta) -> None:
    assert abs(parse_resolution(duration_isoformat(duration)) - duration) <= timedelta(
        microseconds=1
    )


@pytest.mark.parametrize(
    "dt",
    [
        at("2026-03-01T08:30+01:00"),
        pd.Timestamp("2026-03-01T08:30", tz="Europe/Amsterdam"),
        at("2026-03-01T07:30"),
        pytz.timezone("America/New_York").localize(at("2026-03-01T02:30")),
    ],
)
def test_http_time(dt: datetime) -> None:
    assert to_http_time(dt) == "Sun, 01 Mar 2026 07:30:00 GMT"


@pytest.mark.parametrize(
    ("dt", "text"),
    [
        (None, "never"),
        (at("2026-03-01T09:00+00:00"), "3 hours ago"),
        (at("2026-03-01T15:00+01:00"), "2 hours from now"),
        (at("2026-03-01T11:59"), "a minute ago"),
        (at("2026-02-27T20:00+00:00"), "28 February 2026"),  # already so in Seoul
        (at("2025-01-03T00:00+00:00"), "3 January 2025"),
    ],
)
def test_naturalized_datetime(dt: datetime | None, text: str) -> None:
    assert naturalized_datetime_str(dt, now=at("2026-03-01T12:00+00:00")) == text


def test_durations_beyond_all_years() -> None:
    with pytest.raises(ValueError, match="too long"):
        ground_duration(parse_iso_duration("P9999Y"), datetime(2026, 1, 1, tzinfo=timezone.utc))
