"""Between arrays and BeliefsDataFrames, without a Python object per row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from flexmeasures.data.beliefs.knowledge import Timing
from flexmeasures.data.beliefs.medians import medians
from flexmeasures.data.beliefs.rows import Floats, Integers, Rows, changed, microseconds, order_by
from flexmeasures.utils.timely import tb

if TYPE_CHECKING:
    from flexmeasures.data.models.data_sources import DataSource
    from flexmeasures.data.models.time_series import Sensor

LEVELS = ["event_start", "belief_time", "source", "cumulative_probability"]


@dataclass(frozen=True)
class Columns:
    """Beliefs about one sensor, as a frame holds them: one entry per row in each array.

    event_start, belief_time : microseconds since the Unix epoch
    source : positions in `sources`
    """

    event_start: Integers
    belief_time: Integers
    source: Integers
    cumulative_probability: Floats
    event_value: Floats
    sources: Sequence[Any]

    def __len__(self) -> int:
        return len(self.event_value)

    def take(self, selection: Any) -> Columns:
        """The rows of a mask, a slice or an array of positions."""
        return Columns(
            self.event_start[selection],
            self.belief_time[selection],
            self.source[selection],
            self.cumulative_probability[selection],
            self.event_value[selection],
            self.sources,
        )

    def sorted(self) -> Columns:
        """In the order of a frame's index levels; sources in their own order."""
        order = sorted(range(len(self.sources)), key=self.sources.__getitem__)
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        columns = replace(self, source=rank[self.source], sources=[self.sources[i] for i in order])
        if (np.diff(columns.event_start) > 0).all():
            return columns
        return columns.take(
            order_by(
                columns.event_start,
                columns.belief_time,
                columns.source,
                columns.cumulative_probability,
            )
        )

    def belief(self) -> Integers:
        """Numbers the beliefs: rows that differ in probability only share one. Expects order."""
        changes = changed(self.event_start, self.belief_time, self.source)
        return np.cumsum(changes)

    def medians(self) -> Columns:
        """One row per belief (see `medians`). Expects and keeps the order of `sorted`."""
        return medians(self, self.belief())

    def first_per_event(self) -> Columns:
        """Expects and keeps the order of `sorted`."""
        return self.take(changed(self.event_start))

    def latest_beliefs(self) -> Columns:
        """Of each source about each event. Expects and keeps the order of `sorted`."""
        order = order_by(self.event_start, self.source, -self.belief_time)
        first = changed(self.source[order], self.event_start[order])
        latest = self.belief_time[order][first][np.cumsum(first) - 1]
        keep = np.empty(len(self), bool)
        keep[order] = self.belief_time[order] == latest
        return self.take(keep)

    @classmethod
    def joined(cls, parts: Sequence[Columns]) -> Columns:
        """All rows of parts that share their sources."""
        return cls(
            np.concatenate([part.event_start for part in parts]),
            np.concatenate([part.belief_time for part in parts]),
            np.concatenate([part.source for part in parts]),
            np.concatenate([part.cumulative_probability for part in parts]),
            np.concatenate([part.event_value for part in parts]),
            parts[0].sources,
        )


def columns_of_rows(rows: Rows, timing: Timing, sources: Mapping[int, DataSource]) -> Columns:
    """The rows of one sensor, as a frame holds them. Their sources are given by id."""
    ids, source = np.unique(rows.source_id, return_inverse=True)
    return Columns(
        rows.event_start,
        timing.knowledge_times(rows.event_start) - rows.belief_horizon,
        source,
        rows.cumulative_probability,
        rows.event_value,
        [sources[i] for i in ids.tolist()],
    )


def frame_of_columns(
    columns: Columns, sensor: Sensor, event_resolution: timedelta | None = None
) -> tb.BeliefsDataFrame:
    """A frame in the sensor's timezone. The resolution is the sensor's, unless given.

    Expects the order of `Columns.sorted`.
    """
    levels, codes = zip(
        _factorized(columns.event_start),
        _factorized(columns.belief_time),
        (pd.Index(columns.sources, dtype=object), columns.source),
        _factorized(columns.cumulative_probability),
        strict=True,
    )
    index = pd.MultiIndex(
        [
            _datetimes(levels[0], sensor.timezone),
            _datetimes(levels[1], sensor.timezone),
            levels[2],
            levels[3],
        ],
        codes,
        names=LEVELS,
        verify_integrity=False,
    )
    return tb.BeliefsDataFrame(
        {"event_value": columns.event_value},
        index=index,
        sensor=sensor,
        event_resolution=event_resolution,
    )


def columns_of_frame(frame: tb.BeliefsDataFrame | tb.BeliefsSeries) -> Columns:
    """What a frame (or its column of values) holds, in its own order.

    Index levels event_end and belief_horizon are taken as well. Raises ValueError or TypeError if
    the sensor or a level is missing, or if a level holds something else.
    """
    if frame.sensor is None:
        raise ValueError("These beliefs do not say which sensor they are about.")
    timing = Timing.of(frame.sensor)
    if "event_start" in frame.index.names:
        event_start = _times(frame.index, "event_start")
    else:
        event_start = _times(frame.index, "event_end") - microseconds(frame.event_resolution)
    if "belief_time" in frame.index.names:
        belief_time = _times(frame.index, "belief_time")
    else:
        horizon = _durations(frame.index, "belief_horizon")
        belief_time = timing.knowledge_times(event_start) - horizon
    sources, source = _level(frame.index, "source")
    probabilities, probability = _level(frame.index, "cumulative_probability")
    values = frame if frame.ndim == 1 else frame["event_value"]
    return Columns(
        event_start,
        belief_time,
        source,
        probabilities.to_numpy(np.float64)[probability],
        values.to_numpy(np.float64),
        sources.tolist(),
    )


def _factorized(values: Any) -> tuple[Any, Integers]:
    """Sorted unique values, and the position of each entry in them."""
    if (values[1:] >= values[:-1]).all():
        changes = changed(values)
        return values[changes], np.cumsum(changes) - 1
    unique, position = np.unique(values, return_inverse=True)
    return unique, position


def _datetimes(times: Integers, timezone: str) -> pd.DatetimeIndex:
    index = pd.DatetimeIndex(times.view("M8[us]")).as_unit("ns")
    return index.tz_localize("UTC").tz_convert(timezone)


def _level(index: pd.Index, name: str) -> tuple[pd.Index, Integers]:
    """Values of an index level, and for each row the position of its value."""
    if name not in index.names:
        raise ValueError(
            f"The beliefs lack index level {name!r}; they have {', '.join(map(str, index.names))}."
        )
    number = index.names.index(name)
    position = np.asarray(index.codes[number], np.int64)
    if (position < 0).any():
        raise ValueError(f"Some beliefs have no {name}.")
    return index.levels[number], position


def _times(index: pd.Index, name: str) -> Integers:
    """A level of times, in microseconds since the Unix epoch."""
    values, position = _level(index, name)
    if values.dtype == object:  # such as datetimes with different offsets from UTC
        values = pd.to_datetime(values, utc=True)
    if values.tz is None:
        raise TypeError(f"The beliefs need a timezone in index level {name!r}.")
    return values.as_unit("us").asi8[position]


def _durations(index: pd.Index, name: str) -> Integers:
    """A level of durations, in microseconds."""
    values, position = _level(index, name)
    return pd.to_timedelta(values).as_unit("us").asi8[position]
