"""From the values that clients post to events of the sensor, which may be shorter or longer."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from flexmeasures.data.beliefs.resample import local_edges, slot_values
from flexmeasures.data.beliefs.rows import Floats, Integers, microseconds
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.utils.time_utils import parse_resolution

_DAY = 86_400_000_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Events:
    """start : microseconds since the Unix epoch; value : in the sensor's unit"""

    start: Integers
    value: Floats

    def known(self) -> Events:
        """Without missing values."""
        known = ~np.isnan(self.value)
        return self if known.all() else Events(self.start[known], self.value[known])


def fits(sensor: Sensor, duration: timedelta, number: int) -> bool:
    """Do the posted events consist of events of the sensor, or these of the posted ones?"""
    own = microseconds(sensor.event_resolution)
    if not own:
        return True
    posted, rest = divmod(microseconds(duration), number)
    return posted > 0 and not rest and (not posted % own or not own % posted)


def number_of_events(sensor: Sensor, duration: timedelta, number: int) -> int:
    """How many events of the sensor that many posted ones are (if shorter ones, at most)."""
    posted = duration / number
    return number * max(posted // sensor.event_resolution, 1) if sensor.event_resolution else number


def events_of(sensor: Sensor, start: datetime, duration: timedelta, values: Floats) -> Events:
    """The posted values, about events of the sensor.

    values : (events,) in the sensor's unit, nan for none; sharing the duration equally, and so that
        they `fits`

    Values of longer events are repeated, those of shorter ones averaged as far as they are known.
    A start off the grid is moved (see `sensor_data.record`).
    """
    first, length, number = microseconds(start), microseconds(duration), len(values)
    own = microseconds(sensor.event_resolution)
    if not own:
        share, rest = divmod(length, number)
        counts = np.arange(number)
        starts = _rounded(first, sensor) + counts * share + counts * rest // number
        return Events(starts, values)
    posted = length // number
    if sensor.get_attribute("floor_datetimes_to_resolution", True):
        first = _floored(first, min(posted, own), sensor.timezone)
    if posted < own:
        events = Events(first + np.arange(number) * posted, values).known()
        edges = local_edges(first, first + length, own, sensor.timezone)
        resolution = timedelta(microseconds=posted)
        return Events(edges[:-1], slot_values(events.start, events.value, resolution, edges))
    repeats = posted // own
    starts = first + np.arange(number * repeats) * own
    return Events(starts, np.repeat(values, repeats))


def _floored(moment: int, resolution: int, timezone: str) -> int:
    """The start of the event at that moment, counted from midnight in this timezone or in UTC."""
    if moment % resolution == 0:
        return moment
    return int(local_edges(moment, moment, resolution, timezone)[0])


def _rounded(moment: int, sensor: Sensor) -> int:
    """The closest moment at which the sensor is read, as far as its attributes tell."""
    frequency = sensor.get_attribute("frequency")
    if frequency is None:
        return moment
    try:
        step = microseconds(parse_resolution(frequency))
        if not 0 < step <= _DAY:
            raise ValueError("expected at most a day")
    except (ValueError, TypeError, OverflowError) as error:
        logger.warning("Sensor %s has frequency %r: %s", sensor.id, frequency, error)
        return moment
    return int(local_edges(moment + step // 2, moment + step // 2, step, sensor.timezone)[0])
