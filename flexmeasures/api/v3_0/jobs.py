"""Jobs: how far they are."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields, validate
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlalchemy.orm import joinedload

from flexmeasures.api.common.describe import answers
from flexmeasures.api.openapi.refusals import FORBIDDEN
from flexmeasures.auth.decorators import auth_required
from flexmeasures.auth.policy import check_access
from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services.job_states import FAILED, FINISHED, known_job, state_of
from flexmeasures.data.services.jobs import UnknownQueue, number_of_workers, reason_of_failure
from flexmeasures.utils.time_utils import as_utc

jobs = Blueprint("jobs", __name__, url_prefix="/jobs")
logger = logging.getLogger(__name__)

_RETRY_AFTER = {"Retry-After": "10"}
_MOMENT = {"description": "Null if that has not happened.", "format": "date-time"}
_CODES = {FINISHED: 200, FAILED: 422}
_WAITING = ("queued", "deferred")


class JobSchema(Schema):
    """Keys with hyphens come with underscores, too."""

    status = fields.String(
        required=True, metadata={"description": "The state of the job.", "example": "FINISHED"}
    )
    message = fields.String(required=True, metadata={"example": "Scheduling job has finished."})
    origin = fields.String(
        required=True, metadata={"description": "Its queue.", "example": "scheduling"}
    )
    result = fields.Dict(
        required=True,
        allow_none=True,
        metadata={
            "description": "Once it is finished: how many values were stored (`num-beliefs`). For"
            " schedules, wishes that could not be met (`unresolved`), and those that were"
            " (`resolved`), from when till when it is (`start`, `end`), the `sensors` that have it,"
            " and what the scheduler reports (`scheduler-info`): costs, prices, assumptions. For"
            " forecasts, how many each of the `models` made, and `notes` on what"
            " was assumed, left out or chosen."
        },
    )
    workers = fields.Integer(
        required=True,
        allow_none=True,
        metadata={
            "description": "While it waits: how many workers serve its queue. Without any, it waits"
            " until there is one.",
            "example": 1,
        },
    )
    func_name = fields.String(data_key="func-name", required=True)
    enqueued_at = fields.String(
        data_key="enqueued-at", required=True, allow_none=True, metadata=_MOMENT
    )
    started_at = fields.String(
        data_key="started-at", required=True, allow_none=True, metadata=_MOMENT
    )
    ended_at = fields.String(data_key="ended-at", required=True, allow_none=True, metadata=_MOMENT)
    exc_info = fields.String(
        data_key="exc-info",
        required=True,
        allow_none=True,
        metadata={"description": "If it failed: why."},
    )


class NoJobSchema(Schema):
    status = fields.String(required=True, validate=validate.Equal("ERROR"))
    message = fields.String(required=True)


@jobs.get("/<uuid>")
@answers(200, JobSchema(), "The job is finished")
@answers(202, JobSchema(), "It is not yet")
@answers(403, FORBIDDEN, "Its sensor or asset is not the caller's to read")
@answers(404, NoJobSchema(), "There is no such job, or its time is over")
@answers(422, JobSchema(), "It failed")
@answers(503, NoJobSchema(), "The job queue does not answer")
@auth_required()
def get(uuid: str) -> ResponseReturnValue:
    """How far a job is, and how it ended.

    .. :quickref: Job; Get the state of a job
    """
    try:
        job = known_job(uuid)
        about = None if job is None else _about(job)
        if job is None or about is None:
            return {"status": "ERROR", "message": f"Job {uuid} not found"}, 404
        check_access(about, "read")
        body, code = _dump(job)
    except (RedisConnectionError, RedisTimeoutError):
        logger.exception("The state of job %s is not known.", uuid)
        text = "The job queue does not answer. Please try again later."
        return {"status": "ERROR", "message": text}, 503, _RETRY_AFTER
    return jsonify(body), code


def _about(job: Any) -> Sensor | GenericAsset | None:
    """What the job is about, if it is still there."""
    named = job.meta.get("asset_or_sensor", {})
    if named.get("class") == "Sensor":
        return db.session.get(Sensor, named["id"], options=[joinedload(Sensor.generic_asset)])
    if named.get("class") == "GenericAsset":
        return db.session.get(GenericAsset, named["id"])
    return None


def _dump(job: Any) -> tuple[dict[str, Any], int]:
    state, text = state_of(job)
    failed = ": ".join(reason_of_failure(job)) if state == FAILED else None
    hyphenated = {
        "func-name": job.func_name,
        "enqueued-at": _text(job.enqueued_at),
        "started-at": _text(job.started_at),
        "ended-at": _text(job.ended_at),
        "exc-info": failed,
    }
    body = {
        "status": state.upper(),
        "message": text,
        "origin": job.origin,
        "result": _result(job) if state == FINISHED else None,
        "workers": _workers(job.origin) if state in _WAITING else None,
        **hyphenated,
        **{key.replace("-", "_"): value for key, value in hyphenated.items()},
    }
    return body, _CODES.get(state, 202)


def _result(job: Any) -> dict[str, Any] | None:
    result: dict[str, Any] | None = job.meta.get("result")
    info = job.meta.get("scheduler_info")
    return result if result is None or info is None else result | {"scheduler-info": info}


def _workers(queue_name: str) -> int | None:
    try:
        return number_of_workers(queue_name)
    except UnknownQueue:
        return None


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else as_utc(moment).isoformat()
