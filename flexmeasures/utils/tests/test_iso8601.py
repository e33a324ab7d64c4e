from __future__ import annotations

import doctest
from datetime import datetime, timedelta, timezone

import isodate
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures.utils import iso8601
from flexmeasures.utils.iso8601 import parse_iso_datetime, parse_iso_duration

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda m: timezone(m * MINUTE))


def test_examples_in_docstrings() -> None:
    failed, tried = doctest.testmod(iso8601)
    assert tried and not failed


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("PT1H", HOUR),
        ("P0DT1H0M0S", HOUR),
        ("-PT5M", -5 * MINUTE),
        ("+PT5M", 5 * MINUTE),
        ("P1D", DAY),
        ("P1W", 7 * DAY),
        ("P1DT12H", 36 * HOUR),
        ("PT0S", timedelta(0)),
        ("PT0.5H", 30 * MINUTE),
        ("PT0,5H", 30 * MINUTE),
    ],
)
def test_iso_durations(text: str, duration: timedelta) -> None:
    assert parse_iso_duration(text) == duration


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "expected a text such as"),
        ("1 hour", "expected a text such as"),
        ("P", "expected a text such as"),
        ("PT", "expected a text such as"),
        ("P1DT", "expected a text such as"),
        ("1H", "expected a text such as"),
        ("P1H", "expected a text such as"),
        ("P1.5M", "whole numbers"),
        ("P999999999W", "too long"),
        ("P99999999999D", "expected a text such as"),
        ("P" + 5000 * "9" + "D", "expected a text such as"),
    ],
)
def test_what_is_wrong_with_a_duration(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_iso_duration(text)


@given(st.text(st.sampled_from("+-PTYMWDHS0189.,:eé "), max_size=110))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        duration = parse_iso_duration(text)
    except ValueError:
        return
    assert isinstance(duration, (timedelta, isodate.Duration))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-11-25T07:00:00+01:00", "2026-11-25T07:00:00+01:00"),
        ("2026-11-25T07:00+01:00", "2026-11-25T07:00:00+01:00"),
        ("2026-11-25T07:00 01:00", "2026-11-25T07:00:00+01:00"),
        ("2026-11-25 07:00+01:00", "2026-11-25T07:00:00+01:00"),
        ("2026-11-25T07:00:00-0330", "2026-11-25T07:00:00-03:30"),
        ("2026-11-25T07:00:00+01", "2026-11-25T07:00:00+01:00"),
        ("2026-11-25T07:00Z", "2026-11-25T07:00:00+00:00"),
        ("2026-11-25T07:00:00.25Z", "2026-11-25T07:00:00.250000+00:00"),
        ("2026-11-25T07:00:00.123456789Z", "2026-11-25T07:00:00.123456+00:00"),
        ("2026-1-5T7:00+01:00", "2026-01-05T07:00:00+01:00"),
        ("2028-02-29T00:00+01:00", "2028-02-29T00:00:00+01:00"),
        ("2026-11-25T07:00", "2026-11-25T07:00:00"),
        ("2026-11-25 07:00", "2026-11-25T07:00:00"),
    ],
)
def test_iso_datetimes(text: str, same: str) -> None:
    assert parse_iso_datetime(text).isoformat() == same


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-25",
        "tomorrow",
        "2026-02-29T00:00+01:00",
        "2026-13-01T00:00+01:00",
        "2026-11-25T24:01+01:00",
        "2026-11-25T07:00+24:00",
        "2026-11-25T07:00+01:00 and more",
        "2026-W48-3T07:00+01:00",
        "\u0662026-11-25T07:00",
        "0000-01-01T00:00Z",
    ],
)
def test_what_is_no_datetime(text: str) -> None:
    with pytest.raises(ValueError):
        parse_iso_datetime(text)


@given(st.datetimes(timezones=st.none() | offsets))
def test_written_datetimes_can_be_read(moment: datetime) -> None:
    assert parse_iso_datetime(moment.isoformat()) == moment
    if not moment.microsecond:
        assert parse_iso_datetime(moment.isoformat().replace("+", " ")) == moment


@given(st.text(st.sampled_from("0123459-:TZ+ .,é"), max_size=40))
def test_any_text_is_a_datetime_or_a_value_error(text: str) -> None:
    try:
        moment = parse_iso_datetime(text)
    except ValueError:
        return
    assert text.startswith(f"{moment.year:04}-")
