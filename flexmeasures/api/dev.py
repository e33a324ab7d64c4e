"""Endpoints that may change with every release: what pages need to show charts."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from sqlalchemy.orm import joinedload
from werkzeug.exceptions import Forbidden

from flexmeasures.api.common.charts import ANNOTATION_ROWS, CHART, SENSOR_ROWS
from flexmeasures.api.common.describe import answers
from flexmeasures.api.common.parsing import from_path, use_kwargs
from flexmeasures.api.common.responses import unprocessable_entity
from flexmeasures.auth.decorators import auth_required, permission_required_for_context
from flexmeasures.auth.policy import check_access
from flexmeasures.auth.sessions import remember_time_range
from flexmeasures.charts.filled import sensor_data
from flexmeasures.charts.records import UnfitResolution, annotation_records
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.models.user import Account
from flexmeasures.data.queries.annotations import find_annotations
from flexmeasures.data.schemas.charts import (
    AnnotationsQuery,
    SensorChartDataQuery,
    SensorChartQuery,
)

dev = Blueprint("flexmeasures_api_dev", __name__, url_prefix="/api/dev")

_ASSET = joinedload(Sensor.generic_asset)


class TimeRangeSchema(Schema):
    start = fields.AwareDateTime(required=True)
    end = fields.AwareDateTime(required=True)


class SensorForChartsSchema(Schema):
    name = fields.String(required=True, metadata={"example": "discharging"})
    timezone = fields.String(required=True, metadata={"example": "Europe/Amsterdam"})
    timerange = fields.Nested(
        TimeRangeSchema,
        required=True,
        metadata={"description": "Of its data; without any, both ends are now."},
    )


class AssetForChartsSchema(Schema):
    name = fields.String(required=True, metadata={"example": "battery"})
    timezone = fields.String(required=True, metadata={"example": "Europe/Amsterdam"})
    timerange_of_sensors_to_show = fields.Nested(
        TimeRangeSchema,
        required=True,
        metadata={"description": "Of their data; without any, both ends are now."},
    )


@dev.get("/sensor/<id:id>/")
@answers(200, SensorForChartsSchema(), "The sensor")
@auth_required()
@from_path("sensor", Sensor, _ASSET)
@permission_required_for_context("read", arg_name="sensor")
def get_sensor(sensor: Sensor) -> ResponseReturnValue:
    """What pages need to know of a sensor to show its charts.

    .. :quickref: Chart; Download sensor attributes for use in charts
    """
    return jsonify(
        SensorForChartsSchema().dump(
            {
                "name": sensor.name,
                "timezone": sensor.timezone,
                "timerange": _in_utc(sensor.timerange),
            }
        )
    )


@dev.get("/sensor/<id:id>/chart/")
@answers(200, CHART, "The chart")
@auth_required()
@use_kwargs(SensorChartQuery(), location="query")
@from_path("sensor", Sensor, _ASSET.joinedload(GenericAsset.owner))
@permission_required_for_context("read", arg_name="sensor")
def get_chart(
    sensor: Sensor,
    event_starts_after: datetime | None,
    event_ends_before: datetime | None,
    include_account_annotations: bool,
    **options: Any,
) -> ResponseReturnValue:
    """A chart of a sensor's data.

    A specification in Vega-Lite, to be embedded in a page; it asks the page for the function
    `quantityWithUnitFormat`. Who is logged in by session finds the same window on other pages.

    .. :quickref: Chart; Download a chart with time series
    """
    remember_time_range(event_starts_after, event_ends_before)
    owner = sensor.generic_asset.owner
    return jsonify(
        sensor.chart(
            event_starts_after=event_starts_after,
            event_ends_before=event_ends_before,
            include_account_annotations=include_account_annotations and _may_read(owner),
            **options,
        )
    )


@dev.get("/sensor/<id:id>/chart_data/")
@answers(200, SENSOR_ROWS, "The rows")
@auth_required()
@use_kwargs(SensorChartDataQuery(), location="query")
@from_path("sensor", Sensor, _ASSET)
@permission_required_for_context("read", arg_name="sensor")
def get_chart_data(sensor: Sensor, **filters: Any) -> ResponseReturnValue:
    """The rows of such a chart, for who has the chart already.

    .. :quickref: Chart; Download time series for use in charts
    """
    try:
        return jsonify(sensor_data(sensor, **filters))
    except UnfitResolution as error:
        field = "resolution" if filters.get("max_points") is None else "max_points"
        return unprocessable_entity({"query": {field: [str(error)]}})


@dev.get("/sensor/<id:id>/chart_annotations/")
@answers(200, ANNOTATION_ROWS, "The annotations")
@auth_required()
@use_kwargs(AnnotationsQuery(), location="query")
@from_path("sensor", Sensor, _ASSET.joinedload(GenericAsset.owner))
@permission_required_for_context("read", arg_name="sensor")
def get_chart_annotations(
    sensor: Sensor,
    event_starts_after: datetime | None,
    event_ends_before: datetime | None,
    include_sensor_annotations: bool,
    include_asset_annotations: bool,
    include_account_annotations: bool,
    **_: Any,
) -> ResponseReturnValue:
    """Annotations of the sensor's asset, for who has the chart already; on demand, also others.

    Those that end together are one. When they were believed does not matter.

    .. :quickref: Chart; Download annotations for use in charts
    """
    asset = sensor.generic_asset
    found = find_annotations(
        sensor_id=sensor.id if include_sensor_annotations else None,
        asset_id=asset.id if include_asset_annotations else None,
        account_id=asset.account_id
        if include_account_annotations and _may_read(asset.owner)
        else None,
        annotations_after=event_starts_after,
        annotations_before=event_ends_before,
    )
    return jsonify(annotation_records(found))


@dev.get("/asset/<id:id>/")
@answers(200, AssetForChartsSchema(), "The asset")
@auth_required()
@from_path("asset", GenericAsset, joinedload(GenericAsset.generic_asset_type))
@permission_required_for_context("read", arg_name="asset")
def get_asset(asset: GenericAsset) -> ResponseReturnValue:
    """What pages need to know of an asset to show its charts.

    .. :quickref: Chart; Download asset attributes for use in charts
    """
    return jsonify(
        AssetForChartsSchema().dump(
            {
                "name": asset.name,
                "timezone": asset.timezone,
                "timerange_of_sensors_to_show": _in_utc(asset.timerange_of_sensors_to_show),
            }
        )
    )


def _in_utc(time_range: dict[str, datetime]) -> dict[str, datetime]:
    return {name: moment.astimezone(timezone.utc) for name, moment in time_range.items()}


def _may_read(account: Account | None) -> bool:
    try:
        check_access(account, "read")
    except Forbidden:
        return False
    return True
