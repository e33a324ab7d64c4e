"""Data of sensors: posted and read by the sensor's id, or by its entity address as of old."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial, wraps
from typing import Any, BinaryIO, TypeVar, cast

from flask import Blueprint, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from flask_security import current_user
from marshmallow import Schema, ValidationError, fields
from marshmallow.validate import Equal, OneOf
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import BadRequest, NotFound, RequestEntityTooLarge

from flexmeasures.api.common.describe import answers
from flexmeasures.api.common.parsing import from_path, use_kwargs
from flexmeasures.api.common.responses import (
    already_received_and_successfully_processed,
    invalid_replacement,
    request_processed,
    unprocessable_entity,
)
from flexmeasures.auth.decorators import auth_required, permission_required_for_context
from flexmeasures.data.beliefs.rows import EPOCH
from flexmeasures.data.beliefs.save import ReplacementError, Saved
from flexmeasures.data.config import db
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.schemas.sensor_data import (
    DeleteSensorDataSchema,
    GetSensorDataByAddressSchema,
    GetSensorDataSchema,
    PostSensorDataByAddressSchema,
    PostSensorDataSchema,
    SensorDataSchema,
    UploadSensorDataSchema,
)
from flexmeasures.data.services.deletion import delete_data
from flexmeasures.data.services.file_import import OpenFile
from flexmeasures.data.services.new_measurements import ask_for_forecasts, viewpoints_of
from flexmeasures.data.services.sensor_data import read, record
from flexmeasures.data.services.sensor_data_files import record_files
from flexmeasures.utils.time_utils import duration_isoformat, zone

View = TypeVar("View", bound=Callable[..., Any])

sensor_data = Blueprint("sensor_data", __name__, url_prefix="/sensors")
_ASSET = joinedload(Sensor.generic_asset)
_SHOWN_EVENTS = 10


class PostedSchema(Schema):
    status = fields.String(
        required=True,
        validate=OneOf(["PROCESSED", "ALREADY_RECEIVED_AND_SUCCESSFULLY_PROCESSED"]),
    )
    message = fields.String(required=True)
    results = fields.String(
        validate=Equal("PROCESSED"), metadata={"description": "If some data were known."}
    )


class UploadedSchema(PostedSchema):
    number = fields.Integer(
        required=True,
        data_key="num-values",
        metadata={"description": "Values of events that were stored.", "example": 96},
    )
    start = fields.AwareDateTime(
        metadata={"description": "Of the first of them.", "example": "2026-03-01T00:00:00+01:00"}
    )
    end = fields.AwareDateTime(
        metadata={"description": "Of the last of them.", "example": "2026-03-02T00:00:00+01:00"}
    )


class RefusedReplacementSchema(Schema):
    status = fields.String(required=True, validate=Equal("INVALID_REPLACEMENT"))
    message = fields.String(required=True, metadata={"description": "Says which events clash."})
    results = fields.String(required=True, validate=Equal("Rejected"))


_posted = answers(200, PostedSchema(), "Stored, or known already")
_refused = answers(
    403,
    RefusedReplacementSchema(),
    "The data contradict what the same user recorded about the same events at the same time."
    " Nothing is stored.",
)
_data = answers(200, SensorDataSchema(), "The data")


def limits_body(setting: str) -> Callable[[View], View]:
    """Refuse bodies of more bytes than the setting says (413), also such as were compressed."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            limit = current_app.config[setting]
            if limit is not None:
                request.max_content_length = limit
                if (request.content_length or 0) > limit:
                    raise RequestEntityTooLarge(f"The body exceeds the limit of {limit} bytes.")
            return view(*args, **kwargs)

        return cast(View, checked)

    return decorate


_limited = limits_body("FLEXMEASURES_MAX_SENSOR_DATA_INGESTION_BYTES")


@sensor_data.post("/data")
@_posted
@_refused
@auth_required()
@_limited
@use_kwargs(PostSensorDataByAddressSchema, location="json")
@permission_required_for_context("create-children", arg_name="sensor")
def post_by_address(sensor: Sensor, **message: Any) -> ResponseReturnValue:
    """Post data to the sensor with an entity address.

    As for posting by id, which is the newer way.

    .. :quickref: Data; Upload sensor data
    """
    return _post(sensor, message)


@sensor_data.post("/<id:id>/data")
@_posted
@_refused
@auth_required()
@_limited
@use_kwargs(PostSensorDataSchema, location="json")
@from_path("sensor", Sensor, _ASSET)
@permission_required_for_context("create-children", arg_name="sensor")
def post(sensor: Sensor, **message: Any) -> ResponseReturnValue:
    """Post data to a sensor.

    The values are about consecutive events, which share the duration equally. They are converted to
    the sensor's unit. Events longer than the sensor's become several with the same value, shorter
    ones are averaged. A start between two events of the sensor is moved back to the earlier one.

    Data that say nothing new are not stored again. Data that contradict what the same user recorded
    about the same event at the same time are refused, unless the server allows to overwrite data.

    .. :quickref: Data; Upload sensor data by sensor ID
    """
    return _post(sensor, message)


@sensor_data.post("/<id:id>/data/upload")
@answers(200, UploadedSchema(), "Stored, or known already")
@_refused
@auth_required()
@_limited
@from_path("sensor", Sensor, _ASSET)
@permission_required_for_context("create-children", arg_name="sensor")
@use_kwargs(UploadSensorDataSchema, location="multipart")
def upload(sensor: Sensor, files: list[FileStorage], **message: Any) -> ResponseReturnValue:
    """Upload files with data of a sensor.

    The most common step between rows is how long their events are (of a single row, that of the
    sensor). Rows without a value are left out. Values are converted to the sensor's unit. Amounts
    of energy or money of shorter events are added up, and those of longer ones shared equally; of
    all else, the mean of shorter events is taken, and longer ones are repeated.

    All files are stored, or none. For the rest, it is as if their data were posted.

    .. :quickref: Data; Upload sensor data by file
    """
    user = current_user._get_current_object()
    opened = [OpenFile(file.filename or "", cast(BinaryIO, file.stream)) for file in files]
    store = partial(record_files, sensor, user, opened, **message)
    return _save(sensor, "multipart", store, tell=partial(_stored, sensor))


def _stored(sensor: Sensor, saved: Saved) -> dict[str, Any]:
    """What was stored, and when that is."""
    told: dict[str, Any] = {"num-values": saved.new}
    if saved.new:
        starts = saved.rows.event_start
        for key, moment in (
            ("start", EPOCH + timedelta(microseconds=int(starts.min()))),
            ("end", EPOCH + timedelta(microseconds=int(starts.max())) + sensor.event_resolution),
        ):
            told[key] = moment.astimezone(zone(sensor.timezone)).isoformat()
    return told


@sensor_data.get("/data")
@_data
@auth_required()
@use_kwargs(GetSensorDataByAddressSchema, location="query")
@permission_required_for_context("read", arg_name="sensor")
def get_by_address(sensor: Sensor, **query: Any) -> ResponseReturnValue:
    """Get data of the sensor with an entity address.

    As for getting by id, which is the newer way.

    .. :quickref: Data; Download sensor data
    """
    return _get(sensor, query)


@sensor_data.get("/<id:id>/data")
@_data
@auth_required()
@use_kwargs(GetSensorDataSchema, location="query")
@from_path("sensor", Sensor, _ASSET)
@permission_required_for_context("read", arg_name="sensor")
def get(sensor: Sensor, **query: Any) -> ResponseReturnValue:
    """Get data of a sensor.

    One value for each step of the window, null where nothing is known. Steps longer than the
    sensor's events hold their mean, shorter ones repeat them; both are counted from midnight in the
    sensor's timezone, also on days on which the clock changes. Of an instantaneous sensor, each
    step holds the reading at its start.

    Of what the filters leave, the most recent data of each source count, and of several sources
    those that were recorded first.

    .. :quickref: Data; Download sensor data by sensor ID
    """
    return _get(sensor, query)


@sensor_data.delete("/<id:id>/data")
@answers(204, None, "The data are gone")
@auth_required()
@use_kwargs(DeleteSensorDataSchema, location="json")
@from_path("sensor", Sensor, _ASSET)
@permission_required_for_context("delete", arg_name="sensor")
def delete(sensor: Sensor, **criteria: Any) -> ResponseReturnValue:
    """Delete data of a sensor: all of it, or what meets all criteria in the body.

    .. :quickref: Data; Delete sensor data
    """
    _refuse_criteria_elsewhere()
    try:
        delete_data(sensor, **criteria)
    except ValidationError as error:
        return unprocessable_entity({"json": error.normalized_messages()})
    db.session.commit()
    return "", 204


def _refuse_criteria_elsewhere() -> None:
    """They would be overlooked, and everything would be deleted."""
    if request.get_data(cache=True) and not request.is_json:
        raise BadRequest("Criteria are sent as JSON. The content type of the body is another one.")
    if request.args.keys() - {current_app.config["SECURITY_TOKEN_AUTHENTICATION_KEY"]}:
        raise BadRequest("Criteria are sent in the body. The query has some.")


def _post(sensor: Sensor, message: dict[str, Any]) -> ResponseReturnValue:
    user = current_user._get_current_object()
    return _save(sensor, "json", partial(record, sensor, user, **message))


def _save(
    sensor: Sensor,
    location: str,
    store: Callable[[], Saved],
    tell: Callable[[Saved], dict[str, Any]] = lambda _: {},
) -> ResponseReturnValue:
    """location : of what is wrong, if `store` finds something
    tell : what else to answer
    """
    timezone, id_ = zone(sensor.timezone), sensor.id
    try:
        saved = store()
        viewpoints = viewpoints_of(sensor, saved.rows)
        told = tell(saved)
        db.session.commit()
    except ValidationError as error:
        return unprocessable_entity({location: error.normalized_messages()})
    except ReplacementError as error:
        db.session.rollback()
        clashing = [event.astimezone(timezone).isoformat() for event in error.events]
        shown = ", ".join(clashing[:_SHOWN_EVENTS])
        more = f" and {len(clashing) - _SHOWN_EVENTS} more" if clashing[_SHOWN_EVENTS:] else ""
        return invalid_replacement(f"Events with other values already: {shown}{more}.")
    except IntegrityError as error:
        db.session.rollback()
        if db.session.get(Sensor, id_) is not None:
            raise
        raise NotFound(f"Sensor {id_} not found") from error  # somebody just deleted it
    if viewpoints is not None:
        ask_for_forecasts(viewpoints)
    known = saved.unchanged or not saved.new
    body, code = already_received_and_successfully_processed() if known else request_processed()
    return {**body, **told}, code


def _get(sensor: Sensor, query: dict[str, Any]) -> ResponseReturnValue:
    try:
        window = read(sensor, **query)
    except ValidationError as error:
        return unprocessable_entity({"query": error.normalized_messages()})
    body, code = request_processed()
    data = {
        "values": window.values,  # an array, which our JSON writer takes as it is
        "start": query["start"].isoformat(timespec="seconds"),
        "duration": duration_isoformat(window.duration),
        "unit": query["unit"],
        "resolution": duration_isoformat(window.resolution),
    }
    return jsonify({**data, **body}), code
