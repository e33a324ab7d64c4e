"""The simplest forecasts there are, to compare others with: what was measured last, and yesterday.

Like any forecast with horizon h, they may use what is known at least h before the event can be
known. Measurements count as known once their events can be known, also if they are recorded later:
else an import of old measurements would leave nothing to forecast with.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import cache

import numpy as np
import pandas as pd

from flexmeasures.data.beliefs.accuracy import Measured
from flexmeasures.data.beliefs.knowledge import Timing
from flexmeasures.data.beliefs.resample import instants
from flexmeasures.data.beliefs.rows import Floats, Integers, microseconds
from flexmeasures.data.models.time_series import Sensor

PERSISTENCE, YESTERDAY = "persistence", "yesterday"

_DAY = timedelta(days=1)
_OLDEST = 7 * _DAY  # longer gaps in the measurements leave gaps in the forecasts
_SLACK = 3 * _DAY  # between events and the times at which they can be known


def look_back(sensor: Sensor, horizon: timedelta) -> timedelta:
    """How long before the first event measurements can matter."""
    return horizon + _oldest(sensor) + _SLACK


class References:
    """Forecasts of some events of a sensor, in the order of events.

    measured : also from `look_back` on, before them
    event_start : microseconds since the Unix epoch
    """

    def __init__(self, sensor: Sensor, measured: Measured, event_start: Integers) -> None:
        self.sensor = sensor
        self.measured = measured
        self.timing = Timing.of(sensor)
        self.known = self.timing.knowledge_times(measured.event_start)
        self.due = self.timing.knowledge_times(event_start)
        self.oldest = microseconds(_oldest(sensor))
        clock = pd.DatetimeIndex(event_start.view("M8[us]"), tz="UTC").tz_convert(sensor.timezone)
        self.clock = clock.tz_localize(None).asi8
        self.step = max(-(-sensor.event_resolution // _DAY), 1) * _DAY
        self._slots_before = cache(self._find_slots_before)

    def all(self, horizon: timedelta) -> Iterator[tuple[str, Floats]]:
        """By name, a value per event; nan where there is no forecast."""
        viewpoint = self.due - microseconds(horizon)
        yield PERSISTENCE, self._persistence(viewpoint)
        yield YESTERDAY, self._yesterday(viewpoint, horizon)

    def _persistence(self, viewpoint: Integers) -> Floats:
        """The last measurement."""
        place = self.known.searchsorted(viewpoint, "right") - 1
        values = np.full(len(viewpoint), np.nan)
        if len(self.known):
            recent = (place >= 0) & (viewpoint - self.known[place] <= self.oldest)
            values[recent] = self.measured.value[place[recent]]
        return values

    def _yesterday(self, viewpoint: Integers, horizon: timedelta) -> Floats:
        """Of the last day that is known, the slot at the same time on the clock."""
        values = np.full(len(viewpoint), np.nan)
        first = max((horizon - _DAY) // self.step, 1)
        last = (horizon + _oldest(self.sensor) + _SLACK) // self.step
        for number in range(first, last + 1):
            missing = np.isnan(values)
            if not missing.any():
                break
            known, value = self._slots_before(number)
            usable = (known <= viewpoint) & (viewpoint - known <= self.oldest)
            values = np.where(missing & usable, value, values)
        return values

    def _find_slots_before(self, number: int) -> tuple[Integers, Floats]:
        """That many days before: when they could be known, and values."""
        event_start = instants(self.clock - number * microseconds(self.step), self.sensor.timezone)
        return self.timing.knowledge_times(event_start), self.measured.at(event_start)


def _oldest(sensor: Sensor) -> timedelta:
    return _OLDEST + sensor.event_resolution
