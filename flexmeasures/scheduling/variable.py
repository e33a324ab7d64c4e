"""Variables of flex-model and flex-context, slot by slot or tick by tick.

Slots are k = 0 ... n-1, ticks their ends k = 1 ... n. Where nothing is known, there is nan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import select

from flexmeasures.data.beliefs import resample
from flexmeasures.data.beliefs.rows import microseconds
from flexmeasures.data.beliefs.search import latest_events
from flexmeasures.data.beliefs.sources import find_sources
from flexmeasures.data.config import db
from flexmeasures.data.schemas.scheduling.references import Reference, SourceFilters
from flexmeasures.data.schemas.scheduling.values import Price, Segment, Variable
from flexmeasures.utils.time_utils import as_utc, shift

if TYPE_CHECKING:
    from typing import Literal

    from flexmeasures.data.models.data_sources import DataSource

    # What counts where several segments of a list overlap.
    Overlap = Literal["smallest", "largest", "first", "last"]

Events = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Grid:
    """The slots of a schedule."""

    start: datetime
    resolution: timedelta
    slots: int

    @property
    def hours(self) -> float:
        return self.resolution / timedelta(hours=1)

    @property
    def end(self) -> datetime:
        return self.moment(self.slots)

    @cached_property
    def edges(self) -> np.ndarray:
        """Ticks 0 ... n, in microseconds since the Unix epoch."""
        return resample.slots(as_utc(self.start), self.resolution, self.slots)

    def moment(self, tick: int) -> datetime:
        return shift(self.start, tick * self.resolution)

    def since_start(self, moment: datetime) -> timedelta:
        """Time that passes, which on some days is not what clocks show."""
        return as_utc(moment) - as_utc(self.start)

    def floored(self, moment: datetime, step: timedelta | None) -> timedelta:
        """Since the start, down to a whole number of steps."""
        passed = self.since_start(moment)
        return passed // step * step if step else passed

    def tick_of(self, passed: timedelta) -> tuple[int, timedelta]:
        """The last tick at or before a time since the start, and the rest of the time."""
        return divmod(passed, self.resolution)

    def stretches(self, chosen: np.ndarray) -> list[tuple[int, dict[str, str]]]:
        """Each run of chosen slots: its first one, and its start and end as text."""
        padded = np.concatenate([[False], chosen, [False]])
        edges = np.flatnonzero(padded[1:] != padded[:-1]).tolist()
        return [
            (first, {"start": self.moment(first).isoformat(), "end": self.moment(end).isoformat()})
            for first, end in zip(edges[::2], edges[1::2], strict=True)
        ]


@dataclass
class Knowledge:
    """What is believed about the sensors that variables refer to.

    `read` comes first; it asks the database once for all sensors, and twice more for each
    combination of filters.

    beliefs_before : what was believed at that time; now, if None
    """

    grid: Grid
    beliefs_before: datetime | None = None
    _events: dict[tuple[int, SourceFilters], Events] = field(default_factory=dict)

    def read(self, variables: Iterable[Variable | Price | None]) -> None:
        by_filters: dict[SourceFilters, dict[Any, None]] = {}
        for reference in _references(variables):
            by_filters.setdefault(reference.filters, {})[reference.sensor] = None
        # One slot more, so that the last tick sees what begins there.
        end = shift(self.grid.end, self.grid.resolution)
        for filters, sensors in by_filters.items():
            found = latest_events(
                sensors,
                as_utc(self.grid.start),
                as_utc(end),
                beliefs_before=self.beliefs_before,
                source=_sources(filters),
            )
            self._events |= {(id_, filters): events for id_, events in found.items()}

    def per_slot(
        self,
        variable: Variable | None,
        overlap: Overlap = "first",
        floor_to: timedelta | None = None,
    ) -> np.ndarray:
        """One value per slot.

        A window covers the slots that start in it, a moment the slot that it lies in. Sensors with
        shorter events are averaged, values of those with longer ones repeated.

        floor_to : the resolution to which times of segments are floored
        """
        number = self.grid.slots
        if variable is None:
            return np.full(number, np.nan)
        if isinstance(variable, Reference):
            events = self._events[variable.sensor.id, variable.filters]
            known = resample.slot_values(*events, variable.sensor.event_resolution, self.grid.edges)
            return _with_default(known * variable.factor, variable.default)
        if isinstance(variable, list):
            spans = (self._slots(segment, floor_to) for segment in variable)
            return _combined(number, zip(spans, variable, strict=True), overlap)
        return np.full(number, float(variable))

    def at_ticks(self, variable: Variable | None, overlap: Overlap = "first") -> np.ndarray:
        """One value at each of the ticks 1 ... n.

        A window covers the ticks in it, both of its ends included. Moments between two ticks are
        left out (see `between_ticks`). Sensors are sampled at the ticks; where one event ends and
        another begins, they overlap. An instant counts until the next tick.
        """
        number = self.grid.slots
        if variable is None:
            return np.full(number, np.nan)
        if isinstance(variable, Reference):
            events = self._events[variable.sensor.id, variable.filters]
            known = self._sampled(events, variable.sensor.event_resolution, overlap)
            return _with_default(known * variable.factor, variable.default)
        if isinstance(variable, list):
            spans = (self._ticks(segment) for segment in variable)
            return _combined(number, zip(spans, variable, strict=True), overlap)
        return np.full(number, float(variable))

    def between_ticks(self, variable: Variable | None) -> Iterator[tuple[int, timedelta, Segment]]:
        """Moments that are no tick, within the schedule: the tick before, time since then."""
        for segment in variable if isinstance(variable, list) else ():
            if "datetime" not in segment:
                continue
            tick, rest = self.grid.tick_of(self.grid.since_start(segment["datetime"]))
            if rest and 0 <= tick < self.grid.slots:
                yield tick, rest, segment

    def _slots(self, segment: Segment, floor_to: timedelta | None) -> slice:
        grid = self.grid
        if "datetime" in segment:
            slot, _ = grid.tick_of(grid.floored(segment["datetime"], floor_to))
            return _slice(slot, slot + 1)
        first, rest = grid.tick_of(grid.floored(segment["start"], floor_to))
        end, more = grid.tick_of(grid.floored(segment["end"], floor_to))
        return _slice(first + bool(rest), end + bool(more))

    def _ticks(self, segment: Segment) -> slice:
        """Positions of ticks, of which the first one is tick 1."""
        grid = self.grid
        if "datetime" in segment:
            tick, rest = grid.tick_of(grid.since_start(segment["datetime"]))
            return _slice(tick - 1, tick - 1 if rest else tick)
        first, rest = grid.tick_of(grid.since_start(segment["start"]))
        last, _ = grid.tick_of(grid.since_start(segment["end"]))
        return _slice(first + bool(rest) - 1, last)

    def _sampled(self, events: Events, length: timedelta, overlap: Overlap) -> np.ndarray:
        starts, numbers = events
        ticks = self.grid.edges[1:]
        known = np.full(len(ticks), np.nan)
        if not len(starts):
            return known
        valid_for = microseconds(length or self.grid.resolution)
        position = np.searchsorted(starts, ticks, "right") - 1
        latest = np.maximum(position, 0)
        age = ticks - starts[latest]
        # An event ends with its last moment, unless another one begins there.
        covers = age <= valid_for if length else age < valid_for
        known = np.where((position >= 0) & covers, numbers[latest], np.nan)
        if not length:
            return known
        before = np.maximum(position - 1, 0)
        touches = (position >= 1) & (age == 0) & (starts[before] + valid_for == ticks)
        earlier = np.where(touches, numbers[before], np.nan)
        if overlap == "smallest":
            return np.fmin(earlier, known)
        if overlap == "largest":
            return np.fmax(earlier, known)
        first, second = (known, earlier) if overlap == "last" else (earlier, known)
        return np.where(np.isnan(first), second, first)


def _references(variables: Iterable[Variable | Price | None]) -> Iterator[Reference]:
    for variable in variables:
        content = variable.variable if isinstance(variable, Price) else variable
        if isinstance(content, Reference):
            yield content


def _sources(filters: SourceFilters) -> list[DataSource] | None:
    from flexmeasures.data.models.data_sources import DataSource
    from flexmeasures.data.models.user import User

    if filters == SourceFilters():
        return None
    found = find_sources(
        None if filters.source_ids is None else list(filters.source_ids),
        filters.types,
        filters.excluded_types,
    )
    if filters.account_ids is None:
        return None if found is None else [*found.values()]
    query = select(DataSource).join(User, DataSource.user_id == User.id)
    of_accounts = db.session.scalars(query.where(User.account_id.in_(filters.account_ids))).all()
    return [source for source in of_accounts if found is None or source.id in found]


def _slice(first: int, end: int) -> slice:
    """From a position on, up to another, with nothing before 0."""
    return slice(max(first, 0), max(end, 0))


def _combined(
    number: int, segments: Iterable[tuple[slice, Segment]], overlap: Overlap
) -> np.ndarray:
    result = np.full(number, np.nan)
    for where, segment in segments:
        value, there = segment["value"], result[where]
        if overlap == "smallest":
            result[where] = np.fmin(there, value)
        elif overlap == "largest":
            result[where] = np.fmax(there, value)
        elif overlap == "last":
            result[where] = value
        else:
            result[where] = np.where(np.isnan(there), value, there)
    return result


def _with_default(known: np.ndarray, default: float | None) -> np.ndarray:
    return known if default is None else np.where(np.isnan(known), default, known)
