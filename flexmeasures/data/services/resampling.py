"""Giving a sensor another resolution, and its beliefs with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, select

from flexmeasures.data.beliefs.frames import Columns, columns_of_frame, frame_of_columns
from flexmeasures.data.beliefs.knowledge import Timing
from flexmeasures.data.beliefs.resample import local_edges, resample
from flexmeasures.data.beliefs.rows import EPOCH, MICROSECOND, microseconds
from flexmeasures.data.beliefs.save import ReplacementError, save
from flexmeasures.data.beliefs.search import search
from flexmeasures.data.config import db
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.services.deletion import count_beliefs, delete_beliefs, of_sensor

if TYPE_CHECKING:
    from timely_beliefs import BeliefsDataFrame


class CannotResample(ValueError):
    """The beliefs cannot be brought to that resolution."""


@dataclass(frozen=True)
class Resampling:
    """before, after : all beliefs in the window
    left : number of beliefs outside of it, which from then on count as ones about other events
    """

    before: BeliefsDataFrame
    after: BeliefsDataFrame
    left: int


def preview_resampling(
    sensor: Sensor,
    resolution: timedelta,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Resampling:
    """What `resample_sensor` would do.

    start, end : take events that overlap with this window, as a whole, and with them all others
        that make up the same new events

    All beliefs are taken, not only the most recent, and measurements stay measurements: they are
    not mixed with beliefs of before the fact. Longer events are believed about from when something
    was believed about all of their parts; of instantaneous sensors, they hold means of readings.
    Raises CannotResample.
    """
    if start is not None or end is not None:
        _check_grids(sensor, resolution)
    if start is not None:
        start = _bin_around(start, resolution, sensor.timezone)[0]
    if end is not None:
        end = _bin_around(end, resolution, sensor.timezone)[1]
        if not sensor.event_resolution:
            end -= MICROSECOND  # a reading at that moment is of the next bin
    found = search(
        [sensor],
        event_starts_after=start,
        event_ends_before=end,
        most_recent_beliefs_only=False,
    )[sensor]
    try:
        after = _resampled(sensor, found, resolution)
    except ValueError as error:
        raise CannotResample(f"Cannot resample sensor {sensor.name}: {error}") from error
    left = count_beliefs(*of_sensor(sensor)).total - count_beliefs(*_taken(sensor, found)).total
    return Resampling(found, after, left)


def resample_sensor(
    sensor: Sensor,
    resolution: timedelta,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Resampling:
    """Give a sensor a resolution, and replace its beliefs by ones about events of that length.

    Arguments and errors as in `preview_resampling`. Meanwhile nobody stores beliefs about it.
    """
    # This lock also waits for, and holds up, who stores beliefs.
    db.session.execute(select(Sensor.id).where(Sensor.id == sensor.id).with_for_update())
    done = preview_resampling(sensor, resolution, start, end)
    delete_beliefs(*_taken(sensor, done.before))
    sensor.event_resolution = resolution
    db.session.flush()
    done.after.sensor = sensor
    try:
        save(done.after, unchanged="store")
    except ReplacementError as error:
        raise CannotResample(
            f"Cannot resample sensor {sensor.name}: beliefs outside of the window are about events"
            " that start as new ones do. Choose another window."
        ) from error
    return done


def _resampled(sensor: Sensor, frame: BeliefsDataFrame, resolution: timedelta) -> BeliefsDataFrame:
    columns = columns_of_frame(frame)
    timing = Timing.of(sensor)
    ex_post = columns.belief_time >= timing.knowledge_times(columns.event_start)
    measured, foreseen = (
        columns_of_frame(
            resample(
                frame_of_columns(columns.take(part), sensor),
                resolution,
                complete_only=True,
                average_readings=True,
            )
        )
        for part in (ex_post, ~ex_post)
    )
    # The last part of an event may be known before the event is: a reading, or all that there is.
    known = replace(timing, event_resolution=resolution).knowledge_times
    late = measured.belief_time > known(measured.event_start)
    early = measured.take(~late).latest_beliefs()
    on_time = replace(early, belief_time=known(early.event_start))
    together = Columns.joined([on_time, measured.take(late), foreseen])
    return frame_of_columns(together.sorted(), sensor, resolution)


def _check_grids(sensor: Sensor, resolution: timedelta) -> None:
    """Raises CannotResample unless a window can have edges between both old and new events."""
    old = sensor.event_resolution
    fits = not old or not resolution % old or not old % resolution
    if not fits or timedelta(days=1) % resolution:
        raise CannotResample(
            f"Cannot resample a part of the data of sensor {sensor.name}: that needs a resolution"
            f" that divides a day, and divides or is a multiple of {old}. Resample all of it."
        )


def _bin_around(
    moment: datetime, resolution: timedelta, timezone: str
) -> tuple[datetime, datetime]:
    """Start and end of the bin that the moment is in; twice the moment, if a bin starts there."""
    now = microseconds(moment)
    edges = local_edges(now, now, microseconds(resolution), timezone).tolist()
    return EPOCH + edges[0] * MICROSECOND, EPOCH + edges[-1] * MICROSECOND


def _taken(sensor: Sensor, found: BeliefsDataFrame) -> list[ColumnElement[bool]]:
    """Criteria: the rows in this frame."""
    starts = found.index.get_level_values("event_start")
    if not len(starts):
        return [TimedBelief.sensor_id < 0]
    first, last = starts.min().to_pydatetime(), starts.max().to_pydatetime()
    return [*of_sensor(sensor), TimedBelief.event_start.between(first, last)]
