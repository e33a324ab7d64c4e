from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures.bootstrap.exceptions import ConfigurationError
from flexmeasures.bootstrap.variables import settings_from_variables


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("DEBUG", "0", False),
        ("DEBUG", "False", False),
        ("DEBUG", "", False),
        ("DEBUG", "1", True),
        ("MAIL_USE_TLS", "no", False),
        ("MAIL_USE_TLS", "On", True),
        ("MAIL_PORT", "99", 99),
        ("MAIL_PORT", "", None),
        ("MAIL_SERVER", "mail.example.com", "mail.example.com"),
        ("MAIL_USERNAME", "", None),
        ("MAIL_DEFAULT_SENDER", "Me <me@example.com>", "Me <me@example.com>"),
        ("FLEXMEASURES_MODE", "", ""),
        ("FLEXMEASURES_TIMEZONE", "Europe/Amsterdam", "Europe/Amsterdam"),
        ("FLEXMEASURES_JOB_TTL", "PT15M", timedelta(minutes=15)),
        ("FLEXMEASURES_PLANNING_TTL", "-P1D", timedelta(days=-1)),
        ("FLEXMEASURES_MAX_PLANNING_HORIZON", "P7D", timedelta(days=7)),
        ("FLEXMEASURES_MAX_PLANNING_HORIZON", "96", 96),
        ("FLEXMEASURES_MAX_PLANNING_HORIZON", "", None),
        ("FLEXMEASURES_PLUGINS", "/plugins/one, two,", ["/plugins/one", "two"]),
        ("FLEXMEASURES_PLUGINS", "", []),
        ("FLEXMEASURES_PLUGIN_PATHS", "one", ["one"]),
        ("FLEXMEASURES_HOSTS_AND_AUTH_START", '{"a.org": "2021-01"}', {"a.org": "2021-01"}),
        ("FLEXMEASURES_SENTRY_CONFIG", "", {}),
        ("FLEXMEASURES_PUBLIC_DEMO_CREDENTIALS", "me@a.org, word", ("me@a.org", "word")),
        ("LOGGING_LEVEL", "INFO", "INFO"),
        ("LOGGING_LEVEL", "10", 10),
    ],
)
def test_text_becomes_what_the_setting_is(name: str, text: str, value: Any) -> None:
    setting = settings_from_variables({name: text})[name]
    assert setting == value
    assert type(setting) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("MAIL_PORT", "abc", "a whole number"),
        ("DEBUG", "maybe", "true or false"),
        ("FLEXMEASURES_JOB_TTL", "1 day", "ISO 8601 duration"),
        ("FLEXMEASURES_JOB_TTL", "P1M", "in days or smaller units"),
        ("FLEXMEASURES_JOB_TTL", "", "ISO 8601 duration"),
        ("FLEXMEASURES_SENTRY_CONFIG", "{", "a JSON object"),
        ("FLEXMEASURES_SENTRY_CONFIG", "[]", "a JSON object"),
        ("FLEXMEASURES_PUBLIC_DEMO_CREDENTIALS", "me@a.org", "comma between them"),
    ],
)
def test_unusable_text_is_named_with_what_would_be_right(
    name: str, text: str, expected: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        settings_from_variables({name: text})
    message = str(error.value)
    assert f"{name}={text} " in message
    assert expected in message


@given(
    sign=st.sampled_from(["", "-"]),
    days=st.integers(0, 9999),
    hours=st.integers(0, 99),
    minutes=st.integers(0, 99),
    seconds=st.integers(0, 99),
)
def test_durations(sign: str, days: int, hours: int, minutes: int, seconds: int) -> None:
    text = f"{sign}P{days}DT{hours}H{minutes}M{seconds}S"
    duration = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    setting = settings_from_variables({"FLEXMEASURES_JOB_TTL": text})["FLEXMEASURES_JOB_TTL"]
    assert setting == (-duration if sign else duration)


def test_only_settings_are_read() -> None:
    assert settings_from_variables({"PATH": "/bin", "MAIL_PORT_": "1", "__doc__": ""}) == {}


def test_sentry_has_two_names() -> None:
    assert settings_from_variables({"SENTRY_SDN": "a"}) == {"SENTRY_DSN": "a"}
    assert settings_from_variables({"SENTRY_SDN": "a", "SENTRY_DSN": "b"}) == {"SENTRY_DSN": "b"}
