from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import isodate
import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError

from flexmeasures.data.schemas.times import (
    AwareDateTimeField,
    DurationField,
    DurationValidationError,
    PlanningDurationField,
    ResolutionField,
    validate_timezone,
)
from flexmeasures.utils import ask_app
from flexmeasures.utils.time_utils import localize

HOUR = timedelta(hours=1)


@pytest.fixture
def planning_horizon() -> Iterator[timedelta]:
    horizon = timedelta(hours=36)
    before = ask_app._settings
    ask_app.answer_with(settings=lambda: {"FLEXMEASURES_PLANNING_HORIZON": horizon})
    yield horizon
    ask_app._settings = before


def errors(field: Any, value: object) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        field.deserialize(value)
    messages = caught.value.messages
    assert isinstance(messages, list)
    return messages


# --- Durations ---


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("PT1H", HOUR),
        ("P0DT1H0M0S", HOUR),
        ("P1DT0H0M0S", 24 * HOUR),
        ("P1D", 24 * HOUR),
        ("P1W", 7 * 24 * HOUR),
        ("-PT5M", -HOUR / 12),
        ("P1Y", isodate.Duration(years=1)),
        ("P1MT1H", isodate.Duration(months=1, hours=1)),
    ],
)
def test_durations(text: str, duration: object) -> None:
    assert DurationField().deserialize(text) == duration


@pytest.mark.parametrize("value", ["1h", "", "PT", "P1.5M", 3600, None, ["PT1H"], {}])
def test_what_is_no_duration(value: object) -> None:
    (message,) = errors(DurationField(), value)
    if value is not None:
        assert message.startswith(f"Cannot parse {value} as ISO8601 duration: ")


def test_a_wrong_duration_has_its_own_verdict() -> None:
    with pytest.raises(DurationValidationError) as caught:
        DurationField().deserialize("1h")
    assert caught.value.status == "INVALID_PERIOD"


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (HOUR, "PT1H"),
        (24 * HOUR, "P1D"),
        (-HOUR, "-PT1H"),
        (timedelta(0), "P0D"),
        (isodate.Duration(months=1), "P1M"),
        (None, None),
    ],
)
def test_durations_leave_as_text(duration: object, text: str | None) -> None:
    assert DurationField().serialize("x", {"x": duration}) == text


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("P1M", 29 * 24 * HOUR),
        ("P2M", 60 * 24 * HOUR - HOUR),  # into summer time
        ("P1Y", 366 * 24 * HOUR),
        ("P1D", 24 * HOUR),
    ],
)
def test_grounding_durations(text: str, length: timedelta) -> None:
    start = localize(datetime.fromisoformat("2020-02-22T18:07"), "Europe/Amsterdam")
    duration = DurationField().deserialize(text)
    assert DurationField.ground_from(duration, start) == length
    assert DurationField.ground_from(duration, None) == duration


def test_the_planning_duration_has_a_default(planning_horizon: timedelta) -> None:
    schema = Schema.from_dict(
        {
            "duration": PlanningDurationField(),
            "other": PlanningDurationField(load_default=PlanningDurationField.load_default),
            "third": PlanningDurationField(load_default=None),
        }
    )()
    assert schema.load({}) == {
        "duration": planning_horizon,
        "other": planning_horizon,
        "third": None,
    }
    assert schema.load({"duration": "PT1H"})["duration"] == HOUR
    with pytest.raises(ValidationError, match="Missing data for required field"):
        Schema.from_dict({"duration": PlanningDurationField(required=True)})().load({})


# --- Datetimes ---


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-25T07:00:00+01:00",
        "2026-11-25T07:00+01:00",
        "2026-11-25T07:00 01:00",
        "2026-11-25T07:00:00.000 01:00",
        "2026-11-25T06:00Z",
    ],
)
def test_aware_datetimes(text: str) -> None:
    moment = AwareDateTimeField().deserialize(text)
    assert moment == datetime.fromisoformat("2026-11-25T07:00:00+01:00")
    assert moment.tzinfo is not None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("2026-11-25T07:00", "Not a valid aware datetime."),
        ("2026-11-25", "Not a valid datetime."),
        ("tomorrow", "Not a valid datetime."),
        ("2026-02-29T07:00Z", "Not a valid datetime."),
        (1764054000, "Not a valid datetime."),
        (["2026-11-25T07:00Z"], "Not a valid datetime."),
        ("0001-01-01T00:00+14:00", "Years from 1678 to 2261 can be used."),
        ("9999-12-31T23:59-01:00", "Years from 1678 to 2261 can be used."),
    ],
)
def test_what_is_no_aware_datetime(value: object, message: str) -> None:
    assert errors(AwareDateTimeField(), value) == [message]


def test_a_default_timezone() -> None:
    field = AwareDateTimeField(default_timezone=timezone.utc)
    assert field.deserialize("2026-11-25T07:00").isoformat() == "2026-11-25T07:00:00+00:00"


@given(st.datetimes(datetime(1678, 1, 2), datetime(2261, 12, 30), timezones=st.timezones()))
def test_datetimes_survive_the_way_out_and_in(moment: datetime) -> None:
    field = AwareDateTimeField()
    text = field.serialize("x", {"x": moment.astimezone(timezone.utc)})
    assert field.deserialize(text) == moment.astimezone(timezone.utc)


# --- Resolutions and timezones ---


@pytest.mark.parametrize(
    ("value", "minutes"), [("PT15M", 15), (15, 15), ("15", 15), (0, 0), ("P1D", 1440), ("PT0M", 0)]
)
def test_resolutions(value: object, minutes: int) -> None:
    resolution = ResolutionField().deserialize(value)
    assert resolution == timedelta(minutes=minutes)
    assert ResolutionField().serialize("x", {"x": resolution}) == minutes


@pytest.mark.parametrize("value", ["P1M", "-PT5M", -5, "quarter", 1.5, True])
def test_what_is_no_resolution(value: object) -> None:
    assert errors(ResolutionField(), value)


def test_timezones() -> None:
    validate_timezone("Europe/Amsterdam")
    message = "Timezone Europe/Amsterdm doesn't exist. Did you mean Europe/Amsterdam?"
    with pytest.raises(ValidationError, match=message.replace("?", r"\?")):
        validate_timezone("Europe/Amsterdm")
    with pytest.raises(ValidationError, match=r"Timezone 12345 doesn't exist\.$"):
        validate_timezone("12345")
    for name in ("localtime", "Factory"):  # systems list them, but they are no names of IANA
        with pytest.raises(ValidationError, match=f"Timezone {name} doesn't exist"):
            validate_timezone(name)
