"""Frames of beliefs, of a file as a whole or part by part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services.file_import.events import (
    converted,
    each_once,
    frequency_of,
    midnights,
    resampled,
)
from flexmeasures.data.services.file_import.rows import (
    File,
    FileFormat,
    FileImportError,
    Progress,
    name_of,
    no_rows,
    read_rows,
)
from flexmeasures.data.services.file_import.times import AmbiguousDates, parse_times
from flexmeasures.utils.timely import tb

PART = 50_000  # rows of a file to read at a time


class NotInOrder(Exception):
    """What these rows say can only be told when all others are known."""


@dataclass(frozen=True)
class FileOfBeliefs:
    """What a source believes about a sensor's events, in a file.

    now : the belief time, unless `horizon` or the file's belief column says otherwise
    unit : of the file's values, or "datetime" or "timedelta"; the sensor's, if not given
    horizon : one belief horizon for all rows, relative to knowledge time
    resample : bring the events to the sensor's resolution (repeated if coarser, averaged if finer)

    Raises FileImportError if these don't go together.
    """

    path: File
    sensor: Sensor
    source: DataSource
    format: FileFormat
    now: datetime
    unit: str | None = None
    horizon: timedelta | None = None
    cumulative_probability: float = 0.5
    resample: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.cumulative_probability <= 1:  # nor nan
            raise FileImportError("A probability lies between 0 and 1: see --cp.")
        if self.format.beliefcol is None:
            return
        if self.horizon is not None:
            raise FileImportError(
                "Belief times come from a horizon or from a column of the file: "
                "use either --horizon or --beliefcol."
            )
        if self._resamples:
            raise FileImportError(
                "Resampling is not supported for this import case. "
                "With --beliefcol, use --do-not-resample."
            )

    def read(self) -> tb.BeliefsDataFrame:
        """All beliefs, in the sensor's unit and timezone, sorted. Raises FileImportError."""
        [rows] = read_rows(self.path, self.format)
        if rows.empty:
            raise no_rows(self._name, self.format)
        rows = each_once(self._timed(rows), self._name)
        return self._frame(rows, self._frequency(rows["event_start"]))

    def read_in_parts(
        self, size: int = PART, progress: Progress = lambda _: None
    ) -> Iterator[tb.BeliefsDataFrame]:
        """The same, as one frame after the other.

        A part ends with a day on the clock of the sensor, so that what belongs together comes
        together: rows about one event, events of which the mean is taken, an hour that a clock
        shows twice.

        size : rows to read at a time (more are in memory if a day has more)
        progress : is told which part of the file is read, from 0 to 1

        Raises FileImportError. Raises NotInOrder, after some parts or none, if the file is to be
        read as a whole: it is not in order of time, or only later rows tell days from months.
        """
        frequency = day = None
        waiting: pd.DataFrame | None = None  # rows of the last day, as they are in the file
        for rows in read_rows(self.path, self.format, size, progress):
            if waiting is not None:
                rows = pd.concat([waiting, rows])
            if rows.empty:
                continue
            timed = self._timed_in_order(rows, day)
            day = _last_day(timed["event_start"])
            complete = timed["event_start"] < day
            waiting, day = rows[~complete], timed.loc[~complete, "event_start"].iloc[0]
            if complete.any():
                timed = each_once(timed[complete], self._name)
                starts = pd.concat([timed["event_start"], pd.Series([day])], ignore_index=True)
                frequency = self._frequency(starts, frequency)
                yield self._frame(timed, frequency)
        if waiting is None:
            raise no_rows(self._name, self.format)
        timed = each_once(self._timed_in_order(waiting, day), self._name)
        yield self._frame(timed, self._frequency(timed["event_start"], frequency))

    @property
    def _name(self) -> str:
        return name_of(self.path)

    @property
    def _resamples(self) -> bool:
        return self.resample and bool(self.sensor.event_resolution)

    def _timed(self, rows: pd.DataFrame) -> pd.DataFrame:
        timed = parse_times(rows, self._name, self.format)
        timed["event_start"] = timed["event_start"].dt.tz_convert(self.sensor.timezone)
        return timed

    def _timed_in_order(self, rows: pd.DataFrame, start: pd.Timestamp | None) -> pd.DataFrame:
        """start : how the first of these rows was read before, if it was"""
        try:
            timed = self._timed(rows)
        except AmbiguousDates as error:
            raise NotInOrder from error
        starts = timed["event_start"]
        if not starts.is_monotonic_increasing or start not in (None, starts.iloc[0]):
            raise NotInOrder
        return timed

    def _frequency(
        self, event_starts: pd.Series, known: timedelta | None = None
    ) -> timedelta | None:
        return frequency_of(event_starts, self._name, known) if self._resamples else None

    def _frame(self, rows: pd.DataFrame, frequency: timedelta | None) -> tb.BeliefsDataFrame:
        """frequency : how far apart the rows are, to resample them"""
        sensor = self.sensor
        if frequency is not None:
            rows = resampled(rows, sensor, self.unit, self._name, frequency)
        else:
            values = converted(rows["event_value"], self.unit, sensor, sensor.event_resolution)
            rows = rows.assign(event_value=values)
        frame = pd.DataFrame(
            {
                "event_start": pd.DatetimeIndex(rows["event_start"]),
                "belief_time": self._belief_times(rows),
                "source": self.source,
                "cumulative_probability": self.cumulative_probability,
                "event_value": rows["event_value"].to_numpy(dtype=float),
            }
        )
        return tb.BeliefsDataFrame(frame, sensor=sensor)

    def _belief_times(self, rows: pd.DataFrame) -> pd.DatetimeIndex:
        if self.horizon is not None:
            try:
                return self.sensor.knowledge_time(pd.DatetimeIndex(rows["event_start"])) - (
                    self.horizon
                )
            except (ValueError, OverflowError) as error:
                raise FileImportError(
                    f"A horizon of {self.horizon} is too long: see --horizon."
                ) from error
        if "belief_time" in rows:
            times = pd.DatetimeIndex(rows["belief_time"])
        else:
            times = pd.DatetimeIndex([self.now] * len(rows))
        return times.tz_convert(self.sensor.timezone)


def _last_day(event_starts: pd.Series) -> pd.Timestamp:
    """When the day of the last event begins, on their clock."""
    return midnights(pd.DatetimeIndex(event_starts.iloc[-1:]))[0]
