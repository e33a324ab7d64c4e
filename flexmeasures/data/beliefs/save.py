"""Writing beliefs: leaving out what is known, refusing (or overwriting with) what contradicts it.

A save locks its series (each sensor with each source) until the transaction ends, reads what is
known about the events at hand, decides in arrays what is new, and writes that in one COPY. As
nobody else writes to these series between the reading and the writing, several clients may store
the same beliefs at once, and each belief is stored once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import IntegrityError

from flexmeasures.data.beliefs import wire
from flexmeasures.data.beliefs.frames import columns_of_frame
from flexmeasures.data.beliefs.knowledge import Timing
from flexmeasures.data.beliefs.query import lock_series, select_known, update_values
from flexmeasures.data.beliefs.rows import Rows, order_by
from flexmeasures.data.beliefs.unchanged import Verdict, compare
from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.utils.timely import tb

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Beliefs: TypeAlias = tb.BeliefsDataFrame | tb.BeliefsSeries

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Saved:
    """How many rows a save stored, and how many it left out as they say nothing new.

    rows : those that it stored
    """

    new: int
    unchanged: int
    rows: Rows = field(default_factory=Rows.none, compare=False, repr=False)


class ReplacementError(IntegrityError):
    """New beliefs contradict stored ones (or each other): same event, source and belief time.

    events : the starts of these events, in UTC
    """

    def __init__(self, events: pd.DatetimeIndex, connection: Connection) -> None:
        self.events: list[datetime] = events.to_pydatetime().tolist()
        shown = ", ".join(event.isoformat() for event in self.events[:3])
        more = ", ..." if len(self.events) > 3 else ""
        dbapi: Any = connection.dialect.loaded_dbapi
        super().__init__(
            "INSERT INTO timed_belief",
            None,
            dbapi.errors.UniqueViolation(
                'duplicate key value violates unique constraint "timed_belief_pkey": beliefs about'
                f" {len(self.events)} events have other values already ({shown}{more})"
            ),
        )


def save(
    beliefs: Beliefs | Sequence[Beliefs],
    *,
    unchanged: Literal["skip", "store"] = "skip",
    overwrite: bool = False,
) -> Saved:
    """Store beliefs, in the session's transaction; committing is up to the caller.

    beliefs : frames, or their columns of values, in the unit and resolution of their sensors.
        A missing value (nan) is no belief: it is not stored, and replaces nothing
    unchanged : what to do with beliefs that say the same as the source's previous belief about the
        event (see `unchanged`). What is stored already, key and value, is never stored again
    overwrite : give a stored belief with the same key a new value, instead of refusing it

    Raises ReplacementError if nothing may be overwritten, or if the new beliefs contradict each
    other; nothing is stored then. Raises ValueError for infinite values and for probabilities that
    are none.
    """
    frames = [beliefs] if hasattr(beliefs, "sensor") else beliefs
    return save_rows(
        Rows.joined([rows_of_frame(frame) for frame in frames] or [Rows.none()]),
        unchanged=unchanged,
        overwrite=overwrite,
    )


def save_rows(
    rows: Rows, *, unchanged: Literal["skip", "store"] = "skip", overwrite: bool = False
) -> Saved:
    """The same as `save`, for beliefs in the form of the table."""
    rows = _storable(rows)
    if not len(rows):
        return Saved(0, 0)
    rows = rows.take(_key_order(rows))
    connection = db.session.connection()
    connection.execute(*lock_series(rows))
    verdict = compare(rows, wire.read(connection, *select_known(rows)))

    replacing = verdict == Verdict.REPLACING
    refused = verdict == Verdict.CONTRADICTING
    if not overwrite:
        refused |= replacing
    if refused.any():
        events = np.unique(rows.event_start[refused])
        raise ReplacementError(pd.DatetimeIndex(events.view("M8[us]"), tz="UTC"), connection)

    added = verdict == Verdict.NEW
    if unchanged == "store":
        added |= verdict == Verdict.UNCHANGED
    if added.any():
        wire.write(connection, rows.take(added))
    if replacing.any():
        connection.execute(*update_values(rows.take(replacing)))
        _expire_loaded_beliefs()
    stored = added | replacing
    new = int(stored.sum())
    return Saved(new, len(rows) - new, rows.take(stored))


def wait_for_turn(sensor: Sensor, source: DataSource) -> None:
    """Let nobody else save beliefs of this source about this sensor until the transaction ends."""
    lock = select(func.pg_advisory_xact_lock(sensor.id, source.id))
    db.session.connection().execute(lock)


def drop_unchanged(frame: Beliefs) -> Beliefs:
    """The beliefs that `save` would not skip, sorted (those that it would refuse among them)."""
    rows = rows_of_frame(frame)
    positions = np.flatnonzero(~np.isnan(rows.event_value))
    positions = positions[_key_order(rows.take(positions))]
    rows = rows.take(positions)
    if not len(rows):
        return frame[:0]
    verdict = compare(rows, wire.read(db.session.connection(), *select_known(rows)))
    left_out = np.isin(verdict, [Verdict.UNCHANGED, Verdict.IDENTICAL])
    return frame.iloc[np.sort(positions[~left_out])].sort_index()


def rows_of_frame(frame: Beliefs) -> Rows:
    """A frame's beliefs, as the table holds them, in the frame's order.

    Gives ids to new data sources. Raises TypeError for sources that cannot be stored.
    """
    sensor = frame.sensor
    columns = columns_of_frame(frame)
    if len(frame) and frame.event_resolution != sensor.event_resolution:
        logger.warning(
            "Storing beliefs about events of %s as those of sensor %s, which last %s.",
            frame.event_resolution,
            sensor.name,
            sensor.event_resolution,
        )
    used = np.unique(columns.source).tolist()
    sources = [columns.sources[position] for position in used]
    if strange := [source for source in sources if not isinstance(source, DataSource)]:
        raise TypeError(f"Only beliefs of data sources can be stored, not of {strange[0]!r}.")
    db.session.add_all([source for source in sources if source.id is None])
    db.session.flush()
    if sensor.id is None:
        raise ValueError(f"Sensor {sensor.name} is not stored yet. Add it to the session first.")
    source_ids = np.zeros(len(columns.sources), np.int64)
    source_ids[used] = [source.id for source in sources]
    return Rows(
        np.full(len(columns), sensor.id, np.int64),
        columns.event_start,
        source_ids[columns.source],
        Timing.of(sensor).knowledge_times(columns.event_start) - columns.belief_time,
        columns.cumulative_probability,
        columns.event_value,
    )


def _storable(rows: Rows) -> Rows:
    """Without missing values. Raises ValueError for numbers that say nothing."""
    missing = np.isnan(rows.event_value)
    if missing.any():
        logger.info("Not storing %s missing values.", missing.sum())
        rows = rows.take(~missing)
    if np.isinf(rows.event_value).any():
        raise ValueError("Event values must be finite, but some of these beliefs are infinite.")
    probability = rows.cumulative_probability
    if not ((probability >= 0) & (probability <= 1)).all():
        raise ValueError("Cumulative probabilities must lie between 0 and 1.")
    return rows


def _key_order(rows: Rows) -> NDArray[np.int64]:
    """By series, then in the order of the key, as is fastest to insert."""
    return order_by(
        rows.sensor_id,
        rows.source_id,
        rows.event_start,
        rows.belief_horizon,
        rows.cumulative_probability,
    )


def _expire_loaded_beliefs() -> None:
    """Objects that were loaded before their rows were updated load anew when used again."""
    for loaded in [*db.session]:
        if isinstance(loaded, TimedBelief):
            db.session.expire(loaded)
