"""Schedules: asked for, and got when they are made."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError
from sqlalchemy.orm import joinedload
from werkzeug.exceptions import NotFound

from flexmeasures.api.common.describe import answers
from flexmeasures.api.common.parsing import from_path, use_args, use_kwargs
from flexmeasures.api.common.preferences import prefers_async, takes_async
from flexmeasures.api.common.responses import (
    invalid_period,
    request_processed,
    unknown_schedule,
    unprocessable_entity,
    unrecognized_event,
)
from flexmeasures.auth.decorators import auth_required, permission_required_for_context
from flexmeasures.auth.policy import check_access
from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.schemas.flex_config import check_references
from flexmeasures.data.schemas.schedules import (
    AcceptedSchema,
    AssetTriggerSchema,
    NoScheduleSchema,
    NotReadySchema,
    ScheduleQuerySchema,
    ScheduleSchema,
    SensorTriggerSchema,
)
from flexmeasures.data.services import triggers
from flexmeasures.data.services.flex_config import outputs
from flexmeasures.data.services.job_states import FAILED, FINISHED, state_of, wait_for
from flexmeasures.data.services.schedules import ScheduleNotFound, get_schedule
from flexmeasures.utils.time_utils import duration_isoformat, ground_duration
from flexmeasures.utils.unit_utils import units_are_convertible

schedules = Blueprint("schedules", __name__)

_ASSET = joinedload(Sensor.generic_asset).joinedload(GenericAsset.generic_asset_type)
_accepted = answers(200, AcceptedSchema(), "A job will make the schedule")
_accepted_async = answers(202, AcceptedSchema(), "The same, for `Prefer: respond-async`")


@schedules.post("/sensors/<id:id>/schedules/trigger")
@_accepted
@_accepted_async
@auth_required()
@use_args(SensorTriggerSchema, location="json")
@from_path("sensor", Sensor, _ASSET)
@permission_required_for_context("create-children", arg_name="sensor")
def trigger_for_sensor(message: dict[str, Any], sensor: Sensor) -> ResponseReturnValue:
    """Ask for a schedule of the device with this power sensor.

    It is made by a job, which whoever asks for the same again gets, too, for a while.

    What the flex-model and the flex-context leave out is taken from those of the asset, and of the
    assets that it is part of. All sensors that they refer to have to be readable for the caller;
    sensors that results are stored on, writable.

    .. :quickref: Schedule; Trigger scheduling job
    """
    try:
        return _accept(triggers.for_sensor(sensor, message), message, sensor)
    except (*triggers.REFUSALS, ValidationError) as error:
        return _refuse(error)


@schedules.post("/assets/<id:id>/schedules/trigger")
@_accepted
@_accepted_async
@auth_required()
@use_args(AssetTriggerSchema, location="json")
@from_path("asset", GenericAsset)
@permission_required_for_context("create-children", arg_name="asset")
def trigger_for_asset(message: dict[str, Any], asset: GenericAsset) -> ResponseReturnValue:
    """Ask for a schedule of several devices behind one connection to the grid.

    One job makes it; each of the power sensors has its own schedule under the id of that job.

    As for one sensor, what is left out is taken from the assets. Parts of the asset that have a
    flex-model take part, also if they are not mentioned.

    .. :quickref: Schedule; Trigger scheduling job for multiple devices
    """
    try:
        return _accept(triggers.for_asset(asset, message), message, None)
    except (*triggers.REFUSALS, ValidationError) as error:
        return _refuse(error)


def _accept(
    trigger: triggers.Trigger, message: dict[str, Any], sensor: Sensor | None
) -> ResponseReturnValue:
    check_references(trigger.named())
    for output in outputs(trigger.models, trigger.flex_context):
        check_access(output, "create-children")
    job_id = triggers.make_job(trigger, force=message["force_new_job_creation"]).id
    db.session.commit()
    body = {
        **request_processed()[0],
        "job": job_id,
        "job-url": url_for("v3_0.jobs.get", uuid=job_id),
        "schedule": job_id,
    }
    if sensor is not None:
        body["results-url"] = url_for("v3_0.schedules.get", id=sensor.id, uuid=job_id)
    if not prefers_async():
        return body, 200
    accepted = "Request has been accepted for processing."
    return body | {"status": "ACCEPTED", "message": accepted}, 202


def _refuse(error: Exception) -> ResponseReturnValue:
    if isinstance(error, ValidationError):
        return unprocessable_entity({"json": error.normalized_messages()})
    return unprocessable_entity({"json": str(error)})


@schedules.get("/sensors/<id:id>/schedules/<job:uuid>")
@answers(200, ScheduleSchema(), "The schedule")
@answers(202, NotReadySchema(), "Not yet, for `Prefer: respond-async`")
@answers(400, NoScheduleSchema(), "Not yet, or not at all: the message says why")
@auth_required()
@use_kwargs(ScheduleQuerySchema, location="query")
@from_path("sensor", Sensor, _ASSET)
@permission_required_for_context("read", arg_name="sensor")
def get(sensor: Sensor, uuid: str, **query: Any) -> ResponseReturnValue:
    """Get the schedule that a job made for a sensor.

    If the job is not done yet, the answer may take up to 15 seconds (as the server is configured);
    with `Prefer: respond-async` it comes at once.

    .. :quickref: Schedule; Download schedule for one device
    """
    unit = query.get("unit") or sensor.unit
    if not (units_are_convertible(sensor.unit, unit) or units_are_convertible(unit, sensor.unit)):
        message = f"Values in {sensor.unit} cannot be converted to {unit}."
        return unprocessable_entity({"query": {"unit": [message]}})
    job = triggers.job_about(sensor, uuid)
    if job is None:
        return unrecognized_event(uuid, "job")
    if not _is_positive(query.get("duration"), job.kwargs["start"]):
        return invalid_period("Cannot parse 'duration' value.")
    if not prefers_async():
        sensor_id = sensor.id
        wait_for(
            job,
            beside_others=bool(request.environ.get("wsgi.multithread")),
            instead_of_others=bool(request.environ.get("wsgi.multiprocess")),
        )
        if db.session.get(Sensor, sensor_id) is None:  # somebody just deleted it
            raise NotFound(f"Sensor {sensor_id} not found")
        job = triggers.job_about(sensor, uuid)
        if job is None:
            return unrecognized_event(uuid, "job")
    state, text = state_of(job)
    if state == FINISHED:
        return _schedule(sensor, job, query)
    if state != FAILED and takes_async():
        return {"status": state.upper(), "message": text}, 202
    return unknown_schedule(text)


def _schedule(sensor: Sensor, job: Any, query: dict[str, Any]) -> ResponseReturnValue:
    duration = query.get("duration")
    if duration is not None:
        duration = ground_duration(duration, job.kwargs["start"])
    try:
        schedule = get_schedule(sensor, job, duration, query.get("unit"), query["sign_convention"])
    except ScheduleNotFound as error:
        return unknown_schedule(str(error))
    info = job.meta.get("scheduler_info", {})
    body, code = request_processed()
    return jsonify(
        {
            "values": schedule.values,
            "start": _text(schedule.start),
            "duration": duration_isoformat(schedule.duration),
            "unit": schedule.unit,
            "scheduler_info": {"scheduler": schedule.scheduler} | info,
            **body,
        }
    ), code


def _is_positive(duration: Any, start: datetime) -> bool:
    if duration is None:
        return True
    try:
        return ground_duration(duration, start) > timedelta(0)
    except (ValueError, OverflowError):
        return False


def _text(moment: datetime) -> str:
    """With Z in place of a zero offset, as of old."""
    text = moment.isoformat()
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text
