"""Several sensors as one."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from flexmeasures.data.beliefs.frames import Columns, columns_of_frame, frame_of_columns
from flexmeasures.utils.timely import tb

logger = logging.getLogger(__name__)


def total(frames: Sequence[tb.BeliefsDataFrame]) -> tb.BeliefsDataFrame:
    """One frame with, per event, the sum of the values in these frames; a missing one counts as 0.

    One deterministic belief per event counts of each frame. The sums are believed since the latest
    of their parts, by the common source or by one with all their names. Sensor and resolution are
    those of the first frame. Raises ValueError if the frames' resolutions differ.
    """
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    first = filled[0]
    resolutions = {frame.event_resolution for frame in filled}
    if len(resolutions) > 1:
        raise ValueError(
            "Cannot sum beliefs about events of different resolutions"
            f" ({', '.join(map(str, sorted(resolutions)))}). Resample them first."
        )
    parts = []
    for frame in filled:
        columns = columns_of_frame(frame).sorted()
        part = columns.medians().first_per_event()
        if len(part) < len(columns):
            logger.warning("Summing one belief per event of %s, out of several.", frame.sensor.name)
        parts.append(part)
    event_start = np.concatenate([part.event_start for part in parts])
    belief_time = np.concatenate([part.belief_time for part in parts])
    event_value = np.concatenate([part.event_value for part in parts])
    events, position = np.unique(event_start, return_inverse=True)
    sums = np.bincount(position, event_value, len(events)).astype(np.float64)
    latest = np.full(len(events), np.iinfo(np.int64).min)
    np.maximum.at(latest, position, belief_time)
    sources = [*{part.sources[i]: 0 for part in parts for i in np.unique(part.source).tolist()}]
    if len(sources) > 1:
        sources = [tb.BeliefSource(", ".join(map(str, sources)))]
    whole = np.zeros(len(events), np.int64)
    columns = Columns(events, latest, whole, np.full(len(events), 0.5), sums, sources)
    return frame_of_columns(columns, first.sensor, first.event_resolution)
