"""What is asked for when a schedule is triggered, and the job that makes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import current_app
from marshmallow import ValidationError

from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.queries.assets import is_part_of
from flexmeasures.data.schemas.flex_config import check_references
from flexmeasures.data.schemas.ids import id_in
from flexmeasures.data.schemas.times import LAST_YEAR
from flexmeasures.data.services import flex_config
from flexmeasures.data.services.job_states import known_job
from flexmeasures.data.services.scheduling import create_scheduling_job
from flexmeasures.scheduling import exceptions
from flexmeasures.scheduling.base import Settings
from flexmeasures.scheduling.inputs import market
from flexmeasures.utils.time_utils import ground_duration, shift

if TYPE_CHECKING:
    from rq.job import Job

# What schedulers say, besides ValidationError, to what they cannot plan.
REFUSALS = (
    ValueError,
    AssertionError,
    ImportError,
    NotImplementedError,
    exceptions.MissingAttributeException,
    exceptions.WrongTypeAttributeException,
    exceptions.UnknownForecastException,
    exceptions.UnknownMarketException,
    exceptions.UnknownPricesException,
)
_USUAL = timedelta(minutes=15)
_CONSUMPTION_PRICES = {"consumption-price", "consumption-price-sensor"}

Config = dict[str, Any]


@dataclass(frozen=True)
class Trigger:
    """What is to be planned.

    about : a sensor with one model (or None), or an asset with a list of them
    models : these models
    """

    about: Sensor | GenericAsset
    start: datetime
    end: datetime
    resolution: timedelta
    belief_time: datetime | None
    models: Sequence[Config]
    flex_model: Config | list[Config] | None
    flex_context: Config | None
    sequential: bool = False

    def named(self) -> dict[str, Any]:
        """All that may refer to sensors, under the keys of refusals."""
        context = self.flex_context or {}
        if not _CONSUMPTION_PRICES & context.keys() and (sensor := market(self.about)) is not None:
            context = {**context, "market_id": {"sensor": sensor.id}}
        if isinstance(self.flex_model, list):
            return {"flex-model": dict(enumerate(self.flex_model)), **context}
        return (self.flex_model or {}) | context


def for_sensor(sensor: Sensor, message: Mapping[str, Any]) -> Trigger:
    """message : as `SensorTriggerSchema` loads it. Raises ValidationError."""
    model = flex_config.completed_model(sensor, message.get("flex_model"))
    context = flex_config.completed_context(sensor.generic_asset_id, message.get("flex_context"))
    resolution = _resolution([sensor], message.get("resolution"))
    if sensor.event_resolution in (resolution, timedelta(0)):
        return _trigger(sensor, message, resolution, [model or {}], model, context)
    device = {"sensor": sensor.id} | (model or {})
    return _trigger(sensor.generic_asset, message, resolution, [device], [device], context)


def for_asset(asset: GenericAsset, message: Mapping[str, Any]) -> Trigger:
    """message : as `AssetTriggerSchema` loads it. Raises ValidationError."""
    # First, so that nobody learns here which sensors others have.
    check_references({"flex-model": dict(enumerate(message["flex_model"]))})
    devices = flex_config.completed_models(asset, message["flex_model"])
    if not devices:
        nothing = (
            "There is no device to schedule: none is given, and neither the asset nor one of its"
            " parts has a flex-model."
        )
        raise ValidationError({"flex-model": [nothing]})
    context = flex_config.completed_context(asset.id, message.get("flex_context"))
    sensors = flex_config.power_sensors(devices)
    resolution = _resolution(sensors, message.get("resolution"))
    owner = id_in(devices[0].get("asset"))
    if (
        len(devices) == len(sensors) == 1
        and sensors[0].event_resolution == resolution
        and owner in (None, sensors[0].generic_asset_id)
    ):
        # One device: its own scheduler plans it, which may be a custom one.
        model = flex_config.without_owner(devices[0])
        return _trigger(sensors[0], message, resolution, devices, model, context)
    return _trigger(asset, message, resolution, devices, devices, context)


def make_job(trigger: Trigger, force: bool = False) -> Job:
    """The job that makes this schedule: a new one, if `force` says so.

    Raises one of REFUSALS, or ValidationError.
    """
    options: dict[str, Any] = {"sequential": True} if trigger.sequential else {}
    return create_scheduling_job(
        trigger.about,
        force_new_job_creation=force,
        start=trigger.start,
        end=trigger.end,
        resolution=trigger.resolution,
        belief_time=trigger.belief_time,
        flex_model=trigger.flex_model,
        flex_context=trigger.flex_context,
        **options,
    )


def job_about(sensor: Sensor, job_id: str) -> Job | None:
    """The scheduling job with this id, if it plans the sensor, or the asset that it is part of.

    Or if it has stored something else on the sensor, such as states of charge.
    """
    job = known_job(job_id)
    if job is None or job.origin != "scheduling":
        return None
    about = job.meta.get("asset_or_sensor", {})
    if about.get("class") == "Sensor" and about.get("id") == sensor.id:
        return job
    owner = about.get("id") if about.get("class") == "GenericAsset" else None
    if owner is not None and is_part_of(sensor.generic_asset_id, owner):
        return job
    stored_on = job.meta.get("result", {}).get("sensors", ())
    return job if sensor.id in stored_on else None


def _trigger(
    about: Sensor | GenericAsset,
    message: Mapping[str, Any],
    resolution: timedelta,
    models: Sequence[Config],
    flex_model: Config | list[Config] | None,
    flex_context: Config | None,
) -> Trigger:
    start: datetime = message["start"]
    return Trigger(
        about,
        start,
        _end(start, message["duration"], resolution),
        resolution,
        message.get("prior"),
        models,
        flex_model,
        flex_context,
        message.get("sequential", False) and isinstance(about, GenericAsset),
    )


def _resolution(sensors: Sequence[Sensor], asked_for: timedelta | None) -> timedelta:
    """Of the slots. Raises ValidationError if the sensors cannot have it."""
    theirs = [sensor.event_resolution for sensor in sensors if sensor.event_resolution]
    if asked_for is None:
        return min(theirs, default=_USUAL)
    if asked_for <= timedelta(0):
        raise ValidationError({"resolution": ["Should be positive, such as PT15M."]})
    for sensor in sensors:
        if sensor.event_resolution and asked_for % sensor.event_resolution:
            message = f"Should be a multiple of that of sensor {sensor.id}."
            raise ValidationError({"resolution": [message]})
    return asked_for


def _end(start: datetime, duration: Any, resolution: timedelta) -> datetime:
    """Raises ValidationError if that is too far away."""
    horizon = current_app.config["FLEXMEASURES_MAX_PLANNING_HORIZON"]
    try:
        end = shift(start, ground_duration(duration, start))
        if end.year > LAST_YEAR:
            raise ValueError(f"Years until {LAST_YEAR} can be used.")
    except (ValueError, OverflowError) as error:
        raise ValidationError({"duration": [f"This is too long. {error}"]}) from error
    try:
        limit = Settings(max_planning_horizon=horizon).latest_end(start, resolution)
    except OverflowError:
        limit = None
    if end == start:
        raise ValidationError({"duration": ["A schedule takes time."]})
    if limit is not None and end > limit:
        message = (
            f"A schedule can last until {limit.isoformat()} at most, as the setting"
            " FLEXMEASURES_MAX_PLANNING_HORIZON says."
        )
        raise ValidationError({"duration": [message]})
    return end
