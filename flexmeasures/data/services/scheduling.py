"""Make schedules, now or as jobs, and store them as beliefs of their scheduler."""

from __future__ import annotations

import logging
from copy import deepcopy
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import current_app
from sqlalchemy import select

from flexmeasures.data.beliefs.save import save
from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services import jobs
from flexmeasures.data.services.data_sources import get_or_create_source
from flexmeasures.data.services.job_cache import job_cache
from flexmeasures.scheduling.base import Scheduler, Settings
from flexmeasures.scheduling.registry import find_scheduler_class, load_custom_scheduler
from flexmeasures.utils.time_utils import server_now
from flexmeasures.utils.timely import tb
from flexmeasures.utils.unit_utils import convert_units

if TYPE_CHECKING:
    from types import TracebackType

    import pandas as pd
    from rq.job import Job

__all__ = [
    "create_scheduling_job",
    "find_scheduler_class",
    "get_data_source_for_job",
    "handle_scheduling_exception",
    "load_custom_scheduler",
    "make_schedule",
]

logger = logging.getLogger(__name__)


@job_cache("scheduling")
def create_scheduling_job(
    sensor: Sensor | GenericAsset,
    job_id: str | None = None,
    enqueue: bool = True,
    requeue: bool = False,
    force_new_job_creation: bool = False,
    **scheduler_kwargs: Any,
) -> Job:
    """A job that makes a schedule: a new one, or the one that an equal call made before.

    sensor : the power sensor to schedule, or the asset with the devices to schedule
    enqueue : False leaves it to `flexmeasures.data.services.jobs.enqueue`, after a commit
    requeue, force_new_job_creation : see `flexmeasures.data.services.job_cache`
    scheduler_kwargs : start, end, resolution and if need be belief_time, flex_model, flex_context,
        sequential, as for `make_schedule`

    Raises what is wrong with the arguments: ValueError, ValidationError.
    """
    scheduler = _make_scheduler(sensor, **deepcopy(scheduler_kwargs))
    scheduler.deserialize_config()
    target = "sensor_id" if isinstance(sensor, Sensor) else "asset_id"
    arguments: dict[str, Any] = {"sensor_id": None, target: sensor.id} | scheduler_kwargs
    own_belief_time = arguments.get("belief_time") is None
    if own_belief_time:
        # Now, not when it runs: then a second run plans with, and stores, the same as the first.
        arguments["belief_time"] = server_now()
    job = jobs.make_job(
        "scheduling",
        make_schedule,
        arguments,
        description=f"schedule for {sensor.name} (id {sensor.id}) from {scheduler.start}",
        job_id=job_id,
        keep_result=current_app.config["FLEXMEASURES_PLANNING_TTL"],
        meta={
            "asset_or_sensor": {"class": type(sensor).__name__, "id": sensor.id},
            "data_source_info": dict(scheduler.get_data_source_info()),
            "own_belief_time": own_belief_time,
        },
    )
    return jobs.enqueue(job) if enqueue else job


def make_schedule(
    sensor_id: int | None,
    start: datetime,
    end: datetime,
    resolution: timedelta,
    belief_time: datetime | None = None,
    flex_model: Any = None,
    flex_context: Any = None,
    flex_config_has_been_deserialized: bool = False,
    *,
    asset_id: int | None = None,
    sequential: bool = False,
) -> bool:
    """Compute a schedule and store it. As a job it commits; called directly, the caller does.

    Parameters
    ----------
    sensor_id : the power sensor to schedule; None if it is about several devices
    start, end : of the schedule; targets in the flex-model may extend the end
    resolution : length of a slot; the sensor's, unless that records instants
    belief_time : what became known later does not count, and the schedule is recorded as made then;
        now, if None
    flex_model, flex_context : as sent, or already deserialized, as
        `flex_config_has_been_deserialized` says
    asset_id : the asset whose devices to schedule; then the flex-model is a list
    sequential : plan these devices one after the other, not all at once

    Returns
    -------
    True

    Raises
    ------
    ValueError, ValidationError : bad input
    Exceptions of `flexmeasures.scheduling.exceptions` : something that is needed is not known
    """
    job = jobs.current_job()
    target = _find(sensor_id, asset_id)
    belief_time = server_now() if belief_time is None else belief_time
    if job is not None:
        print(f"Running Scheduling Job {job.id}: {target.name}, from {start} to {end}")
    scheduler = _make_scheduler(
        target,
        start=start,
        end=end,
        resolution=resolution,
        belief_time=belief_time,
        flex_model=flex_model,
        flex_context=flex_context,
        sequential=sequential,
    )
    if flex_config_has_been_deserialized:
        scheduler.config_deserialized = True
    else:
        scheduler.deserialize_config()

    outputs = _compute(scheduler)
    _log_what_was_assumed(scheduler, target)
    source = _source_of(scheduler)
    overwrite = current_app.config["FLEXMEASURES_ALLOW_DATA_OVERWRITE"]
    if outputs:
        frames = [_to_beliefs(sensor, values, source, belief_time) for sensor, values in outputs]
        # A run of this job that was killed may have stored a plan. Nobody else has this time.
        overwrite = overwrite or bool(job is not None and job.meta.get("own_belief_time"))
        save(frames, overwrite=overwrite)
        scheduler.persist_flex_model()
    db.session.flush()
    if job is not None:
        count = sum(len(values) for _, values in outputs)
        source_id, sensor_ids = source.id, [sensor.id for sensor, _ in outputs]
        db.session.commit()
        _tell_job(job, scheduler, source_id, sensor_ids, count)
        print(f"Job {job.id} made schedule.")
    return True


def handle_scheduling_exception(
    job: Job,
    exc_type: type[BaseException],
    exc_value: BaseException,
    traceback: TracebackType | None,
) -> None:
    """What workers do with an exception of a scheduling job: tell, and keep it with the job."""
    print(f"HANDLING RQ SCHEDULING WORKER EXCEPTION: {exc_type}:{exc_value}\n")
    jobs.handle_failure(job, exc_type, exc_value, traceback)


def get_data_source_for_job(job: Job | None) -> DataSource | None:
    """The source of the schedule that this job made.

    Of jobs that do not tell its id: the newest version of the scheduler that they name, else of our
    own.
    """
    info = {} if job is None else job.get_meta(refresh=True).get("data_source_info", {})
    if "id" in info:
        return db.session.get(DataSource, info["id"])
    query = select(DataSource).where(
        DataSource.type.in_(["scheduler", "scheduling script"]),
        DataSource.name == info.get("name", "Seita"),
        DataSource.model == info.get("model", "StorageScheduler"),
    )
    return max(db.session.scalars(query), key=_version, default=None)


def _version(source: DataSource) -> tuple[int, str, int]:
    """For sorting: 10 comes after 9."""
    text = source.version or ""
    return (int(text) if text.isdecimal() else 0, text, source.id)


def _find(sensor_id: int | None, asset_id: int | None) -> Sensor | GenericAsset:
    found: Sensor | GenericAsset | None
    if asset_id is None:
        found, what = db.session.get(Sensor, sensor_id), f"sensor found with id {sensor_id}"
    else:
        found, what = db.session.get(GenericAsset, asset_id), f"asset found with id {asset_id}"
    if found is None:
        raise ValueError(f"No {what}.")
    return found


def _make_scheduler(
    target: Sensor | GenericAsset,
    *,
    start: datetime,
    end: datetime,
    resolution: timedelta,
    sequential: bool = False,
    **arguments: Any,
) -> Scheduler:
    """The scheduler for a sensor or asset, with the host's settings."""
    timing: dict[str, Any] = {"start": start, "end": end, "resolution": resolution}
    scheduler: Scheduler
    if isinstance(target, Sensor):
        _check_resolution(target, resolution)
        # By position, as custom schedulers may name it in their own way.
        scheduler = find_scheduler_class(target, arguments.get("flex_model"))(
            target, **timing, **arguments
        )
    else:
        scheduler = find_scheduler_class(target)(  # type: ignore[call-arg]
            asset=target, sequential=sequential, **timing, **arguments
        )
    scheduler.settings = _settings()
    return scheduler


def _check_resolution(sensor: Sensor, resolution: timedelta) -> None:
    if sensor.event_resolution not in (resolution, timedelta(0)):
        raise ValueError(
            f"Sensor {sensor.id} records events of {sensor.event_resolution}, so its schedules "
            f"have slots of that length, not of {resolution}."
        )


def _settings() -> Settings:
    config = current_app.config
    return Settings(
        solver=config["FLEXMEASURES_LP_SOLVER"],
        max_planning_horizon=config["FLEXMEASURES_MAX_PLANNING_HORIZON"],
    )


def _compute(scheduler: Scheduler) -> list[tuple[Sensor, pd.Series]]:
    """What to store, by sensor: values in its unit and of the stored sign."""
    if hasattr(scheduler, "compute_outputs"):
        return [(output.sensor, output.values) for output in scheduler.compute_outputs()]
    power = scheduler.compute()
    if power is None:
        name, sensor = type(scheduler).__name__, scheduler.sensor
        logger.warning("%s made no schedule for sensor %s.", name, sensor.id)
        return []
    sensor = scheduler.sensor
    # Adding zero turns the negative zeros of idle slots into plain ones.
    produced = -power + 0.0
    return [(sensor, convert_units(produced, "MW", sensor.unit, scheduler.resolution))]


def _log_what_was_assumed(scheduler: Scheduler, target: Sensor | GenericAsset) -> None:
    """Also where no job tells it."""
    report = getattr(scheduler, "report", {})
    for name in ("assumed", "assumed-zeros", "filled-prices", "unknown-capacities", "notes"):
        if any(report.get(name) or []):
            logger.info("Schedule of %s: %s: %s", target.name, name, report[name])


def _source_of(scheduler: Scheduler) -> DataSource:
    info = scheduler.get_data_source_info()
    return get_or_create_source(
        info["name"], source_type="scheduler", model=info["model"], version=info["version"]
    )


def _to_beliefs(
    sensor: Sensor, values: pd.Series, source: DataSource, belief_time: datetime
) -> tb.BeliefsDataFrame:
    return tb.BeliefsDataFrame(
        values.tz_convert(sensor.timezone), sensor=sensor, source=source, belief_time=belief_time
    )


def _tell_job(
    job: Job, scheduler: Scheduler, source_id: int, sensor_ids: list[int], count: int
) -> None:
    """Leave with the job what its readers ask for."""
    report = getattr(scheduler, "report", {})
    job.meta["data_source_info"] = {**scheduler.get_data_source_info(), "id": source_id}
    job.meta["end"] = scheduler.end
    job.meta["scheduler_info"] = {"scheduler": type(scheduler).__name__} | report
    job.meta["result"] = {
        "unresolved": report.get("unresolved", []),
        "resolved": report.get("resolved", []),
        "num-beliefs": count,
        "start": scheduler.start.isoformat(),
        "end": scheduler.end.isoformat(),
        "sensors": sensor_ids,
    }
    job.meta.pop("exception", None)  # of an earlier run
    job.save_meta()
