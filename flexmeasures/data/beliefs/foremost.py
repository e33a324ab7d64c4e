"""Which belief counts, where several sources believe something about an event."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from flexmeasures.data.beliefs.medians import one_per_event
from flexmeasures.data.beliefs.rows import Integers, Rows
from flexmeasures.data.beliefs.sources import load_sources
from flexmeasures.data.models.data_sources import DataSource


def foremost_per_event(rows: Rows, sources: Mapping[int, DataSource] | None = None) -> Rows:
    """Of the beliefs of one sensor, the foremost about each event; of that, the median.

    Measurements come before what was believed beforehand. Of measurements the earliest is foremost;
    of forecasts and schedules the latest, as it was made knowing most. Of simultaneous beliefs, it
    is that of the first source in the sources' own order.

    sources : by id; loaded where needed, if not given
    Returns the rows in the order of events.
    """
    if (np.diff(rows.event_start) > 0).all():
        return rows
    beforehand = (rows.belief_horizon > 0).astype(np.int64)
    return one_per_event(rows, beforehand, np.abs(rows.belief_horizon), _ranks(rows, sources))


def _ranks(rows: Rows, sources: Mapping[int, DataSource] | None) -> Integers:
    """The place of each row's source among all sources, in their order."""
    ids, position = np.unique(rows.source_id, return_inverse=True)
    if len(ids) == 1:
        return position
    found = load_sources(ids.tolist()) if sources is None else sources
    order = sorted(ids.tolist(), key=found.__getitem__)
    rank = {source_id: place for place, source_id in enumerate(order)}
    return np.array([rank[source_id] for source_id in ids.tolist()])[position]
