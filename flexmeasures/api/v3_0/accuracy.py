"""How accurate forecasts of sensors were."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError
from sqlalchemy.orm import joinedload

from flexmeasures.api.common.describe import answers
from flexmeasures.api.common.parsing import from_path, use_kwargs
from flexmeasures.api.common.responses import unprocessable_entity
from flexmeasures.auth.decorators import auth_required, permission_required_for_context
from flexmeasures.data.beliefs.sources import load_sources
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.schemas.accuracy import AccuracyQuery, AccuracySchema
from flexmeasures.data.services.accuracy import measure

accuracy = Blueprint("accuracy", __name__, url_prefix="/sensors")

_answer = AccuracySchema()


@accuracy.get("/<id:id>/accuracy")
@answers(200, _answer, "The errors, by source and horizon")
@auth_required()
@use_kwargs(AccuracyQuery, location="query")
@from_path("sensor", Sensor, joinedload(Sensor.generic_asset))
@permission_required_for_context("read", arg_name="sensor")
def get(sensor: Sensor, source_ids: list[int] | None, **query: Any) -> ResponseReturnValue:
    """How accurate forecasts of a sensor were.

    The forecast of a source is what it believed last about an event, at least the horizon before
    the event could be known; what it believed later does not count. It is compared with the latest
    measurement: what any source but forecasters and schedulers believed once the event could be
    known.

    Simple forecasts are measured, too, so that one sees what others add to them. By default, the
    period is the last 30 days of measurements.

    .. :quickref: Data; Measure how accurate forecasts were
    """
    sources = None if source_ids is None else [*load_sources(source_ids).values()]
    try:
        found = measure(sensor, sources=sources, limited=True, **query)
    except ValidationError as error:
        return unprocessable_entity({"query": error.normalized_messages()})
    return jsonify(_answer.dump(found))
