"""Reading beliefs: filters first, then, of what is left, the most recent.

However many sensors and rows, one statement reads the beliefs, and at most one more their sources.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sqlalchemy import select

from flexmeasures.data.beliefs import resample, wire
from flexmeasures.data.beliefs.aggregate import total
from flexmeasures.data.beliefs.foremost import foremost_per_event
from flexmeasures.data.beliefs.frames import columns_of_rows, frame_of_columns
from flexmeasures.data.beliefs.knowledge import Timing
from flexmeasures.data.beliefs.medians import one_per_event
from flexmeasures.data.beliefs.query import Filters, select_rows, select_time_range
from flexmeasures.data.beliefs.rows import Floats, Integers, Rows
from flexmeasures.data.beliefs.sources import find_sources, load_sources
from flexmeasures.data.config import db
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.utils.time_utils import parse_resolution, server_now, zone
from flexmeasures.utils.timely import tb

if TYPE_CHECKING:
    from flexmeasures.data.beliefs.sources import Sources
    from flexmeasures.data.models.data_sources import DataSource


def search(
    sensors: Iterable[Sensor],
    *,
    event_starts_after: datetime | None = None,
    event_ends_before: datetime | None = None,
    beliefs_after: datetime | None = None,
    beliefs_before: datetime | None = None,
    horizons_at_least: timedelta | None = None,
    horizons_at_most: timedelta | None = None,
    source: Sources | None = None,
    source_types: Iterable[str] | None = None,
    exclude_source_types: Iterable[str] | None = None,
    user_source_ids: Iterable[int] | int | None = None,
    most_recent_beliefs_only: bool = True,
    most_recent_events_only: bool = False,
    one_deterministic_belief_per_event: bool = False,
    one_deterministic_belief_per_event_per_source: bool = False,
    resolution: timedelta | str | None = None,
) -> dict[Sensor, tb.BeliefsDataFrame]:
    """What is believed about the events of each of these sensors.

    All filters hold at once; None filters nothing. Times must be aware.

    event_starts_after, event_ends_before : events that overlap with this window, in whole or in
        part; with `resolution`, events that lie in it, after resampling
    beliefs_after, beliefs_before : formed then or later, then or earlier
    horizons_at_least, horizons_at_most : belief horizons, both inclusive
    source : data sources, ids or names; unknown ones are logged and skipped
    source_types, exclude_source_types : types of data sources
    user_source_ids : of the sources that are users, only those with these ids
    most_recent_beliefs_only : of what the filters leave, the latest belief of each source about
        each event
    most_recent_events_only : of what the filters leave, the latest event of each source
    one_deterministic_belief_per_event : the median of the foremost belief about each event (see
        `foremost_per_event`)
    one_deterministic_belief_per_event_per_source : the median of each belief
    resolution : resample to this (see `resample.resample`); needs both ends of the window

    Returns a frame per sensor, in the sensor's unit and timezone, in the order of its index. Raises
    TypeError for a resolution without a window and for naive times.
    """
    _flush()
    sensors = list(sensors)
    step = None if resolution is None else parse_resolution(resolution)
    if step is not None and (event_starts_after is None or event_ends_before is None):
        raise TypeError(
            "Resampling to a resolution needs event_starts_after and event_ends_before."
        )
    filters = Filters(
        events_end_after=_aware(event_starts_after, "event_starts_after"),
        events_start_before=_aware(event_ends_before, "event_ends_before"),
        beliefs_after=_aware(beliefs_after, "beliefs_after"),
        beliefs_before=_aware(beliefs_before, "beliefs_before"),
        horizons_at_least=_timedelta(horizons_at_least),
        horizons_at_most=_timedelta(horizons_at_most),
        most_recent_events_only=most_recent_events_only,
        most_recent_beliefs_only=most_recent_beliefs_only,
    )
    sources = find_sources(source, source_types, exclude_source_types, user_source_ids)
    rows = _read(sensors, filters, sources)
    if sources is None:
        sources = load_sources(np.unique(rows.source_id).tolist())
    frames = {}
    for sensor, own in _by_sensor(sensors, rows):
        if one_deterministic_belief_per_event:
            own = foremost_per_event(own, sources)
        columns = columns_of_rows(own, Timing.of(sensor), sources).sorted()
        if one_deterministic_belief_per_event or one_deterministic_belief_per_event_per_source:
            columns = columns.medians()
        frame = frame_of_columns(columns, sensor)
        if step is not None:
            frame = resample.resample(
                frame,
                step,
                filters.events_end_after,
                filters.events_start_before,
                most_recent_beliefs_only=most_recent_beliefs_only,
                per_source=not one_deterministic_belief_per_event,
            )
        frames[sensor] = frame
    return frames


def search_many(
    sensors: Sensor | int | str | Sequence[Sensor | int | str],
    *,
    sum_multiple: bool = True,
    **filters: Any,
) -> tb.BeliefsDataFrame | dict[str, tb.BeliefsDataFrame]:
    """Search for sensors given as such, by id or by name, with the filters of `search`.

    Returns the frame of a single sensor; of several, one frame with the sum of their values (where
    one lacks an event, it counts as 0), or else their frames by name.
    """
    found = _find_sensors([sensors] if isinstance(sensors, Sensor | int | str) else sensors)
    frames = search(found, **filters)
    if len(found) == 1:
        return frames[found[0]]
    if sum_multiple:
        return total(list(frames.values()))
    by_name = {sensor.name: frame for sensor, frame in frames.items()}
    if len(by_name) < len(frames):
        raise ValueError("Some of these sensors share a name. Search for one at a time.")
    return by_name


def values(
    sensors: Iterable[Sensor],
    start: datetime,
    end: datetime,
    resolution: timedelta,
    *,
    beliefs_before: datetime | None = None,
    source: Sources | None = None,
) -> dict[int, Floats]:
    """What was believed about each slot of [start, end), by sensor id.

    Per event the latest belief counts (of simultaneous ones, that of the source with the lowest
    id), of a probabilistic one its median. Values of coarser events are repeated, those of finer
    ones averaged, as are the readings of an instantaneous sensor within a slot.

    beliefs_before : what was believed at that time

    Returns one float per slot, in the sensor's unit; nan where nothing is believed. Raises
    ValueError if the window is no whole number of slots.
    """
    slots, rest = divmod(end - start, resolution)
    if rest or slots < 0:
        raise ValueError(f"From {start} to {end} is no whole number of steps of {resolution}.")
    sensors = list(sensors)
    edges = resample.slots(start, resolution, slots)
    known = latest_events(sensors, start, end, beliefs_before=beliefs_before, source=source)
    return {
        sensor.id: resample.slot_values(*known[sensor.id], sensor.event_resolution, edges)
        for sensor in sensors
    }


def latest_events(
    sensors: Iterable[Sensor],
    start: datetime,
    end: datetime,
    *,
    beliefs_before: datetime | None = None,
    source: Sources | None = None,
) -> dict[int, tuple[Integers, Floats]]:
    """What was believed about each event that overlaps with a window, by sensor id.

    One value per event, chosen as by `values`.

    Returns event starts, ascending, in microseconds since the Unix epoch; and values in the
    sensor's unit.
    """
    _flush()
    sensors = list(sensors)
    filters = Filters(
        events_end_after=_aware(start, "start"),
        events_start_before=_aware(end, "end"),
        beliefs_before=_aware(beliefs_before, "beliefs_before"),
        most_recent_beliefs_only=True,
    )
    rows = _read(sensors, filters, find_sources(source))
    result = {}
    for sensor, own in _by_sensor(sensors, rows):
        latest = one_per_event(own, own.belief_horizon, own.source_id)
        result[sensor.id] = latest.event_start, latest.event_value
    return result


def timerange(sensors: Iterable[Sensor]) -> dict[str, datetime]:
    """Where data of these sensors start and end, as `{"start": ..., "end": ...}`.

    The start of the first event and the end of the last; without data, twice the current time.
    """
    by_id = {sensor.id: sensor for sensor in sensors}
    found = [
        row for row in db.session.execute(select_time_range([*by_id])) if row.first is not None
    ]
    if not found:
        now = server_now()
        return {"start": now, "end": now}
    local = zone(by_id[found[0].id].timezone)
    return {
        "start": min(row.first for row in found).astimezone(local),
        "end": max(row.last + by_id[row.id].event_resolution for row in found).astimezone(local),
    }


def _flush() -> None:
    """As the session does before queries of its own, so that what is pending is found."""
    if db.session.autoflush:
        db.session.flush()


def _read(
    sensors: Sequence[Sensor], filters: Filters, sources: dict[int, DataSource] | None
) -> Rows:
    if sources is not None:
        filters = replace(filters, source_ids=[*sources])
    if not sensors or filters.source_ids == []:
        return Rows.none()
    return wire.read(db.session.connection(), select_rows(sensors, filters))


def _by_sensor(sensors: Sequence[Sensor], rows: Rows) -> Iterator[tuple[Sensor, Rows]]:
    """The rows of each sensor, in the order of the sensors."""
    if len(sensors) == 1:
        yield sensors[0], rows
        return
    order = np.argsort(rows.sensor_id, kind="stable")
    ids = rows.sensor_id[order]
    for sensor in sensors:
        start, end = np.searchsorted(ids, [sensor.id, sensor.id + 1])
        yield sensor, rows.take(order[start:end])


def _find_sensors(sensors: Iterable[Sensor | int | str]) -> list[Sensor]:
    """Raises ValueError for what does not exist."""
    found: dict[Sensor, None] = {}
    for sensor in sensors:
        if isinstance(sensor, Sensor):
            found[sensor] = None
            continue
        condition = Sensor.name == sensor if isinstance(sensor, str) else Sensor.id == sensor
        matches = db.session.scalars(select(Sensor).where(condition)).all()
        if not matches:
            raise ValueError(f"There is no sensor {sensor!r}.")
        found.update(dict.fromkeys(matches))
    return [*found]


def _aware(time: Any, name: str) -> datetime | None:
    """As a datetime; text and pandas' timestamps are taken, too."""
    if time is None or time is pd.NaT:
        return None
    moment = pd.Timestamp(time)
    if moment.tzinfo is None:
        raise TypeError(f"{name} needs a timezone, which {time} lacks.")
    return moment.to_pydatetime()


def _timedelta(length: Any) -> timedelta | None:
    return None if length is None or length is pd.NaT else pd.Timedelta(length).to_pytimedelta()
