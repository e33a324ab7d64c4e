"""Forecasts on request: a stretch of time, forecast once or again and again, as jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import current_app

from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services import jobs
from flexmeasures.data.services.forecast_runs import total, unique
from flexmeasures.data.services.job_cache import job_cache
from flexmeasures.forecasting.registry import DEFAULT_MODEL
from flexmeasures.utils.time_utils import as_utc, server_now, shift

if TYPE_CHECKING:
    from rq.job import Job

MOST_CYCLES = 500


class CyclesFailed(Exception):
    """None of the jobs that a job stands for made forecasts."""


@dataclass(frozen=True)
class Cycle:
    """The events that start in [start, end) are forecast as seen at the belief time."""

    belief_time: datetime
    start: datetime
    end: datetime


def cycles(
    start: datetime,
    end: datetime,
    latest: datetime,
    horizon: timedelta | None = None,
    frequency: timedelta | None = None,
) -> list[Cycle]:
    """One cycle per frequency, each reaching as far as the horizon, and none beyond the end.

    latest : belief times are not after it, also if a cycle starts later
    horizon : None is as far as the end
    frequency : None is a cycle when the one before reaches its end

    Raises ValueError: there would be none, or too many.

    >>> from datetime import timezone
    >>> noon = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
    >>> hour = timedelta(hours=1)
    >>> [(c.start.hour, c.end.hour) for c in cycles(noon, noon + 5 * hour, noon, 3 * hour)]
    [(12, 15), (15, 17)]
    """
    period = as_utc(end) - as_utc(start)
    horizon = period if horizon is None else min(horizon, period)
    frequency = horizon if frequency is None else frequency
    if horizon <= timedelta(0) or frequency <= timedelta(0):
        raise ValueError("Forecasts need some time to be about, and some time between cycles.")
    count = -(-period // frequency)
    if count > MOST_CYCLES:
        raise ValueError(
            f"From {start.isoformat()} to {end.isoformat()} there are {count} cycles of"
            f" {frequency}; {MOST_CYCLES} can be asked for at once."
        )
    starts = [shift(start, number * frequency) for number in range(count)]
    return [
        Cycle(
            min(first, latest, key=as_utc),
            first,
            min(shift(first, horizon), end, key=as_utc),
        )
        for first in starts
    ]


@job_cache("forecasting")
def create_fixed_forecasting_job(
    sensor: Sensor,
    *,
    start: datetime,
    end: datetime,
    belief_time: datetime | None = None,
    max_forecast_horizon: timedelta | None = None,
    forecast_frequency: timedelta | None = None,
    model_search_term: str = DEFAULT_MODEL,
    regressors: Sequence[int] | None = None,
    quantiles: Sequence[float] = (),
    settings: Mapping[str, Any] | None = None,
    sensor_to_save: Sensor | None = None,
    limits: tuple[float | None, float | None] = (None, None),
    notes: Sequence[str] = (),
    job_id: str | None = None,
    requeue: bool = False,
    force_new_job_creation: bool = False,
) -> Job:
    """A job that forecasts the events that start in [start, end), or the one of an equal call.

    The stretch is forecast in `cycles`, the first of them as seen at the start. With several, each
    has a job of its own, and the one that is returned ends when all of these did; its meta lists
    their ids as `cycle_job_ids`, and so does its result.

    start : from here on; a multiple of the sensor's resolution
    belief_time : what became known later does not count, and no forecast is made later; now, if
        None, so that what starts later is forecast as seen now
    max_forecast_horizon : how far cycles reach, all the way if None
    forecast_frequency : from one cycle to the next; None is one after the other
    model_search_term, quantiles : see `Forecaster`
    regressors : ids of sensors that may tell something, in place of those that attributes name
    settings, limits : see `flexmeasures.data.services.forecast_runs.forecast`
    sensor_to_save : stores the forecasts, in place of the sensor itself
    notes : to leave with the job, before its own
    requeue, force_new_job_creation : see `flexmeasures.data.services.job_cache`

    Raises ValueError for what cannot be.
    """
    from flexmeasures.data.services.forecasting import make_fixed_viewpoint_forecasts

    latest = server_now() if belief_time is None else belief_time
    parts = cycles(start, end, latest, max_forecast_horizon, forecast_frequency)
    target = sensor if sensor_to_save is None else sensor_to_save
    options = {
        "sensor_id": sensor.id,
        "prior": belief_time,
        "regressors": None if regressors is None else list(regressors),
        "quantiles": tuple(quantiles),
        "settings": None if settings is None else dict(settings),
        "limits": limits,
        "notes": list(notes),
        "sensor_to_save": None if sensor_to_save is None else sensor_to_save.id,
    }
    meta = {
        "model_search_term": model_search_term,
        "asset_or_sensor": {"class": "Sensor", "id": target.id},
        "forecast_of": sensor.id,
    }
    single = len(parts) == 1
    children = [
        jobs.make_job(
            "forecasting",
            make_fixed_viewpoint_forecasts,
            {
                **options,
                "horizon": as_utc(part.end) - as_utc(part.belief_time),
                "start": part.start,
                "end": part.end,
                "belief_time": part.belief_time,
            },
            description=f"forecasts for sensor {sensor.id} from {part.start} to {part.end}",
            job_id=job_id if single else None,
            keep_result=current_app.config["FLEXMEASURES_PLANNING_TTL"],
            meta=meta,
        )
        for part in parts
    ]
    if single:
        return jobs.enqueue(children[0], first=True)  # somebody waits for it
    ids = [child.id for child in children]
    parent = jobs.make_job(
        "forecasting",
        conclude_cycles,
        {"cycle_job_ids": ids},
        description=f"forecasts for sensor {sensor.id} from {start} to {end} in {len(ids)} cycles",
        job_id=job_id,
        keep_result=current_app.config["FLEXMEASURES_PLANNING_TTL"],
        meta=meta | {"cycle_job_ids": ids},
        after=children,
    )
    jobs.enqueue(parent)
    for child in children:
        jobs.enqueue(child)
    return parent


def conclude_cycles(cycle_job_ids: Sequence[str]) -> list[str]:
    """What the job does that stands for others: returns the ids of those that made forecasts.

    Raises CyclesFailed, with the reason of the first, if none did.
    """
    job = jobs.current_job()
    found = [jobs.find_job(job_id) for job_id in cycle_job_ids]
    done = [child for child in found if child is not None and child.is_finished]
    if not done:
        failed = next((child for child in found if child is not None), None)
        reason = "they are gone" if failed is None else ": ".join(jobs.reason_of_failure(failed))
        raise CyclesFailed(f"None of {len(cycle_job_ids)} cycles could be forecast: {reason}")
    if job is not None:
        results = [child.meta.get("result", {}) for child in done]
        job.meta["result"] = {
            "num-beliefs": sum(result.get("num-beliefs", 0) for result in results),
            "models": total(result.get("models", {}) for result in results),
            "notes": unique(note for result in results for note in result.get("notes", ())),
            "failed-cycles": len(cycle_job_ids) - len(done),
        }
        job.meta["source_ids"] = sorted(
            {source for child in done for source in child.meta.get("source_ids", ())}
        )
        job.save_meta()
    return [child.id for child in done]
