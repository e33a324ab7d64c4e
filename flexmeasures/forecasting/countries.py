"""Timezones and the countries that they are of."""

from __future__ import annotations

from functools import cache

import pytz


def country_of(timezone: str) -> str | None:
    """The code of the one country that has this timezone; None if there is none.

    >>> country_of("Europe/Amsterdam"), country_of("UTC")
    ('NL', None)
    """
    return _countries().get(timezone)


@cache
def _countries() -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for country, timezones in pytz.country_timezones.items():
        for timezone in timezones:
            found.setdefault(timezone, set()).add(country)
    return {timezone: min(codes) for timezone, codes in found.items() if len(codes) == 1}
