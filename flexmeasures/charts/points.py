"""The rows of charts that say how long each event is; long series as means of stretches of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from flexmeasures.charts.records import (
    Record,
    UnfitResolution,
    milliseconds_of,
    numbers_of,
)
from flexmeasures.data.beliefs.averages import (
    Averages,
    averages,
    averages_of,
    longer_than,
    on_grid,
    step_of,
)
from flexmeasures.data.beliefs.frames import columns_of_frame
from flexmeasures.data.beliefs.knowledge import Timing
from flexmeasures.data.beliefs.query import Filters
from flexmeasures.data.beliefs.rows import EPOCH, Rows
from flexmeasures.data.beliefs.search import search
from flexmeasures.data.beliefs.sources import find_sources, load_sources
from flexmeasures.data.config import db

if TYPE_CHECKING:
    from flexmeasures.data.beliefs.sources import Sources
    from flexmeasures.data.models.data_sources import DataSource
    from flexmeasures.data.models.time_series import Sensor
    from flexmeasures.utils.timely import tb


def points(
    sensors: Iterable[Sensor],
    max_points: int,
    *,
    event_starts_after: datetime | None = None,
    event_ends_before: datetime | None = None,
    beliefs_after: datetime | None = None,
    beliefs_before: datetime | None = None,
    source: Sources | None = None,
    most_recent_beliefs_only: bool = True,
) -> list[Record]:
    """A record per event and source, or per stretch of time where a sensor has more rows than that.

    Keys: event_start, event_resolution (how long the event or stretch is), belief_time,
    belief_horizon, source, sensor, event_value. Of stretches, the last is the mean of the events
    that start in it, the belief time the latest, and there is no horizon; further keys: least,
    most, number (of events).

    max_points : of each sensor, so many stretches at most from the start to the end of the window
        (without one, of the data). Values that are sparse, or probabilistic, count as rows.
    most_recent_beliefs_only : older beliefs cannot be averaged. Raises UnfitResolution if there
        are more than that.

    At most five statements, however many sensors.
    """
    if db.session.autoflush:
        db.session.flush()  # as before queries of the session itself
    sensors = list(sensors)
    sources = find_sources(source)
    filters = Filters(
        events_end_after=event_starts_after,
        events_start_before=event_ends_before,
        beliefs_after=beliefs_after,
        beliefs_before=beliefs_before,
        source_ids=None if sources is None else [*sources],
        most_recent_beliefs_only=most_recent_beliefs_only,
    )
    ends = longer_than(sensors, filters, max_points)
    if ends and not most_recent_beliefs_only:
        raise UnfitResolution(f"There are more than {max_points} beliefs. Choose a shorter period.")
    steps, origin = _steps(sensors, ends, max_points, event_starts_after, event_ends_before)
    averaged = averages([s for s in sensors if s.id in steps], filters, steps, origin)
    whole = [sensor for sensor in sensors if averaged.get(sensor.id) is None]
    frames = search(
        whole,
        event_starts_after=event_starts_after,
        event_ends_before=event_ends_before,
        beliefs_after=beliefs_after,
        beliefs_before=beliefs_before,
        source=None if sources is None else [*sources],
        most_recent_beliefs_only=most_recent_beliefs_only,
        one_deterministic_belief_per_event_per_source=True,
    )
    sources = load_sources(_source_ids(averaged.values()))
    records: list[Record] = []
    for sensor in sensors:
        found = averaged.get(sensor.id)
        if found is not None:
            records += _of_averages(found, sensor, sources)
        elif sensor.id in steps:
            found, own = _averages_of_frame(frames[sensor], steps[sensor.id], origin)
            records += _of_averages(found, sensor, own)
        else:
            records += _of_frame(frames[sensor])
    return records


def _steps(
    sensors: Iterable[Sensor],
    ends: Mapping[int, tuple[datetime, datetime]],
    max_points: int,
    start: datetime | None,
    end: datetime | None,
) -> tuple[dict[int, timedelta], datetime]:
    """How long the stretches are of sensors that need some, and where the first one starts."""
    if not ends:
        return {}, EPOCH
    first = start or min(first for first, _ in ends.values())
    last = end or max(last for _, last in ends.values())
    steps = {}
    for sensor in sensors:
        step = step_of(max(last - first, timedelta(0)), max_points, sensor.event_resolution)
        # Without that, many rows are those of several sources, or values of probabilistic beliefs.
        if sensor.id in ends and step > sensor.event_resolution:
            steps[sensor.id] = step
    return steps, first


def _of_averages(
    found: Averages, sensor: Sensor, sources: Mapping[int, DataSource]
) -> Iterator[Record]:
    shown = {id_: sources[id_].to_dict() for id_ in np.unique(found.source_id).tolist()}
    return _records(
        sensor,
        found.length,
        {
            "event_start": milliseconds_of(found.start),
            "belief_time": milliseconds_of(found.belief_time),
            "belief_horizon": [None] * len(found.start),
            "source": [shown[id_] for id_ in found.source_id.tolist()],
            "event_value": numbers_of(found.mean),
            "least": numbers_of(found.least),
            "most": numbers_of(found.most),
            "number": found.number.tolist(),
        },
    )


def _of_frame(frame: tb.BeliefsDataFrame) -> Iterator[Record]:
    columns = columns_of_frame(frame)
    shown = [source.to_dict() for source in columns.sources]
    known = Timing.of(frame.sensor).knowledge_times(columns.event_start)
    return _records(
        frame.sensor,
        frame.sensor.event_resolution,
        {
            "event_start": milliseconds_of(columns.event_start),
            "belief_time": milliseconds_of(columns.belief_time),
            "belief_horizon": milliseconds_of(known - columns.belief_time),
            "source": [shown[position] for position in columns.source.tolist()],
            "event_value": numbers_of(columns.event_value),
        },
    )


def _averages_of_frame(
    frame: tb.BeliefsDataFrame, step: timedelta, origin: datetime
) -> tuple[Averages, Mapping[int, DataSource]]:
    columns = columns_of_frame(frame)
    by_id = {source.id: source for source in columns.sources}
    ids = np.array([source.id for source in columns.sources], np.int64)
    known = Timing.of(frame.sensor).knowledge_times(columns.event_start)
    rows = Rows(
        np.full(len(columns), frame.sensor.id),
        columns.event_start,
        ids[columns.source],
        known - columns.belief_time,
        columns.cumulative_probability,
        columns.event_value,
    )
    first = on_grid(origin, frame.sensor.event_resolution)
    return averages_of(rows, columns.belief_time, step, first), by_id


def _records(sensor: Sensor, length: timedelta, series: dict[str, list[Any]]) -> Iterator[Record]:
    same = {"event_resolution": length // timedelta(milliseconds=1), "sensor": sensor.to_dict()}
    for row in zip(*series.values(), strict=True):
        yield dict(zip(series, row, strict=True)) | same


def _source_ids(found: Iterable[Averages | None]) -> list[int]:
    return sorted({id_ for one in found if one is not None for id_ in one.source_id.tolist()})
