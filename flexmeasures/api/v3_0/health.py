"""Is the server ready for requests?"""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DBAPIError

from flexmeasures.api.common.describe import answers
from flexmeasures.api.common.responses import with_status
from flexmeasures.data.config import db
from flexmeasures.data.services.health import database_answers

health = Blueprint("health", __name__, url_prefix="/health")

_READINESS = {
    "type": "object",
    "properties": {"database_sql": {"type": "boolean"}},
    "required": ["database_sql"],
}


@health.get("/ready")
@answers(200, _READINESS, "Ready.", repeats_status=True)
@answers(503, _READINESS, "Not ready: what does not answer is false.", repeats_status=True)
def is_ready() -> ResponseReturnValue:
    """Whether the server can serve: does the database answer?

    .. :quickref: Health; Get readiness status
    """
    return _readiness(database_answers(db.engine))


@health.errorhandler(DBAPIError)
def not_ready(error: DBAPIError) -> ResponseReturnValue:
    """A caller who sends a token along is looked up before the view gets to run."""
    return _readiness(False)


def _readiness(database: bool) -> ResponseReturnValue:
    return with_status({"database_sql": database}, 200 if database else 503)
