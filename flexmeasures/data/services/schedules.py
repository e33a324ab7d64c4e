"""Reading schedules back: what a job planned, whatever others planned since."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import numpy as np
from flask import current_app

from flexmeasures.data.beliefs.search import search
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.schemas.scheduling.outputs import records_power
from flexmeasures.data.services.scheduling import get_data_source_for_job
from flexmeasures.utils.time_utils import as_utc, shift, zone
from flexmeasures.utils.unit_utils import convert_units

if TYPE_CHECKING:
    from rq.job import Job

_DECIMALS = 9  # Conversion leaves noise beyond these; plans have six of MW.

SignConvention = Literal["consumption-positive", "production-positive", "wysiwyg"]


@dataclass(frozen=True)
class Schedule:
    """A value per step, without gaps; None where nothing is planned.

    start : in the sensor's timezone
    resolution : from one value to the next
    scheduler : which one was used
    """

    start: datetime
    resolution: timedelta
    values: list[float | None]
    unit: str
    scheduler: str

    @property
    def duration(self) -> timedelta:
        return len(self.values) * self.resolution


class ScheduleNotFound(LookupError):
    """A job is done, but what it planned is not there (any more)."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"A scheduling job has been processed with your job ID, but {reason}.")


def get_schedule(
    sensor: Sensor,
    job: Job,
    duration: timedelta | None = None,
    unit: str | None = None,
    sign_convention: SignConvention = "consumption-positive",
) -> Schedule:
    """What a finished job planned for a sensor: one that it scheduled, or stored other output for.

    duration : from the start of the schedule; None: all of it, up to FLEXMEASURES_PLANNING_HORIZON
    unit : of the values; None: the sensor's
    sign_convention : of power; "wysiwyg" leaves it as it is stored

    Raises ScheduleNotFound, and ValueError if the sensor's unit cannot be converted.
    """
    source = get_data_source_for_job(job)
    if source is None:
        raise ScheduleNotFound(f"no data source could be found for {source}")
    start, step = job.kwargs["start"], sensor.event_resolution or job.kwargs["resolution"]
    found = _search(sensor, source, job, _end(job, duration))
    if found is None:
        raise ScheduleNotFound("the schedule was not found in the database")
    moments, stored = found
    values = _sign(sensor, sign_convention) * stored + 0.0  # no negative zeros
    unit = sensor.unit if unit is None else unit
    values = convert_units(values, sensor.unit, unit, event_resolution=step).round(_DECIMALS)
    first = min(as_utc(start), as_utc(moments[0]))
    steps = [round((as_utc(moment) - first) / step) for moment in moments]
    filled = np.full(steps[-1] + 1, np.nan)
    filled[steps] = values
    return Schedule(
        first.astimezone(zone(sensor.timezone)),
        step,
        [None if np.isnan(value) else value for value in filled.tolist()],
        unit,
        job.meta.get("scheduler_info", {}).get("scheduler", source.model),
    )


def _end(job: Job, duration: timedelta | None) -> datetime:
    start, end = job.kwargs["start"], job.meta.get("end", job.kwargs["end"])
    if duration is None:
        duration = current_app.config["FLEXMEASURES_PLANNING_HORIZON"]
    return min(end, shift(start, duration), key=as_utc)


def _search(
    sensor: Sensor, source: DataSource, job: Job, end: datetime
) -> tuple[list[datetime], np.ndarray] | None:
    """Event starts and values as they were believed when the job planned.

    Values that were the same in the schedule before are stored with that one only.
    """
    frame = search(
        [sensor],
        event_starts_after=job.kwargs["start"],
        event_ends_before=end,
        beliefs_before=job.kwargs.get("belief_time") or job.ended_at,
        source=source,
        one_deterministic_belief_per_event=True,
    )[sensor]
    if frame.empty:
        return None
    moments = frame.index.get_level_values("event_start").to_pydatetime().tolist()
    return moments, frame["event_value"].to_numpy(float)


def _sign(sensor: Sensor, convention: SignConvention) -> int:
    if convention == "wysiwyg" or not records_power(sensor):
        return 1
    stored = bool(sensor.get_attribute("consumption_is_positive", False))
    return 1 if stored == (convention == "consumption-positive") else -1
