"""Settings from environment variables: text becomes what the setting's type says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from flexmeasures.bootstrap.exceptions import ConfigurationError
from flexmeasures.utils.config_defaults import Config

_YES = {"1", "true", "t", "yes", "y", "on"}
_NO = {"0", "false", "f", "no", "n", "off", ""}


def _yes_or_no(text: str) -> bool:
    word = text.strip().lower()
    if word not in _YES | _NO:
        raise ValueError(text)
    return word in _YES


def _nothing(text: str) -> None:
    if text:
        raise ValueError(text)


def _duration(text: str) -> timedelta:
    import isodate

    duration = isodate.parse_duration(text.strip())
    if not isinstance(duration, timedelta):  # years and months have no fixed length
        raise ValueError(text)
    return duration


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _pair(text: str) -> tuple[str, str]:
    first, second = _items(text)
    return first, second


def _mapping(text: str) -> dict[str, Any]:
    value = json.loads(text) if text else {}
    if not isinstance(value, dict):
        raise ValueError(text)
    return value


# For each type: how to read it (raises ValueError), and what to tell those who wrote it otherwise.
_FORMS: dict[Any, tuple[Callable[[str], Any], str]] = {
    bool: (_yes_or_no, "1 or 0, true or false, yes or no, on or off"),
    NoneType: (_nothing, "empty"),
    int: (int, "a whole number"),
    float: (float, "a number"),
    timedelta: (_duration, "an ISO 8601 duration in days or smaller units, such as P2D or PT15M"),
    list: (_items, "a list with commas between its items"),
    tuple: (_pair, "two texts with a comma between them"),
    dict: (_mapping, 'a JSON object, such as {"name": "value"}'),
    str: (str, "a text"),
}


def parse(name: str, text: str, setting_type: Any) -> Any:
    """What `text` means for a setting of this type (a union is read as its first type that fits).

    Raises ConfigurationError, with the name, the text and the expected form.
    """
    is_union = get_origin(setting_type) in (Union, UnionType)
    alternatives = get_args(setting_type) if is_union else (setting_type,)
    forms = [_FORMS[get_origin(alternative) or alternative] for alternative in alternatives]
    # Empty means None, even for texts.
    for read, _ in sorted(forms, key=lambda form: form[0] is not _nothing):
        try:
            return read(text)
        except ValueError:
            continue
    expected = ", or ".join(expectation for _, expectation in forms)
    raise ConfigurationError(
        f"The environment variable {name}={text} cannot be used: it should be {expected}."
    )


def settings_from_variables(environ: Mapping[str, str]) -> dict[str, Any]:
    """Settings given as variables of the same name, by name."""
    types = get_type_hints(Config)
    # The secret key has an order of its own: see the module `secrets`.
    del types["SECRET_KEY"]
    given = {name: parse(name, environ[name], types[name]) for name in types if name in environ}
    if "SENTRY_SDN" in environ:  # documented under both names
        given.setdefault("SENTRY_DSN", environ["SENTRY_SDN"] or None)
    return given
