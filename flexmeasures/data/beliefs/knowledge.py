"""When the events of a sensor can be known: as arrays, and as SQL.

A sensor names a function (`knowledge_horizon_fnc`) and its parameters (`knowledge_horizon_par`):

    ex_post                   ex_post_horizon after the event ends
    ex_ante                   ex_ante_horizon before it starts
    at_date                   at knowledge_time, whatever the event
    x_days_ago_at_y_oclock    on the clock of timezone z, x days before the day of its start, y
                              o'clock (decimals allowed)
    x_years_ago_at_date       likewise, the start of that day and month, x years before its year

Where a clock shows the same time twice, the first of the two instants is meant; a time that it
skips is read as if the clock had not been changed yet.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
from sqlalchemy import ColumnElement, Integer, case, cast, extract, func, literal, literal_column
from sqlalchemy.types import DateTime, Interval

from flexmeasures.data.beliefs.rows import EPOCH, MICROSECOND, Integers, microseconds
from flexmeasures.utils.time_utils import localize, zone
from flexmeasures.utils.timely import tb  # noqa: F401 - before anything else imports the library

if TYPE_CHECKING:
    from flexmeasures.data.models.time_series import Sensor

Instant = ColumnElement[datetime]
Times = TypeVar("Times", datetime, pd.DatetimeIndex)


def knowledge_time(
    sensor: Sensor, event_start: Times, event_resolution: timedelta | None = None
) -> Times:
    """When an event can be known, or each of several. Of a single event, this is in UTC.

    event_resolution : by default the sensor's
    Raises TypeError for naive times.
    """
    timing = Timing.of(sensor)
    if event_resolution is not None:
        timing = replace(timing, event_resolution=event_resolution)
    if event_start.tzinfo is None:
        raise TypeError(f"Event starts need a timezone, which {event_start} lacks.")
    if isinstance(event_start, datetime):
        [known] = timing.knowledge_times(np.array([microseconds(event_start)])).tolist()
        return EPOCH + timedelta(microseconds=known)
    known = timing.knowledge_times(event_start.as_unit("us").asi8).view("M8[us]")
    index = pd.DatetimeIndex(known, tz="UTC", name=event_start.name).as_unit(event_start.unit)
    return index.tz_convert(event_start.tz)


@dataclass(frozen=True)
class Timing:
    """What sensors have in common whose events are timed alike."""

    event_resolution: timedelta
    function: str
    parameters: str
    """A JSON object."""

    @classmethod
    def of(cls, sensor: Sensor) -> Timing:
        parameters = json.dumps(sensor.knowledge_horizon_par, sort_keys=True)
        return cls(sensor.event_resolution, sensor.knowledge_horizon_fnc, parameters)

    def knowledge_times(self, event_start: Integers) -> Integers:
        """When each of these events can be known (both in microseconds since the Unix epoch)."""
        return self._rule.of_array(event_start)

    def knowledge_time(self, event_start: Instant) -> Instant:
        """The same, as SQL on a column of timestamps."""
        return self._rule.of_column(event_start)

    @property
    def _rule(self) -> Rule:
        from timely_beliefs.sensors.utils import unjsonify_time_dict

        if self.function not in _RULES:
            raise ValueError(
                f"{self.function!r} is not a knowledge horizon function:"
                f" expected one of {', '.join(_RULES)}."
            )
        parameters = unjsonify_time_dict(json.loads(self.parameters))
        try:
            return _RULES[self.function](self.event_resolution, **parameters)
        except TypeError as error:
            raise ValueError(
                f"{self.parameters} are not the parameters of {self.function}."
            ) from error


class Rule:
    def of_array(self, event_start: Integers) -> Integers:
        raise NotImplementedError

    def of_column(self, event_start: Instant) -> Instant:
        raise NotImplementedError


class _Shifted(Rule):
    """A fixed time after the event's start."""

    def __init__(self, shift: timedelta) -> None:
        self.shift = shift

    def of_array(self, event_start: Integers) -> Integers:
        return event_start + microseconds(self.shift)

    def of_column(self, event_start: Instant) -> Instant:
        return event_start + _interval(self.shift)


class _Fixed(Rule):
    """The same moment for all events."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def of_array(self, event_start: Integers) -> Integers:
        return np.full_like(event_start, microseconds(self.moment))

    def of_column(self, event_start: Instant) -> Instant:
        return literal(self.moment, DateTime(timezone=True))


class _OnTheClock(Rule):
    """A time on the wall of some place, which depends on the local day (or year) of the event."""

    def __init__(
        self,
        timezone: str,
        period: str,
        on_array: Callable[[datetime], datetime],
        on_column: Callable[[Any], Any],
    ) -> None:
        self.zone = zone(timezone)
        self.timezone = timezone
        self.period = period
        self.on_array = on_array
        self.on_column = on_column

    def of_array(self, event_start: Integers) -> Integers:
        local = pd.DatetimeIndex(event_start.view("M8[us]"), tz="UTC").tz_convert(self.timezone)
        precision = "M8[D]" if self.period == "day" else "M8[Y]"
        periods, position = np.unique(
            local.tz_localize(None).to_numpy().astype(precision), return_inverse=True
        )
        known = [
            microseconds(localize(self.on_array(start), self.zone))
            for start in periods.astype("M8[us]").tolist()
        ]
        return np.array(known, np.int64)[position]

    def of_column(self, event_start: Instant) -> Instant:
        def local(instant: Any) -> Any:
            return func.timezone(self.timezone, instant)

        day = _interval(timedelta(days=1))
        clock = self.on_column(func.date_trunc(self.period, local(event_start)))
        # Of two instants PostgreSQL takes the last. Only if the offset from UTC changed during the
        # day before may there be another one: that with the earlier offset.
        last = func.timezone(self.timezone, clock)
        first = last - day + (clock - local(last - day))
        return case(
            (local(last - day) == clock - day, last), (local(first) == clock, first), else_=last
        )


def _ex_post(event_resolution: timedelta, ex_post_horizon: timedelta) -> Rule:
    return _Shifted(event_resolution + ex_post_horizon)


def _ex_ante(event_resolution: timedelta, ex_ante_horizon: timedelta) -> Rule:
    return _Shifted(-ex_ante_horizon)


def _at_date(event_resolution: timedelta, knowledge_time: datetime) -> Rule:
    return _Fixed(knowledge_time)


def _x_days_ago_at_y_oclock(event_resolution: timedelta, x: int, y: float, z: str) -> Rule:
    # Whole microseconds, the rest cut off.
    shift = int(y * 3_600_000_000) * MICROSECOND - timedelta(days=x)
    return _OnTheClock(z, "day", lambda day: day + shift, lambda day: day + _interval(shift))


def _x_years_ago_at_date(event_resolution: timedelta, x: int, day: int, month: int, z: str) -> Rule:
    if x <= 0:
        raise ValueError(f"x_years_ago_at_date needs an x of at least 1, not {x}.")

    def on_column(year: Any) -> Any:
        years = cast(extract("year", year), Integer) - x
        return func.make_timestamp(years, month, day, 0, 0, 0)

    def on_array(year: datetime) -> datetime:
        return year.replace(year=year.year - x, month=month, day=day)

    return _OnTheClock(z, "year", on_array, on_column)


_RULES: dict[str, Callable[..., Rule]] = {
    "ex_post": _ex_post,
    "ex_ante": _ex_ante,
    "at_date": _at_date,
    "x_days_ago_at_y_oclock": _x_days_ago_at_y_oclock,
    "x_days_ago_at_y_o_clock": _x_days_ago_at_y_oclock,
    "x_years_ago_at_date": _x_years_ago_at_date,
}


def _interval(length: timedelta) -> ColumnElement[timedelta]:
    """Without days, whose length in PostgreSQL depends on the session's timezone."""
    return literal_column(f"interval '{microseconds(length)} microseconds'", Interval())
