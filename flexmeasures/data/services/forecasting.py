"""Make forecasts as jobs, and what happens if one fails.

Most jobs forecast from a rolling viewpoint: each event as seen a certain horizon before it can be
known. Others forecast from a fixed viewpoint: a stretch of events, all as seen from one moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import current_app

from flexmeasures.data.beliefs.knowledge import knowledge_time
from flexmeasures.data.config import db
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services import jobs
from flexmeasures.data.services.forecast_cycles import create_fixed_forecasting_job
from flexmeasures.data.services.forecast_models import RecentModels, RedisModelStore
from flexmeasures.data.services.forecast_runs import Outcome, forecast
from flexmeasures.forecasting.exceptions import (
    InvalidHorizonException,
    MisconfiguredForecastingJobException,
    NotEnoughDataException,
)
from flexmeasures.forecasting.forecaster import ModelForecaster
from flexmeasures.forecasting.registry import (
    DEFAULT_MODEL,
    find_forecaster_class,
    find_model,
    model_map,
)
from flexmeasures.utils.time_utils import as_utc, forecast_horizons_for, shift, supported_horizons

if TYPE_CHECKING:
    from types import TracebackType

    from rq.job import Job

__all__ = [
    "create_fixed_forecasting_job",
    "create_forecasting_jobs",
    "forecast",
    "forecast_from",
    "handle_forecasting_exception",
    "make_fixed_viewpoint_forecasts",
    "make_rolling_viewpoint_forecasts",
    "num_forecasts",
    "use_fallback",
]


class SensorIsGone(LookupError):
    """Jobs name sensors by id, and one of these no longer exists."""


class UnknownModel(LookupError):
    """There is no model of that name."""


# No other model would do better, or it is not known which comes next.
_FINAL = (NotEnoughDataException, InvalidHorizonException, SensorIsGone, UnknownModel)


def create_forecasting_jobs(
    sensor_id: int,
    start_of_roll: datetime,
    end_of_roll: datetime,
    resolution: timedelta | None = None,
    horizons: Sequence[timedelta] | None = None,
    model_search_term: str = DEFAULT_MODEL,
    custom_model_params: Mapping[str, Any] | None = None,
    enqueue: bool = True,
    *,
    regressors: Sequence[int] | None = None,
    quantiles: Sequence[float] = (),
) -> list[Job]:
    """A job per horizon, which forecasts what can be seen while the viewpoint rolls.

    start_of_roll, end_of_roll : between these the viewpoint moves; events are forecast that begin a
        horizon later
    resolution : of the sensor; the usual horizons for it are taken
    horizons : or else, these
    model_search_term : of the model to begin with
    custom_model_params : in tests only; `training_and_testing_period` limits the history
    enqueue : False leaves it to `flexmeasures.data.services.jobs.enqueue`, after a commit
    regressors : ids of sensors that may tell something, in place of those that attributes name
    quantiles : probabilities whose values are forecast, too

    Raises MisconfiguredForecastingJobException.
    """
    if not current_app.testing and custom_model_params is not None:
        raise MisconfiguredForecastingJobException(
            "Model parameters can only be customized during testing."
        )
    if horizons is None:
        if resolution is None:
            raise MisconfiguredForecastingJobException(
                "Cannot create forecasting jobs - set either horizons or resolution."
            )
        horizons = forecast_horizons_for(resolution)
    options = _given(regressors=regressors, quantiles=tuple(quantiles) or None)
    created = []
    for horizon in horizons:
        start, end = shift(start_of_roll, horizon), shift(end_of_roll, horizon)
        arguments = {
            "sensor_id": sensor_id,
            "horizon": horizon,
            "start": start,
            "end": end,
            "custom_model_params": custom_model_params,
        }
        job = jobs.make_job(
            "forecasting",
            make_rolling_viewpoint_forecasts,
            arguments | options,
            description=f"forecasts {horizon} ahead for sensor {sensor_id} from {start} to {end}",
            time_limit=_time_limit(start, end),
            meta={
                "model_search_term": model_search_term,
                "asset_or_sensor": {"class": "Sensor", "id": sensor_id},
            },
        )
        created.append(jobs.enqueue(job) if enqueue else job)
    return created


def make_rolling_viewpoint_forecasts(
    sensor_id: int,
    horizon: timedelta,
    start: datetime,
    end: datetime,
    custom_model_params: Mapping[str, Any] | None = None,
    *,
    regressors: Sequence[int] | None = None,
    quantiles: Sequence[float] = (),
) -> int:
    """Forecast the events that start in [start, end), each as seen the horizon before it is known.

    As a job, with the model that its meta names, and it commits; called directly, the caller does.

    horizon : 1, 6, 24 or 48 hours, or one that is usual for the sensor's resolution
    regressors, quantiles : see `create_forecasting_jobs`

    Returns the number of forecasts. Raises what `forecast` raises.
    """
    sensor = _find(sensor_id)
    job = jobs.current_job()
    term = _begin(job, sensor, horizon, start, end)
    if horizon not in {*supported_horizons(), *forecast_horizons_for(sensor.event_resolution)}:
        name = "" if job is None else f" on job {job.id}"
        raise InvalidHorizonException(f"Invalid horizon{name}: {horizon}")
    outcome = forecast(
        sensor,
        start,
        end,
        horizons=[horizon],
        model_search_term=term,
        regressors=_find_all(regressors),
        quantiles=quantiles,
        settings=_settings(custom_model_params),
        store=None if job is None else RedisModelStore(),
    )
    return _conclude(job, outcome)


def make_fixed_viewpoint_forecasts(
    sensor_id: int,
    horizon: timedelta,
    start: datetime,
    end: datetime,
    custom_model_params: Mapping[str, Any] | None = None,
    *,
    belief_time: datetime | None = None,
    prior: datetime | None = None,
    regressors: Sequence[int] | None = None,
    quantiles: Sequence[float] = (),
    sensor_to_save: int | None = None,
    settings: Mapping[str, Any] | None = None,
    limits: tuple[float | None, float | None] = (None, None),
    notes: Sequence[str] = (),
) -> int:
    """Forecast the events that start in [start, end), all as seen from one moment.

    Else as `make_rolling_viewpoint_forecasts`.

    horizon : the viewpoint is that long before the first event can be known
    belief_time : the viewpoint, whatever the horizon
    prior : what became known later does not count
    sensor_to_save : the id of another sensor to store the forecasts on
    settings, limits : see `forecast`
    notes : to leave with the job, before its own
    """
    sensor = _find(sensor_id)
    job = jobs.current_job()
    term = _begin(job, sensor, horizon, start, end)
    if belief_time is None:
        belief_time = shift(knowledge_time(sensor, start), -horizon)
    outcome = forecast(
        sensor,
        start,
        end,
        belief_time=belief_time,
        prior=prior,
        model_search_term=term,
        regressors=_find_all(regressors),
        quantiles=quantiles,
        save_to=None if sensor_to_save is None else _find(sensor_to_save),
        settings=_settings(custom_model_params) | dict(settings or {}),
        limits=limits,
        store=None if job is None else RedisModelStore(),
    )
    outcome.notes[:0] = notes
    return _conclude(job, outcome)


def forecast_from(
    sensor: Sensor, start: datetime, end: datetime, horizons: Sequence[timedelta]
) -> int:
    """Forecast what lies each of these horizons ahead, while the viewpoint moves from start to end.

    As a job, with the model that its meta names, and it commits; called directly, the caller does.
    Returns the number of forecasts. Raises what `forecast` raises, if that goes for all horizons.
    """
    job = jobs.current_job()
    term = _begin(job, sensor, ", ".join(map(str, horizons)), start, end)
    store = RecentModels() if job is None else RedisModelStore()
    outcomes: list[Outcome] = []
    refusal: NotEnoughDataException | None = None
    for horizon in horizons:
        window = shift(start, horizon), shift(end, horizon)
        try:
            made = forecast(
                sensor, *window, horizons=[horizon], model_search_term=term, store=store
            )
        except NotEnoughDataException as error:
            refusal = error
        else:
            outcomes.append(made)
    if refusal is not None and not outcomes:
        raise refusal
    return _conclude(job, sum(outcomes[1:], outcomes[0]))


def num_forecasts(start: datetime, end: datetime, resolution: timedelta) -> int:
    """How many events of this length start in [start, end)."""
    return max(0, int((end - start) / resolution))


def handle_forecasting_exception(
    job: Job,
    exc_type: type[BaseException],
    exc_value: BaseException,
    traceback: TracebackType | None,
) -> None:
    """What workers do with an exception of a forecasting job: tell, keep it, try another model."""
    print(f"HANDLING RQ FORECASTING WORKER EXCEPTION: {exc_type}:{exc_value}\n")
    note_failure(job, exc_type, exc_value, traceback)


def note_failure(
    job: Job,
    exc_type: type[BaseException],
    exc_value: BaseException,
    traceback: TracebackType | None,
) -> None:
    """The same without telling."""
    job.meta["failures"] = job.meta.get("failures", 0) + 1
    jobs.handle_failure(job, exc_type, exc_value, traceback)
    if not job.should_retry and not isinstance(exc_value, _FINAL):
        use_fallback(job)


def use_fallback(job: Job) -> None:
    """Let the next model in line do what a job could not do in all its runs.

    For forecasts from a rolling viewpoint that is a new job. Other jobs are waited for, or have
    more to do: these go on themselves, with one more run.
    """
    term = job.meta.get("fallback_model_search_term")
    if term is None or "fallback_job_id" in job.meta:
        return
    if str(job.func_name).endswith(make_rolling_viewpoint_forecasts.__name__):
        fallback = jobs.make_job(
            "forecasting",
            make_rolling_viewpoint_forecasts,
            job.kwargs,
            description=job.description or "forecasts",
            time_limit=_time_limit(job.kwargs["start"], job.kwargs["end"]),
            meta={
                "model_search_term": term,
                "asset_or_sensor": job.meta.get("asset_or_sensor", {}),
                "fallback_of": job.id,
            },
        )
        job.meta["fallback_job_id"] = jobs.enqueue(fallback).id
    else:
        job.meta |= {"model_search_term": term, "fallback_model_search_term": None}
        job.retries_left = 1
    job.save_meta()


def _begin(
    job: Job | None, sensor: Sensor, ahead: timedelta | str, start: datetime, end: datetime
) -> str:
    """Tell what is going to happen; returns the search term of the model."""
    if job is None:
        return DEFAULT_MODEL
    term: str = job.meta.get("model_search_term", DEFAULT_MODEL)
    print(
        f"Running Forecasting Job {job.id}: {sensor} for {ahead} on model '{term}',"
        f" from {start} to {end}"
    )
    if term.lower() not in model_map:
        raise UnknownModel(f"No model found for search term '{term}'")
    _, identifier, fallback = find_model(term)
    if not _runs_models(sensor):
        fallback = None  # it would do the same again
    job.meta |= {"model_identifier": identifier, "fallback_model_search_term": fallback}
    job.save_meta()
    return term


def _runs_models(sensor: Sensor) -> bool:
    """Does it matter to the sensor's forecaster which of our models it is given?"""
    try:
        return issubclass(find_forecaster_class(sensor), ModelForecaster)
    except Exception:  # noqa: BLE001 - the run itself tells which
        return False


def _conclude(job: Job | None, outcome: Outcome) -> int:
    """Commit, and leave with the job what its readers ask for."""
    if job is not None:
        db.session.commit()
        job.meta["source_ids"] = outcome.source_ids
        job.meta["result"] = {
            "num-beliefs": outcome.forecasts,
            "models": outcome.rungs(),
            "notes": outcome.notes,
        }
        job.meta.pop("exception", None)  # of an earlier run
        job.save_meta()
        print(f"Job {job.id} made {outcome.forecasts} forecasts.")
    return outcome.forecasts


def _time_limit(start: datetime, end: datetime) -> timedelta:
    """For a job about that window: models are fitted anew for each week."""
    weeks = (as_utc(end) - as_utc(start)) / timedelta(days=7)
    return timedelta(seconds=jobs.TIME_LIMIT + 60 * max(weeks, 0))


def _find(sensor_id: int) -> Sensor:
    sensor = db.session.get(Sensor, sensor_id)
    if sensor is None:
        raise SensorIsGone(f"No sensor found with id {sensor_id}.")
    return sensor


def _find_all(sensor_ids: Sequence[int] | None) -> list[Sensor] | None:
    return None if sensor_ids is None else [_find(sensor_id) for sensor_id in sensor_ids]


def _settings(params: Mapping[str, Any] | None) -> dict[str, Any]:
    """Of custom parameters, what our models have as well."""
    history = (params or {}).get("training_and_testing_period")
    return {"history": history} if isinstance(history, timedelta) else {}


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
