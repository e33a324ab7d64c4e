"""Charts of assets, and the rows that fill them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import joinedload

from flexmeasures.api.common.charts import ASSET_ROWS, CHART
from flexmeasures.api.common.describe import answers
from flexmeasures.api.common.parsing import from_path, use_kwargs
from flexmeasures.api.common.responses import unprocessable_entity
from flexmeasures.auth.decorators import auth_required, permission_required_for_context
from flexmeasures.auth.sessions import remember_time_range
from flexmeasures.charts.filled import asset_data
from flexmeasures.charts.records import UnfitResolution
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.queries.sensors_to_show import flat, rows_to_show
from flexmeasures.data.schemas.charts import AssetChartDataQuery, AssetChartQuery

asset_charts = Blueprint("asset_charts", __name__, url_prefix="/assets")


@asset_charts.get("/<id:id>/chart/")
@answers(200, CHART, "The chart")
@auth_required()
@use_kwargs(AssetChartQuery(), location="query")
@from_path("asset", GenericAsset, joinedload(GenericAsset.generic_asset_type))
@permission_required_for_context("read", arg_name="asset")
def get_chart(
    asset: GenericAsset,
    event_starts_after: datetime | None,
    event_ends_before: datetime | None,
    **options: Any,
) -> ResponseReturnValue:
    """A chart of the sensors that the asset shows (see its attribute `sensors_to_show`).

    A specification in Vega-Lite, to be embedded in a page; it asks the page for the functions
    `quantityWithUnitFormat` and `timedeltaFormat`. Sensors that the caller may not read are left
    out. Who is logged in by session finds the same window on other pages.

    .. :quickref: Chart; Download a chart with time series
    """
    remember_time_range(event_starts_after, event_ends_before)
    return jsonify(
        asset.chart(
            event_starts_after=event_starts_after, event_ends_before=event_ends_before, **options
        )
    )


@asset_charts.get("/<id:id>/chart_data/")
@answers(200, ASSET_ROWS, "The rows")
@auth_required()
@use_kwargs(AssetChartDataQuery(), location="query")
@from_path("asset", GenericAsset, joinedload(GenericAsset.generic_asset_type))
@permission_required_for_context("read", arg_name="asset")
def get_chart_data(asset: GenericAsset, **filters: Any) -> ResponseReturnValue:
    """The rows of such a chart, for who has the chart already.

    All sensors come in the finest of their resolutions, except instantaneous ones (and unless
    `max_points` is given).

    .. :quickref: Chart; Download time series for use in charts
    """
    try:
        return jsonify(asset_data(flat(rows_to_show(asset)), **filters))
    except UnfitResolution as error:
        return unprocessable_entity({"query": {"max_points": [str(error)]}})
