"""What forecasters know: one series on a regular grid of steps, and what can be known beside it.

Time is counted in steps. Event i lasts from step i to step i + 1. A viewpoint v is the moment at
which step v starts: whoever stands there knows the events before v (events 0 to v - 1), if each
is known when it ends, as measurements are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Calendar:
    """The local clock at the start of each of n steps; the future included.

    day : (n,) whole days since some first day, on the local calendar
    minute : (n,) minutes since local midnight, 0 to 1439
    weekday : (n,) 0 for Monday to 6 for Sunday
    yearday : (n,) 0 for 1 January to 365
    holiday : (n,) 1 on public holidays and other special days, else 0
    """

    day: Steps
    minute: Steps
    weekday: Steps
    yearday: Steps
    holiday: Floats


@dataclass(frozen=True, eq=False)
class Regressor:
    """Beliefs about another quantity, on the same grid: who stands at a viewpoint knows some.

    event : (m,) the step that each belief is about
    known : (m,) the earliest viewpoint at which it was known
    value : (m,)
    The rows are sorted by event, then known.
    """

    event: Steps
    known: Steps
    value: Floats

    def as_known(self, events: Steps, viewpoints: Steps) -> Floats:
        """The latest belief about each event at its viewpoint; nan where there was none."""
        if not len(self.event):
            return np.full(len(events), np.nan)
        span = int(max(self.known.max(), viewpoints.max(), 0)) + 2
        first = min(int(self.known.min()), int(viewpoints.min()), 0)
        width = span - first
        keys = self.event * width + (self.known - first)
        at = np.searchsorted(keys, events * width + (viewpoints - first), side="right") - 1
        found = (at >= 0) & (self.event[at] == events)
        return np.where(found, self.value[at], np.nan)

    def furthest(self, viewpoints: Steps) -> Steps:
        """The last event that there is a belief about at each viewpoint; -1 if there is none."""
        if not len(self.event):
            return np.full(len(viewpoints), -1)
        earliest = np.minimum.accumulate(self.known[::-1])[::-1]
        at = np.searchsorted(earliest, viewpoints, side="right") - 1
        return np.where(at >= 0, self.event[at], -1)

    def up_to(self, viewpoint: int) -> Regressor:
        """The beliefs that were known at the viewpoint."""
        then = self.known <= viewpoint
        return Regressor(self.event[then], self.known[then], self.value[then])


@dataclass(frozen=True, eq=False)
class Series:
    """The quantity to forecast: n steps, of which the last ones may be the future.

    values : (n,) measurements; nan where there is none
    steps_per_day : of a day of 24 hours; 96 for 15 minutes, 1 / 7 for weeks
    calendar : local time of the n steps
    known : (n,) the earliest viewpoint at which each value is known, never falling; by default
        when the event ends. Day-ahead prices are known before their event starts.
    regressors : by name
    lower, upper : limits that the quantity cannot leave, if known
    """

    values: Floats
    steps_per_day: float
    calendar: Calendar
    known: Steps | None = None
    regressors: Mapping[str, Regressor] = field(default_factory=dict)
    lower: float = -np.inf
    upper: float = np.inf

    def __len__(self) -> int:
        return len(self.values)

    def known_before(self, viewpoints: Steps) -> Steps:
        """How many events, counted from the first, are known at each viewpoint."""
        if self.known is None:
            return np.clip(viewpoints, 0, len(self))
        return np.searchsorted(self.known, viewpoints, side="right")

    def up_to(self, viewpoint: int) -> Series:
        """The same series with nothing left in it that became known after the viewpoint."""
        values = self.values.copy()
        values[self.known_before(np.array([viewpoint]))[0] :] = np.nan
        regressors = {name: by.up_to(viewpoint) for name, by in self.regressors.items()}
        return replace(self, values=values, regressors=regressors)
