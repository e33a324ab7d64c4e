"""Alerts about sensors."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from sqlalchemy import select
from sqlalchemy.orm import contains_eager, joinedload

from flexmeasures.api.common.describe import answers
from flexmeasures.api.common.listing import ListingQuery, listing, paged
from flexmeasures.api.common.parsing import from_path, use_kwargs
from flexmeasures.auth.decorators import auth_required, permission_required_for_context
from flexmeasures.data.models.alerts import SensorAlert
from flexmeasures.data.models.annotations import Annotation
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.schemas.utils import BooleanField

alerts = Blueprint("alerts", __name__, url_prefix="/sensors")


class AlertsQuery(ListingQuery):
    is_open = BooleanField(
        data_key="open",
        load_default=None,
        metadata={"description": "Only those that are open; or, if false, that are over."},
    )

    class Meta:
        exclude = ("filter", "sort_dir")


class AlertSchema(Schema):
    id = fields.Integer(dump_only=True, metadata={"example": 12})
    rule = fields.String(
        dump_only=True, metadata={"description": "The name of the rule.", "example": "above 30"}
    )
    content = fields.String(
        attribute="annotation.content",
        dump_only=True,
        metadata={"description": "What was found.", "example": "above 30: 31.5 °C is above 30 °C"},
    )
    start = fields.AwareDateTime(
        attribute="annotation.start",
        dump_only=True,
        metadata={"example": "2026-11-24T09:00:00+00:00"},
    )
    end = fields.AwareDateTime(
        attribute="annotation.end",
        dump_only=True,
        metadata={
            "description": "Up to where data are known to break the rule.",
            "example": "2026-11-24T09:45:00+00:00",
        },
    )
    open = fields.Boolean(
        attribute="is_open",
        dump_only=True,
        metadata={"description": "Is it not over yet?", "example": False},
    )


@alerts.get("/<id:id>/alerts")
@answers(200, paged(AlertSchema()), "The alerts")
@auth_required()
@use_kwargs(AlertsQuery, location="query")
@from_path("sensor", Sensor, joinedload(Sensor.generic_asset))
@permission_required_for_context("read", arg_name="sensor")
def get(
    sensor: Sensor, is_open: bool | None, page: int | None, per_page: int
) -> ResponseReturnValue:
    """Alerts about a sensor, open and past, the latest first.

    What to be alerted to are rules in the sensor's attribute `alert-rules`; the host says how often
    they are checked. Each alert is an annotation of the sensor, too.

    .. :quickref: Sensor; Get alerts about a sensor
    """
    statement = (
        select(SensorAlert)
        .join(SensorAlert.annotation)
        .where(SensorAlert.sensor_id == sensor.id)
        .options(contains_eager(SensorAlert.annotation))
        .order_by(Annotation.start.desc(), SensorAlert.id.desc())
    )
    if is_open is not None:
        statement = statement.where(SensorAlert.is_open == is_open)
    return listing(statement, AlertSchema(many=True).dump, page=page, per_page=per_page)
