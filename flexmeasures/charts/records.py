"""The rows that fill charts: lists of dictionaries, ready for JSON.

Times and durations are whole numbers of milliseconds, times since the Unix epoch. Values that are
no numbers are None.
"""

from __future__ import annotations

import json
import logging
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from flexmeasures.charts.sensor_chart import milliseconds
from flexmeasures.data.beliefs.frames import Columns, columns_of_frame
from flexmeasures.data.beliefs.knowledge import Timing
from flexmeasures.data.beliefs.resample import resample
from flexmeasures.data.beliefs.rows import Floats, Integers
from flexmeasures.utils.time_utils import determine_minimum_resampling_resolution

if TYPE_CHECKING:
    from flexmeasures.data.models.annotations import Annotation
    from flexmeasures.data.models.time_series import Sensor
    from flexmeasures.utils.timely import tb

logger = logging.getLogger(__name__)

Record = dict[str, Any]

# Nobody can look at more than so many.
MOST_RECORDS = 1_000_000
_LINE_LENGTH = 60


class UnfitResolution(ValueError):
    """The data cannot be shown in this resolution."""


def sensor_records(frame: tb.BeliefsDataFrame) -> list[Record]:
    """A record per row of a sensor's frame.

    Keys: event_start, belief_time, source, cumulative_probability, event_value, sensor
    """
    columns = columns_of_frame(frame)
    sensor = frame.sensor.to_dict()
    keys = ("event_start", "belief_time", "source", "cumulative_probability", "event_value")
    rows = zip(
        milliseconds_of(columns.event_start),
        milliseconds_of(columns.belief_time),
        _sources(columns),
        columns.cumulative_probability.tolist(),
        numbers_of(columns.event_value),
        strict=True,
    )
    return [{**dict(zip(keys, row, strict=True)), "sensor": sensor} for row in rows]


def asset_records(
    frames: Mapping[Sensor, tb.BeliefsDataFrame], *, most_recent_beliefs_only: bool = True
) -> list[Record]:
    """A record per row of the frames of several sensors, in the finest of their resolutions.

    Instantaneous sensors keep their instants, and those of which there would be too many rows keep
    their resolution. Beliefs have one value each. Keys: event_start,
    source, sensor, event_value, belief_horizon; belief_time if there are older beliefs, too.
    """
    step = determine_minimum_resampling_resolution([s.event_resolution for s in frames])
    records = []
    for sensor, frame in frames.items():
        if sensor.event_resolution and sensor.event_resolution != step:
            frame = _finer(frame, step, most_recent_beliefs_only)
        records += _asset_records(frame, with_belief_time=not most_recent_beliefs_only)
    return records


def resampled(
    frame: tb.BeliefsDataFrame,
    step: timedelta,
    start: datetime | None = None,
    end: datetime | None = None,
    *,
    most_recent_beliefs_only: bool = True,
) -> tb.BeliefsDataFrame:
    """The frame in another resolution, of each source (see `beliefs.resample.resample`).

    Raises UnfitResolution if that makes too many rows or cannot be done.
    """
    if len(frame) * max(1.0, frame.event_resolution / step) > MOST_RECORDS:
        raise UnfitResolution(f"In steps of {step}, these data are too many to show.")
    try:
        return resample(frame, step, start, end, most_recent_beliefs_only=most_recent_beliefs_only)
    except ValueError as error:
        raise UnfitResolution(str(error)) from error


def annotation_records(annotations: Iterable[Annotation]) -> list[Record]:
    """Annotations, in the order of their ends; those that end together are one record.

    Of these, the earliest start counts, and contents follow each other in the order of starts and
    belief times. Keys: index (0, 1, ...), start, end, belief_time, source (a text), type, content
    (a list of lines)
    """

    def order(annotation: Annotation) -> tuple[datetime, datetime, datetime, int]:
        believed = annotation.belief_time or annotation.start
        return annotation.end, annotation.start, believed, annotation.id

    records: list[Record] = []
    for annotation in sorted(annotations, key=order):
        end, lines = milliseconds(annotation.end), _lines(annotation.content)
        if records and records[-1]["end"] == end:
            records[-1]["content"] += lines
            continue
        believed = annotation.belief_time
        records.append(
            {
                "index": len(records),
                "start": milliseconds(annotation.start),
                "end": end,
                "belief_time": None if believed is None else milliseconds(believed),
                "source": str(annotation.source),
                "type": annotation.type,
                "content": lines,
            }
        )
    return records


def as_json(records: list[Record]) -> str:
    """As a text."""
    return json.dumps(records, allow_nan=False, separators=(",", ":"))


def _finer(
    frame: tb.BeliefsDataFrame, step: timedelta, most_recent_beliefs_only: bool
) -> tb.BeliefsDataFrame:
    try:
        return resampled(frame, step, most_recent_beliefs_only=most_recent_beliefs_only)
    except UnfitResolution as error:
        logger.warning("%r stays in its resolution: %s", frame.sensor, error)
        return frame


def _asset_records(frame: tb.BeliefsDataFrame, with_belief_time: bool) -> list[Record]:
    columns = columns_of_frame(frame)
    timing = replace(Timing.of(frame.sensor), event_resolution=frame.event_resolution)
    horizons = timing.knowledge_times(columns.event_start) - columns.belief_time
    series: dict[str, list[Any]] = {"event_start": milliseconds_of(columns.event_start)}
    if with_belief_time:
        series["belief_time"] = milliseconds_of(columns.belief_time)
    series |= {
        "source": _sources(columns),
        "event_value": numbers_of(columns.event_value),
        "belief_horizon": milliseconds_of(horizons),
    }
    sensor = frame.sensor.to_dict()
    keys = (*series, "sensor")
    return [
        dict(zip(keys, (*row, sensor), strict=True)) for row in zip(*series.values(), strict=True)
    ]


def milliseconds_of(microseconds: Integers) -> list[int]:
    return (microseconds // 1000).tolist()


def numbers_of(values: Floats) -> list[float | None]:
    if np.isfinite(values).all():
        return values.tolist()
    return [
        value if finite else None
        for value, finite in zip(values.tolist(), np.isfinite(values), strict=True)
    ]


def _sources(columns: Columns) -> list[Record]:
    """The source of each row, as one dictionary that rows share."""
    sources = [source.to_dict() for source in columns.sources]
    return [sources[position] for position in columns.source.tolist()]


def _lines(content: str) -> list[str]:
    return [line for part in content.splitlines() for line in textwrap.wrap(part, _LINE_LENGTH)]
