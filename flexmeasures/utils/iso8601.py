"""Reading datetimes and durations as ISO 8601 writes them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import isodate

_NUMBER = r"\d{1,9}(?:[.,]\d{1,20})?"  # bounded, so that no text takes long to read
_ISO_DURATION = re.compile(
    rf"[+-]?P(?=\d|T)(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    rf"(?:T(?=\d)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?",
    re.ASCII,
)
_DATETIME = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})[Tt ](?P<hour>\d{1,2}):(?P<minute>\d{1,2})"
    r"(?::(?P<second>\d{1,2})(?:[.,](?P<fraction>\d{1,12}))?)?"
    r"(?P<offset>[Zz]|(?P<sign>[+ -])(?P<hours>\d{2})(?::?(?P<minutes>[0-5]\d))?)?",
    re.ASCII,
)


def parse_iso_duration(text: str) -> timedelta | isodate.Duration:
    """A duration as ISO 8601 writes it, sign allowed; days and weeks are 24 and 168 hours.

    With years or months, whose length depends on when they start, an `isodate.Duration` (see
    `time_utils.ground_duration`); else a timedelta. A ValueError says what is wrong with the text.

    >>> parse_iso_duration("P0DT1H0M0S")
    datetime.timedelta(seconds=3600)
    """
    import isodate

    if not _ISO_DURATION.fullmatch(text):
        raise ValueError("expected a text such as PT15M, P1DT12H or P1M")
    try:
        duration = isodate.parse_duration(text)
    except OverflowError as error:
        raise ValueError("this duration is too long") from error
    if isinstance(duration, isodate.Duration) and (duration.years % 1 or duration.months % 1):
        raise ValueError("years and months must be whole numbers")
    return duration


def parse_iso_datetime(text: str) -> datetime:
    """A datetime; naive if the text has no offset. A ValueError for anything else.

    Seconds may be left out. A blank before the offset means a plus, since that is what becomes of
    a plus in a link.

    >>> parse_iso_datetime("2026-11-25T07:00 01:00").isoformat()
    '2026-11-25T07:00:00+01:00'
    """
    parts = _DATETIME.fullmatch(text)
    if parts is None:
        raise ValueError("expected a text such as 2026-11-25T07:00:00+01:00")
    numbers = (parts[name] for name in ("year", "month", "day", "hour", "minute", "second"))
    year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
    microsecond = int((parts["fraction"] or "").ljust(6, "0")[:6])
    return datetime(year, month, day, hour, minute, second, microsecond, _offset(parts))


def _offset(parts: re.Match[str]) -> timezone | None:
    if parts["offset"] is None:
        return None
    if parts["sign"] is None:
        return timezone.utc
    offset = timedelta(hours=int(parts["hours"]), minutes=int(parts["minutes"] or 0))
    return timezone(-offset if parts["sign"] == "-" else offset)
