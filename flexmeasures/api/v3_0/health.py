"""Does the server live, and is it ready for requests?"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DBAPIError

from flexmeasures.api.common.describe import answers
from flexmeasures.api.common.responses import with_status
from flexmeasures.api.common.watchers import may_watch
from flexmeasures.data.config import db
from flexmeasures.data.services.health import database_answers, readiness

health = Blueprint("health", __name__, url_prefix="/health")

_READINESS = {
    "type": "object",
    "properties": {"database_sql": {"type": "boolean"}},
    "required": ["database_sql"],
}
_LIFE = {
    "type": "object",
    "properties": {"live": {"type": "boolean"}},
    "required": ["live"],
}
_DETAILS = {
    "type": "object",
    "properties": {
        "database_sql": {"type": "boolean", "description": "The database answers."},
        "redis": {"type": "boolean", "description": "The server of queues answers."},
        "migrations": {
            "type": "boolean",
            "description": "The tables are those that this version works with.",
        },
        "workers": {"type": "boolean", "description": "Each queue has a worker."},
        "workers_by_queue": {
            "type": "object",
            "additionalProperties": {"type": "integer"},
            "description": "Only for those who may read metrics, and if Redis answers.",
        },
    },
    "required": ["database_sql"],
}


@health.get("/live")
@answers(200, _LIFE, "It lives.", repeats_status=True)
def is_live() -> ResponseReturnValue:
    """Whether the server takes requests. Neither database nor Redis matters.

    .. :quickref: Health; Get liveness status
    """
    return with_status({"live": True})


@health.get("/ready")
@answers(200, _READINESS, "Ready.", repeats_status=True)
@answers(503, _READINESS, "Not ready: what does not answer is false.", repeats_status=True)
def is_ready() -> ResponseReturnValue:
    """Whether the server can serve: does the database answer?

    .. :quickref: Health; Get readiness status
    """
    return _readiness(database_answers(db.engine))


@health.get("/details")
@answers(200, _DETAILS, "Ready.", repeats_status=True)
@answers(503, _DETAILS, "Not ready: database, Redis or migrations are false.", repeats_status=True)
def get_details() -> ResponseReturnValue:
    """Whether all is there that the server works with.

    It is ready without workers, too: jobs wait for them.

    .. :quickref: Health; Get readiness status in detail
    """
    known = readiness(db.engine, current_app.extensions["migrate"].directory)
    details: dict[str, Any] = {
        "database_sql": known.database,
        "redis": known.redis,
        "migrations": known.migrations,
        "workers": known.workers is not None and all(known.workers.values()),
    }
    # Who is asking only the database knows; unless it answers, nobody is looked up.
    if known.workers is not None and known.database and may_watch():
        details["workers_by_queue"] = known.workers
    return with_status(details, 200 if known.is_ready else 503)


@health.errorhandler(DBAPIError)
def not_ready(error: DBAPIError) -> ResponseReturnValue:
    """A caller who sends a token along is looked up before the view gets to run."""
    return _readiness(False)


def _readiness(database: bool) -> ResponseReturnValue:
    return with_status({"database_sql": database}, 200 if database else 503)
