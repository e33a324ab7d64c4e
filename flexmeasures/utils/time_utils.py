"""Clock, timezones, windows and resolutions.

Datetimes that leave these functions are aware, unless a name says naive. Arithmetic is absolute: a
day is 24 hours, also when the clock changes. `server_now` is the only clock of the platform.

Timezones are those of pytz: adding a timedelta to a datetime in one of them is absolute arithmetic
(with zoneinfo it would move the hands of the clock), and they are what pandas 2 uses.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from email.utils import format_datetime
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo, available_timezones

import pytz

from flexmeasures.utils import ask_app
from flexmeasures.utils.iso8601 import parse_iso_duration

if TYPE_CHECKING:
    import isodate
    import pandas as pd

    Frame = TypeVar("Frame", pd.Series, pd.DataFrame, pd.DatetimeIndex)

UTC = timezone.utc
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = timedelta(weeks=1)

# Pandas' frequency labels, older spellings included. Single letters are older than words: a T is
# a minute. An M is left out, since it means a month to pandas and a minute to people.
_FREQUENCY = re.compile(r"(\d+(?:\.\d+)?)? ?(W|D|H|h|T|min|S|s|L|ms|U|us)")
_LENGTHS = {
    "W": WEEK,
    "D": DAY,
    "H": HOUR,
    "h": HOUR,
    "T": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "S": timedelta(seconds=1),
    "s": timedelta(seconds=1),
    "L": timedelta(milliseconds=1),
    "ms": timedelta(milliseconds=1),
    "U": timedelta(microseconds=1),
    "us": timedelta(microseconds=1),
}


# ---------------------------------------------------------------------------------------------
# The clock and its timezones


def server_now() -> datetime:
    """The current time, in the server's timezone. The only clock of the platform."""
    return datetime.now(get_timezone())


def get_timezone(of_user: bool = False) -> tzinfo:
    """The server's timezone (setting FLEXMEASURES_TIMEZONE, by default Asia/Seoul).

    of_user : rather the timezone of the current user, if there is one
    """
    if of_user and (name := ask_app.user_timezone()):
        return zone(name)
    return zone(ask_app.setting("FLEXMEASURES_TIMEZONE"))


def timezone_names() -> set[str]:
    """The IANA names of timezones that can be used.

    Systems list more (localtime, Factory), which is no zone or another one elsewhere.
    """
    return available_timezones() & pytz.all_timezones_set


def zone(name: str) -> tzinfo:
    """The timezone of an IANA name; a ValueError for anything else."""
    try:
        return pytz.timezone(name)
    except (pytz.UnknownTimeZoneError, AttributeError) as error:
        raise ValueError(
            f"Timezone {name!r} is unknown: expected an IANA name, such as Europe/Amsterdam."
        ) from error


def localize(naive: datetime, timezone: tzinfo | str) -> datetime:
    """What a clock on the wall in that timezone means: an instant.

    An hour that autumn repeats means the first of the two instants. An hour that spring skips is
    read as if the clock had not been changed yet, so 02:30 means what is called 03:30.
    """
    target = zone(timezone) if isinstance(timezone, str) else timezone
    name = getattr(target, "zone", None)  # pytz's zones have one; they mislead datetime.replace
    rules = ZoneInfo(name) if name else target
    return naive.replace(tzinfo=rules, fold=0).astimezone(UTC).astimezone(target)


def shift(dt: datetime, delta: timedelta) -> datetime:
    """The instant that much later, in the same timezone. (Naive datetimes are just added to.)"""
    if dt.tzinfo is None:
        return dt + delta
    return (dt.astimezone(UTC) + delta).astimezone(dt.tzinfo)


def as_utc(dt: datetime) -> datetime:
    """The same instant in UTC; a naive datetime is taken as UTC."""
    return dt.replace(tzinfo=UTC) if dt.tzinfo is None else dt.astimezone(UTC)


def as_server_time(dt: datetime) -> datetime:
    """The same instant in the server's timezone; a naive datetime is taken as UTC."""
    return as_utc(dt).astimezone(get_timezone())


def localized_datetime(dt: datetime) -> datetime:
    """The same instant in the current user's timezone, or else in the server's.

    A naive datetime is taken as UTC.
    """
    return as_utc(dt).astimezone(get_timezone(of_user=True))


def localized_datetime_str(dt: datetime, dt_format: str = "%Y-%m-%d %I:%M %p") -> str:
    """As `localized_datetime`, written for people."""
    return localized_datetime(dt).strftime(dt_format)


def naive_utc_from(dt: datetime) -> datetime:
    """The same instant as a naive datetime in UTC; a naive datetime is taken as UTC already."""
    return as_utc(dt).replace(tzinfo=None)


def ensure_local_timezone(dt: datetime, tz_name: str = "Europe/Amsterdam") -> datetime:
    """Convert to a timezone; a naive datetime is taken as the time on the clock there."""
    return localize(dt, tz_name) if dt.tzinfo is None else dt.astimezone(zone(tz_name))


def tz_index_naively(data: Frame) -> Frame:
    """The same data, its time index naive: what the clock shows, without the timezone."""
    return data.tz_localize(None)


# ---------------------------------------------------------------------------------------------
# Quarters, hours, months and windows


def _floor(dt: datetime, minutes: int) -> datetime:
    """The latest moment, not after dt, at which the clock showed a multiple of minutes."""
    past = timedelta(minutes=dt.minute % minutes, seconds=dt.second, microseconds=dt.microsecond)
    return shift(dt, -past)


def round_to_closest_quarter(dt: datetime) -> datetime:
    """The closest quarter of an hour; halfway means the later one."""
    return _floor(shift(dt, timedelta(minutes=7.5)), 15)


def round_to_closest_hour(dt: datetime) -> datetime:
    """The closest full hour; halfway means the later one."""
    return _floor(shift(dt, timedelta(minutes=30)), 60)


def get_most_recent_quarter() -> datetime:
    """The quarter of an hour that last began, in the server's timezone."""
    return _floor(server_now(), 15)


def get_most_recent_hour() -> datetime:
    """The hour that last began, in the server's timezone."""
    return _floor(server_now(), 60)


def get_default_start_time() -> datetime:
    """Where pages start to show data: a day before the current quarter of an hour."""
    return shift(get_most_recent_quarter(), -DAY)


def get_default_end_time() -> datetime:
    """Where pages stop to show data: a day after the current quarter of an hour."""
    return shift(get_most_recent_quarter(), DAY)


def get_first_day_of_next_month() -> datetime:
    """Midnight at which the next month begins, in the server's timezone."""
    midnight = server_now().replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    in_next_month = midnight.replace(day=1) + timedelta(days=31)
    return localize(in_next_month.replace(day=1), get_timezone())


def get_most_recent_clocktime_window(
    window_size_in_minutes: int,
    now: datetime | None = None,
    grace_period_in_seconds: int = 0,
) -> tuple[datetime, datetime]:
    """Start and end of the last full window, counted from the full hour.

    At 15:01, the last window of 5 minutes is 14:55 to 15:00.

    window_size_in_minutes : a divisor of 60
    now : by default the current time
    grace_period_in_seconds : a window that ended less than this ago does not count yet

    >>> start, end = get_most_recent_clocktime_window(15, datetime(2026, 3, 1, 3, 36))
    >>> start.time(), end.time()
    (datetime.time(3, 15), datetime.time(3, 30))
    """
    if window_size_in_minutes <= 0 or 60 % window_size_in_minutes:
        raise AssertionError(
            f"The window should divide an hour, and {window_size_in_minutes} minutes do not."
        )
    known_until = shift(now or server_now(), -timedelta(seconds=grace_period_in_seconds))
    end = _floor(known_until, window_size_in_minutes)
    return shift(end, -timedelta(minutes=window_size_in_minutes)), end


# ---------------------------------------------------------------------------------------------
# Resolutions and horizons


def parse_resolution(resolution: timedelta | str) -> timedelta:
    """The length of a step: given as such, as pandas' frequency or as ISO 8601 duration.

    >>> parse_resolution("15T") == parse_resolution("15min") == parse_resolution("PT15M")
    True
    """
    if isinstance(resolution, timedelta):
        return resolution
    if match := _FREQUENCY.fullmatch(resolution):
        return float(match[1] or 1) * _LENGTHS[match[2]]
    try:
        length = parse_iso_duration(resolution)
    except ValueError:
        length = None
    if isinstance(length, timedelta):
        return length
    raise ValueError(
        f"{resolution!r} is not a resolution: expected a fixed length, such as PT15M or 15min."
    )


def ground_duration(duration: timedelta | isodate.Duration, start: datetime) -> timedelta:
    """How long a duration is from that moment on.

    Years and months are counted on the calendar of the start's timezone (31 January plus a month
    is the last of February), then the rest is added as it is.
    """
    if isinstance(duration, timedelta):
        return duration
    calendar = type(duration)(years=duration.years, months=duration.months)
    try:
        local = start.replace(tzinfo=None) + calendar
    except (ValueError, OverflowError) as error:
        raise ValueError(f"A duration of {duration} from {start} on is too long.") from error
    end = local if start.tzinfo is None else localize(local, start.tzinfo)
    # in UTC: a difference within one timezone may be that of the hands of the clock
    return as_utc(end) - as_utc(start) + duration.tdelta


def timedelta_to_pandas_freq_str(resolution: timedelta) -> str:
    """Pandas' frequency label, in the largest fitting unit.

    >>> timedelta_to_pandas_freq_str(timedelta(minutes=15))
    '15min'
    >>> timedelta_to_pandas_freq_str(timedelta(days=1))
    'D'
    """
    for label in ("D", "h", "min", "s", "ms", "us"):
        steps, rest = divmod(resolution, _LENGTHS[label])
        if not rest:
            return label if steps == 1 else f"{steps}{label}"
    raise AssertionError("Every timedelta is a number of microseconds.")


def freq_label_to_human_readable_label(freq_label: str) -> str:
    """
    >>> freq_label_to_human_readable_label("15T")
    '15 minutes'
    >>> freq_label_to_human_readable_label("24h")
    '1 day'
    """
    words = {"week": WEEK, "day": DAY, "hour": HOUR, "minute": HOUR / 60, "second": HOUR / 3600}
    resolution = parse_resolution(freq_label)
    for word, length in words.items():
        if resolution >= length and not resolution % length:
            number = resolution // length
            return f"{number} {word}" if number == 1 else f"{number} {word}s"
    return f"{resolution.total_seconds():g} seconds"


def resolution_to_hour_factor(resolution: str | timedelta) -> float:
    """How many hours a step takes: what turns power into energy.

    >>> resolution_to_hour_factor("15T")
    0.25
    """
    return parse_resolution(resolution) / HOUR


def decide_resolution(start: datetime | None, end: datetime | None) -> str:
    """A resolution at which a window of this length is good to look at (15T if unknown)."""
    if start is None or end is None:
        return "15T"
    length = end - start
    for longer_than, resolution in ((16 * WEEK, "168h"), (14 * DAY, "24h"), (2 * DAY, "1h")):
        if length > longer_than:
            return resolution
    return "15T" if length > 8 * HOUR else "5T"


def determine_minimum_resampling_resolution(event_resolutions: list[timedelta]) -> timedelta:
    """The finest resolution that has a length; zero if all are instantaneous."""
    return min((length for length in event_resolutions if length), default=timedelta(0))


def supported_horizons() -> list[timedelta]:
    """How far ahead forecasting jobs can look."""
    return [1 * HOUR, 6 * HOUR, 24 * HOUR, 48 * HOUR]


Resolution = TypeVar("Resolution", str, timedelta)


def forecast_horizons_for(resolution: Resolution) -> list[Resolution]:
    """How far ahead to forecast events of this resolution, in whole events.

    Horizons are of the kind of the resolution: timedeltas or frequency labels. There are none for
    unusual resolutions, of which an hour or a day is no multiple.

    >>> forecast_horizons_for("24h")
    ['24h', '48h']
    >>> forecast_horizons_for("30min")
    ['1h', '6h', '24h', '48h']
    """
    length = parse_resolution(resolution)
    short = length in (timedelta(minutes=5), timedelta(minutes=10))
    horizons = [
        horizon
        for horizon in supported_horizons()[: 3 if short else 4]
        if not length or not horizon % length
    ]
    if length > supported_horizons()[-1]:
        horizons = [length]
    if isinstance(resolution, str):
        return [f"{horizon // HOUR}h" for horizon in horizons]
    return horizons


def get_max_planning_horizon(resolution: timedelta) -> timedelta | None:
    """How far ahead schedules may reach (setting FLEXMEASURES_MAX_PLANNING_HORIZON).

    A number in the setting counts steps of the resolution, and limits nothing where steps have no
    length. None: no limit.
    """
    horizon = ask_app.setting("FLEXMEASURES_MAX_PLANNING_HORIZON")
    if horizon is None or isinstance(horizon, timedelta):
        return horizon
    return int(horizon) * resolution if resolution else None


# ---------------------------------------------------------------------------------------------
# Writing


def duration_isoformat(duration: timedelta) -> str:
    """ISO 8601 with hours as largest unit; the sign is dropped.

    >>> duration_isoformat(timedelta(days=1, seconds=122))
    'PT24H2M2S'
    >>> duration_isoformat(timedelta(0))
    'PT0H'
    """
    hours, rest = divmod(abs(duration), HOUR)
    minutes, rest = divmod(rest, timedelta(minutes=1))
    seconds = rest.total_seconds()
    text = f"{hours}H" if hours else ""
    text += f"{minutes}M" if minutes else ""
    text += f"{seconds:.6f}".rstrip("0").rstrip(".") + "S" if seconds else ""
    return f"PT{text or '0H'}"


def to_http_time(dt: datetime) -> str:
    """As in HTTP headers (RFC 9110): in GMT, without fractions; a naive datetime is taken as UTC.

    >>> to_http_time(datetime(2026, 3, 1, 7, 30))
    'Sun, 01 Mar 2026 07:30:00 GMT'
    """
    return format_datetime(as_utc(dt), usegmt=True)


def naturalized_datetime_str(dt: datetime | None, now: datetime | None = None) -> str:
    """How people would say it: "3 hours ago" within a day, else a date.

    The date is that of the current user, or else of the server. A naive datetime is taken as UTC.
    """
    if dt is None:
        return "never"
    since = as_utc(now or server_now()) - as_utc(dt)
    if abs(since) > DAY:
        local = localized_datetime(dt)
        return f"{local.day} {local:%B %Y}"
    import humanize

    return humanize.naturaltime(since)
