"""Local days: which step had the same local time some days before, and what is usual then.

Steps are laid out as a table of local days by slots of the day, so that a working day keeps its
shape over the clock change. All figures of the table are causal: the figure of a cell uses that
cell and the same slot of earlier days only.
"""

from __future__ import annotations

import math

import numpy as np

from flexmeasures.forecasting.engine.series import Calendar, Floats, Series, Steps

WORKDAY, SATURDAY, REST = 0, 1, 2
_TINY = 1e-12


class Days:
    """The steps of a series as a table of local days by slots.

    day, slot : (n,) the row and column of each step
    step : (days, slots) the last step of each cell; of a cell that the clock skipped, the one
        before it
    kind : (days,) WORKDAY, SATURDAY or REST (Sundays and holidays)
    """

    def __init__(self, series: Series) -> None:
        calendar = series.calendar
        self.slots = max(math.ceil(series.steps_per_day - 1e-6), 1)
        self.first = int(calendar.day.min())
        self.day = calendar.day - self.first
        self.slot = np.minimum(
            calendar.minute * self.slots // 1440 if self.slots > 1 else calendar.minute * 0,
            self.slots - 1,
        )
        self.days = int(self.day.max()) + 1
        step = np.full(self.days * self.slots, -1, dtype=np.int64)
        step[self.day * self.slots + self.slot] = np.arange(len(series))
        self.filled = (step >= 0).reshape(self.days, self.slots)
        self.step = np.maximum.accumulate(step).reshape(self.days, self.slots)
        self.kind = _kinds(calendar, self.day, self.days)

    def table(self, values: Floats) -> Floats:
        """(days, slots) the value of the last step in each cell; nan where there is none."""
        return np.where(self.filled, values[np.maximum(self.step, 0)], np.nan)

    def latest_known(self, events: Steps, known: Steps, every: int = 1) -> Steps:
        """The latest day, whole times `every` days before each event's, whose slot is known.

        known : how many events, counted from the first, are known when each is forecast
        Returns days that may be negative, if the series does not go back so far.
        """
        day, slot = self.day[events], self.slot[events]
        back = np.maximum(np.ceil((events - known + 1) / (self.slots * every)).astype(np.int64), 1)
        for _ in range(3):  # local days differ from 24 hours by an hour or so
            at = day - back * every
            beyond = self.step[np.maximum(at, 0), slot] >= known
            back = np.where((at >= 0) & beyond, back + 1, back)
        at = day - back * every
        beyond = (at >= 0) & (self.step[np.maximum(at, 0), slot] >= known)
        return np.where(beyond, -1, at)

    def latest_alike(self, events: Steps, days: Steps) -> Steps:
        """The last day up to each of these days that is of the kind of the event's own day."""
        if not hasattr(self, "_alike"):
            self._alike = _last_of_kind(self.kind)
        found = self._alike[self.kind[self.day[events]], np.clip(days, 0, self.days - 1)]
        return np.where(days >= 0, found, -1)

    def look_up(self, table: Floats, days: Steps, events: Steps) -> Floats:
        """The figures of a table for these days, at the slots of the events; else nan."""
        found = table[np.clip(days, 0, self.days - 1), self.slot[events]]
        return np.where((days >= 0) & (days < self.days), found, np.nan)

    def usual(self, table: Floats, decay: float, every: int | None = 1) -> Floats:
        """(days, slots) the weighted mean of the same slot on this day and the ones before it.

        decay : the weight of each day as a share of the next one's
        every : mean over days this far apart; None for all days of the same kind
        """
        total, weight = np.zeros((2, self.days, self.slots), dtype=np.float64)
        before = self._before(every)
        known = np.isfinite(table)
        for day in range(self.days):
            fade = np.where(known[day], decay, 1.0)
            if before[day] >= 0:
                total[day] = total[before[day]] * fade
                weight[day] = weight[before[day]] * fade
            total[day] += np.where(known[day], table[day], 0.0)
            weight[day] += known[day]
        return np.where(weight > _TINY, total / np.maximum(weight, _TINY), np.nan)

    def _before(self, every: int | None) -> Steps:
        """The day before each in its sequence; -1 for the first ones."""
        day = np.arange(self.days)
        if every is not None:
            return np.where(day >= every, day - every, -1)
        alike = _last_of_kind(self.kind)
        return np.where(day > 0, alike[self.kind, np.maximum(day - 1, 0)], -1)


def _kinds(calendar: Calendar, day: Steps, days: int) -> Steps:
    kinds = np.zeros(days, dtype=np.int64)
    weekday = calendar.weekday
    kinds[day] = np.where(
        (weekday == 6) | (calendar.holiday > 0), REST, np.where(weekday == 5, SATURDAY, WORKDAY)
    )
    return kinds


def _last_of_kind(kind: Steps) -> Steps:
    """(3, days) the last day of each kind up to each day; -1 where there was none."""
    day = np.arange(len(kind))
    return np.array(
        [np.maximum.accumulate(np.where(kind == each, day, -1)) for each in range(3)],
        dtype=np.int64,
    )
