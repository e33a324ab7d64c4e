"""Reading forecasts back: what a job made, whatever was forecast since."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from flexmeasures.data.beliefs import wire
from flexmeasures.data.beliefs.query import Filters, select_rows
from flexmeasures.data.beliefs.rows import EPOCH, microseconds
from flexmeasures.data.beliefs.steps import step_values
from flexmeasures.data.config import db
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services.job_states import known_job
from flexmeasures.utils.time_utils import zone

if TYPE_CHECKING:
    from rq.job import Job


def job_about(sensor: Sensor, job_id: str) -> Job | None:
    """The job with this id that was triggered, if it forecasts the sensor or stores on it."""
    job = known_job(job_id)
    if job is None or job.origin != "forecasting" or "forecast_of" not in job.meta:
        return None
    return job if sensor.id in (job.meta["forecast_of"], _target(job)) else None


def parts_of(job: Job) -> list[str]:
    """The ids of the jobs that do it, if this one only waits for them."""
    return list(job.meta.get("cycle_job_ids", ()))


def stored_on(job: Job) -> Sensor | None:
    """The sensor on which a job stores forecasts, if it is still there."""
    return db.session.get(Sensor, _target(job))


def _target(job: Job) -> int:
    id_: int = job.meta["asset_or_sensor"]["id"]
    return id_


@dataclass(frozen=True)
class MadeForecasts:
    """A value per step, without gaps; None where nothing was forecast.

    start : in the sensor's timezone
    resolution : from one value to the next; 0 if only one instant was forecast
    """

    start: datetime
    resolution: timedelta
    values: list[float | None]
    unit: str

    @property
    def duration(self) -> timedelta:
        return len(self.values) * self.resolution


def forecasts_of(sensor: Sensor, job: Job) -> MadeForecasts | None:
    """What a finished job stored on this sensor, whatever was forecast since; None: nothing."""
    start, end = job.kwargs["start"], job.kwargs["end"]
    believed = job.kwargs["belief_time"]
    source_ids = job.get_meta(refresh=True).get("source_ids", [])
    filters = Filters(beliefs_after=believed, beliefs_before=believed, source_ids=source_ids)
    step = sensor.event_resolution
    if not step:
        start, step = _regular(sensor, start, end, filters)
    values = step_values(sensor, start, end, step, filters)
    if np.isnan(values).all():
        return None
    return MadeForecasts(
        start.astimezone(zone(sensor.timezone)),
        step,
        [None if np.isnan(value) else value for value in values.tolist()],
        sensor.unit,
    )


def _regular(
    sensor: Sensor, start: datetime, end: datetime, filters: Filters
) -> tuple[datetime, timedelta]:
    """Where forecasts of readings start, and the time from one to the next."""
    window = replace(filters, events_end_after=start, events_start_before=end)
    rows = wire.read(db.session.connection(), select_rows([sensor], window))
    moments = np.unique(rows.event_start)
    step = int(np.diff(moments).min()) if len(moments) > 1 else microseconds(end - start)
    first = int(moments[0]) if len(moments) else microseconds(start)
    return EPOCH + timedelta(microseconds=first), timedelta(microseconds=step)
