"""Forecasts: asked for, and got when they are made."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError
from sqlalchemy.orm import joinedload
from werkzeug.exceptions import NotFound

from flexmeasures.api.common.describe import answers
from flexmeasures.api.common.parsing import from_path, use_args
from flexmeasures.api.common.preferences import prefers_async
from flexmeasures.api.common.responses import (
    request_processed,
    unknown_forecast,
    unprocessable_entity,
)
from flexmeasures.auth.decorators import auth_required, permission_required_for_context
from flexmeasures.auth.policy import check_access
from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.schemas.forecasting import (
    ForecastAcceptedSchema,
    ForecastSchema,
    ForecastsSchema,
    ForecastTriggerSchema,
    NoForecastSchema,
)
from flexmeasures.data.schemas.schedules import NotReadySchema
from flexmeasures.data.services import forecast_results as results
from flexmeasures.data.services.forecast_triggers import find_target, read_trigger
from flexmeasures.data.services.job_states import FAILED, FINISHED, state_of, wait_for
from flexmeasures.utils.time_utils import duration_isoformat

forecasts = Blueprint("forecasts", __name__)

_ASSET = joinedload(Sensor.generic_asset).joinedload(GenericAsset.generic_asset_type)
_ENDED = {FAILED, "canceled", "stopped", "unknown"}


@forecasts.post("/sensors/<id:id>/forecasts/trigger")
@answers(200, ForecastAcceptedSchema(), "A job will make the forecasts")
@answers(202, ForecastAcceptedSchema(), "The same, for `Prefer: respond-async`")
@auth_required()
@use_args(ForecastTriggerSchema, location="json")
@from_path("sensor", Sensor, _ASSET)
@permission_required_for_context("read", arg_name="sensor")
def trigger(message: dict[str, Any], sensor: Sensor) -> ResponseReturnValue:
    """Ask for forecasts of a sensor.

    They are made by a job, as seen from one moment: now, or `prior`, or the start of the forecast
    if that is earlier. With `forecast-frequency`, several jobs look ahead, each from the start of
    its part of the time, as far as that is not in the future.

    The caller has to be allowed to store data on the sensor that forecasts are stored on, and to
    read all sensors that are named.

    .. :quickref: Forecast; Trigger forecasting job
    """
    try:
        target = find_target(sensor, message)
        check_access(target, "create-children")
        job_id = read_trigger(sensor, target, message).make_job().id
    except ValidationError as error:
        return unprocessable_entity({"json": error.normalized_messages()})
    db.session.commit()
    body = {
        **request_processed()[0],
        "job": job_id,
        "job-url": url_for("v3_0.jobs.get", uuid=job_id),
        "results-url": url_for("v3_0.forecasts.get", id=sensor.id, uuid=job_id),
        "forecast": job_id,
    }
    if not prefers_async():
        return body, 200
    accepted = "Request has been accepted for processing."
    return body | {"status": "ACCEPTED", "message": accepted}, 202


@forecasts.get("/sensors/<id:id>/forecasts/<job:uuid>")
@answers(200, ForecastSchema(), "The forecasts")
@answers(200, ForecastsSchema(), "If several jobs made them: which")
@answers(202, NotReadySchema(), "Not yet")
@answers(400, NoForecastSchema(), "The job is done, but its forecasts are not there")
@answers(422, description="The job failed, or there is no such job about this sensor.")
@auth_required()
@from_path("sensor", Sensor, _ASSET)
@permission_required_for_context("read", arg_name="sensor")
def get(sensor: Sensor, uuid: str) -> ResponseReturnValue:
    """Get the forecasts that a job made for a sensor.

    These are what that very job believed, whatever was forecast since; of quantiles, the medians.

    If the job is not done yet, the answer may take up to 15 seconds (as the server is configured);
    with `Prefer: respond-async` it comes at once.

    .. :quickref: Forecast; Download forecasts for one sensor
    """
    job = results.job_about(sensor, uuid)
    if job is not None and not prefers_async():
        sensor_id = sensor.id
        wait_for(
            job,
            beside_others=bool(request.environ.get("wsgi.multithread")),
            instead_of_others=bool(request.environ.get("wsgi.multiprocess")),
        )
        if db.session.get(Sensor, sensor_id) is None:  # somebody just deleted it
            raise NotFound(f"Sensor {sensor_id} not found")
        job = results.job_about(sensor, uuid)
    if job is None:
        message = f"There is no forecasting job with id {uuid} about this sensor."
        return unprocessable_entity(message)
    state, text = state_of(job)
    if state in _ENDED:
        return unprocessable_entity(text)
    if state != FINISHED:
        return {"status": state.upper(), "message": text}, 202
    if children := results.parts_of(job):
        return request_processed()[0] | {"forecasts": children}, 200
    return _forecasts(job)


def _forecasts(job: Any) -> ResponseReturnValue:
    stored_on = results.stored_on(job)
    found = None
    if stored_on is not None:
        check_access(stored_on, "read")
        found = results.forecasts_of(stored_on, job)
    if found is None:
        return unknown_forecast("What the forecasting job made was not found in the database.")
    body, code = request_processed()
    return jsonify(
        {
            "values": found.values,
            "start": found.start.isoformat(),
            "duration": duration_isoformat(found.duration),
            "unit": found.unit,
            "resolution": duration_isoformat(found.resolution),
            **body,
        }
    ), code
