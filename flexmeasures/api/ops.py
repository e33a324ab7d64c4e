"""For those who operate a server: is it there, and do its tasks run?"""

from __future__ import annotations

import hmac
from datetime import datetime, timezone
from typing import Any

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue
from marshmallow import INCLUDE, Schema, ValidationError, fields
from marshmallow.validate import Length

from flexmeasures.api.common.describe import answers, takes
from flexmeasures.api.common.responses import with_status
from flexmeasures.auth.csrf import exempt_from_csrf
from flexmeasures.auth.decorators import auth_required, roles_required
from flexmeasures.data.config import db
from flexmeasures.data.models.task_runs import LatestTaskRun
from flexmeasures.data.schemas.times import AwareDateTimeField
from flexmeasures.data.services.utils import InvalidText, check_text
from flexmeasures.utils.time_utils import as_utc, server_now

ops = Blueprint("flexmeasures_api_ops", __name__, url_prefix="/api/ops")

TASK_RUNNER_ROLE = "task-runner"

_NEVER = "1970-01-01T00:00:00"
_MINUTES_BETWEEN_RUNS = 10
_NO_NAME = "No task name given."
_moment = AwareDateTimeField(default_timezone=timezone.utc)

_TEXT = {"type": "string"}
_STATE = {"type": "string", "enum": ["OK", "ERROR"]}
_RUN = {
    "title": "TaskRun",
    "type": "object",
    "properties": {
        "status": _STATE,
        "reason": _TEXT,
        "lastrun": {"type": "string", "description": "When it ran; 1970 if that is not told."},
        "frequency": {"type": "integer", "description": "Minutes between two runs."},
        "process": _TEXT,
        "server": {"type": "string", "description": "The server's mode."},
    },
    "required": ["status", "reason", "lastrun", "frequency", "process", "server"],
}
_REFUSAL = {
    "type": "object",
    "properties": {"status": _STATE, "reason": _TEXT},
    "required": ["status", "reason"],
}


class TaskQuery(Schema):
    name = fields.String(
        required=True,
        validate=Length(1, 80),
        metadata={"description": "Name of the task.", "example": "import"},
    )


class TaskRunForm(TaskQuery):
    class Meta:
        unknown = INCLUDE

    status = fields.String(
        metadata={"description": "True, or else the task failed. Default: True.", "example": "True"}
    )
    datetime = fields.String(
        metadata={
            "description": "When it ran; without offset it is UTC. Default: now.",
            "example": "2026-11-24T07:30:00+00:00",
        }
    )


@ops.get("/ping")
@answers(
    200,
    {"type": "object", "properties": {"message": _TEXT}, "required": ["message"]},
    "The server is there.",
    repeats_status=True,
)
def get_ping() -> ResponseReturnValue:
    """Whether the server is there.

    .. :quickref: Operations; Ping the server
    """
    return with_status({"message": "ok"})


@ops.get("/getLatestTaskRun")
@answers(200, _RUN, "The task ran; the status tells whether it succeeded.")
@answers(400, _RUN, "No task is named.")
@answers(401, _RUN, "The shared secret is missing.")
@answers(403, _RUN, "The shared secret is wrong.")
@answers(404, _RUN, "The task never ran.")
@takes("query", TaskQuery)
def get_task_run() -> ResponseReturnValue:
    """When a task ran last, for monitors that know the shared secret of this server.

    The secret is the setting FLEXMEASURES_TASK_CHECK_AUTH_TOKEN. It comes in the header that
    otherwise has the token of a user.

    .. :quickref: Operations; Get the latest run of a task
    """
    name = request.args.get("name", "")
    secret = request.headers.get(current_app.config["SECURITY_TOKEN_AUTHENTICATION_HEADER"])
    if secret is None:
        return _report(name, 401, "Not authenticated to check task status.")
    if not _is_shared_secret(secret):
        return _report(name, 403, "Not authorized to check task status.")
    if not name:
        return _report(name, 400, _NO_NAME)
    run = db.session.get(LatestTaskRun, name) if "\0" not in name else None
    if run is None or run.datetime is None:
        return _report(name, 404, f"Task {name} has no last run time.")
    return _report(name, 200, "", run)


@ops.post("/postLatestTaskRun")
@exempt_from_csrf
@answers(
    200,
    {"type": "object", "properties": {"status": _STATE}, "required": ["status"]},
    "The run is noted.",
)
@answers(400, _REFUSAL, "No task is named.")
@answers(422, _REFUSAL, "Something else is wrong with the form. The reason names the field.")
@answers(403)
@takes("form", TaskRunForm)
@auth_required("token")
@roles_required(TASK_RUNNER_ROLE)
def post_task_run() -> ResponseReturnValue:
    """Note that a task ran, in place of its earlier run.

    .. :quickref: Operations; Note the run of a task
    """
    name = request.form.get("name", "")
    if not name:
        return _refuse(_NO_NAME, 400)
    try:
        check_text(LatestTaskRun.name, name)
        at = _moment_of(request.form.get("datetime"))
    except InvalidText as error:
        return _refuse(f"name: {error}", 422)
    except ValidationError as error:
        return _refuse(f"datetime: {' '.join(map(str, error.messages))}", 422)
    LatestTaskRun.record_run(name, request.form.get("status", "True") == "True", at)
    db.session.commit()
    return {"status": "OK"}


def _is_shared_secret(text: str) -> bool:
    """Compare in constant time. Nothing equals a secret that is not set."""
    secret: str | None = current_app.config["FLEXMEASURES_TASK_CHECK_AUTH_TOKEN"]
    return bool(secret) and hmac.compare_digest(text.encode(), str(secret).encode())


def _report(
    name: str, code: int, reason: str, run: LatestTaskRun | None = None
) -> ResponseReturnValue:
    config = current_app.config
    body: dict[str, Any] = {
        "status": "OK" if run and run.status else "ERROR",
        "reason": reason,
        "lastrun": run.datetime.isoformat() if run and run.datetime else _NEVER,
        "frequency": config.get(f"MONITOR_FREQUENCY_{name.upper()}", _MINUTES_BETWEEN_RUNS),
        "process": "FlexMeasures",
        "server": config["FLEXMEASURES_MODE"],
    }
    return body, code


def _moment_of(text: str | None) -> datetime:
    """In UTC; now if there is no text. Raises ValidationError."""
    if not text:
        return server_now()
    moment: datetime = _moment.deserialize(text)
    return as_utc(moment)


def _refuse(reason: str, code: int) -> ResponseReturnValue:
    return {"status": "ERROR", "reason": reason}, code
