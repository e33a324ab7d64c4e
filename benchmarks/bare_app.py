"""What our endpoints are compared with: views of the same app that do next to nothing.

Each lets pass who is logged in, and runs the one statement that its job takes. Nothing else is
checked, and nobody is asked for permission.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import orjson
from flask import Response, request
from flask_security import auth_required
from sqlalchemy import text

from flexmeasures.data.beliefs import wire
from flexmeasures.data.beliefs.rows import Rows, microseconds
from flexmeasures.data.config import db
from wsgi import application

__all__ = ["application"]

_QUARTER = 900_000_000  # microseconds
_SENSOR = text("SELECT id, unit FROM sensor WHERE id = :sensor")
_YEAR = text(
    "SELECT event_value FROM timed_belief WHERE sensor_id = :sensor"
    " AND event_start >= :start AND event_start < :end ORDER BY event_start"
)


@application.post("/select")
@auth_required()
def select() -> Response:
    """One SELECT, here of a sensor."""
    sensor = db.session.execute(_SENSOR, {"sensor": request.get_json()["sensor"]}).one()
    return _json({"unit": sensor.unit})


@application.post("/copy")
@auth_required()
def copy() -> Response:
    """The values of a body as new rows."""
    body = orjson.loads(request.get_data())
    values = np.array(body["values"], np.float64)
    start = microseconds(datetime.fromisoformat(body["start"]))
    ones = np.ones(len(values), np.int64)
    rows = Rows(
        ones * body["sensor"],
        start + _QUARTER * np.arange(len(values)),
        ones * body["source"],
        0 * ones,
        np.full(len(values), 0.5),
        values,
    )
    wire.write(db.session.connection(), rows)
    db.session.commit()
    return _json({"status": "PROCESSED"})


@application.get("/year")
@auth_required()
def year() -> Response:
    """The values of a sensor in a window."""
    return _json({"values": db.session.scalars(_YEAR, dict(request.args)).all()})


def _json(body: Any) -> Response:
    return Response(orjson.dumps(body), mimetype="application/json")
