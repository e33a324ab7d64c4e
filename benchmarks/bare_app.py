"""What our endpoints are compared with: next to nothing in Flask, on the same database.

Each endpoint knows who asks (a signed token, and a SELECT of the user) and runs the one statement
that its job takes. Nothing else is checked.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

import numpy as np
import orjson
from flask import Flask, Response, abort, request
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import Connection, create_engine, text

from flexmeasures.data.beliefs import wire
from flexmeasures.data.beliefs.rows import Rows, microseconds

application = Flask(__name__)
_engine = create_engine(os.environ.get("SQLALCHEMY_DATABASE_URI", "postgresql://"))
_signer = URLSafeTimedSerializer("key")
_USER = text("SELECT id FROM fm_user WHERE id = :id AND active")
_QUARTER = 900_000_000  # microseconds


def token_of(user_id: int) -> str:
    return str(_signer.dumps(user_id))


@application.get("/api/ops/ping")
def ping() -> str:
    return "ok"


@application.post("/select")
def select() -> Response:
    """One SELECT, here of a sensor."""
    with _engine.begin() as connection:
        _authenticate(connection)
        sensor = connection.execute(
            text("SELECT id, unit FROM sensor WHERE id = :id"), {"id": request.get_json()["sensor"]}
        ).one()
    return _json({"unit": sensor.unit})


@application.post("/copy")
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
    with _engine.begin() as connection:
        _authenticate(connection)
        wire.write(connection, rows)
    return _json({"status": "PROCESSED"})


@application.get("/year")
def year() -> Response:
    """The values of a sensor in a window."""
    query = text(
        "SELECT event_value FROM timed_belief WHERE sensor_id = :sensor"
        " AND event_start >= :start AND event_start < :end ORDER BY event_start"
    )
    with _engine.begin() as connection:
        _authenticate(connection)
        found = connection.execute(query, dict(request.args)).scalars().all()
    return _json({"values": found})


def _authenticate(connection: Connection) -> None:
    try:
        user_id = _signer.loads(request.headers["Authorization"], max_age=3600)
    except BadData:
        abort(401)
    if connection.execute(_USER, {"id": user_id}).one_or_none() is None:
        abort(401)


def _json(body: Any) -> Response:
    return Response(orjson.dumps(body), mimetype="application/json")
