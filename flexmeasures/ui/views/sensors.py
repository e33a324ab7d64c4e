"""Pages about sensors: one with its chart and what can be done with it, and the chart alone."""

from __future__ import annotations

import json
from typing import Any

from flask import Flask, request
from flask.typing import ResponseReturnValue
from flask_security import current_user, login_required
from marshmallow import EXCLUDE, ValidationError
from sqlalchemy.orm import joinedload
from werkzeug.exceptions import BadRequest

from flexmeasures.auth.decorators import auth_required
from flexmeasures.auth.policy import check_access, may
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.queries.assets import path_to
from flexmeasures.data.schemas.charts import StandAloneChartQuery
from flexmeasures.ui.operations import operations_on_sensor
from flexmeasures.ui.utils.objects import find_or_404
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
from flexmeasures.ui.views.upload import upload_on_sensor

# As many as are of use in the frame of another page.
_POINTS = 1000

_ASSET = joinedload(Sensor.generic_asset)
_RELATIONS = (
    _ASSET.joinedload(GenericAsset.owner),
    _ASSET.joinedload(GenericAsset.generic_asset_type),
)


class SensorUI:
    @login_required
    def get(self, id: int) -> ResponseReturnValue:
        sensor = _find(id)
        asset = sensor.generic_asset
        return render_flexmeasures_template(
            "views/sensors.html",
            sensor=sensor,
            asset=asset,
            path=path_to(asset, current_user),
            operations=operations_on_sensor(sensor),
            upload=upload_on_sensor(sensor),
            attributes=json.dumps(sensor.attributes, indent=2, ensure_ascii=False),
        )

    @auth_required()
    def get_chart(self, id: int) -> ResponseReturnValue:
        """A document with nothing but the chart, and its data, for the frames of other pages."""
        sensor = _find(id)
        options = _chart_options()
        theme = options.pop("chart_theme")
        if not may(sensor.generic_asset.owner, "read"):
            options["include_account_annotations"] = False
        options = {"max_points": _POINTS} | options | {"include_data": True}
        return render_flexmeasures_template(
            "views/sensor_chart.html", sensor=sensor, theme=theme, spec=sensor.chart(**options)
        )


def register_at(app: Flask) -> None:
    pages = SensorUI()
    app.add_url_rule("/sensors/<id:id>/", "SensorUI:get", pages.get)
    app.add_url_rule("/sensors/<id:id>/chart/", "SensorUI:get_chart", pages.get_chart)


def _find(id: int) -> Sensor:
    sensor = find_or_404(Sensor, id, *_RELATIONS)
    check_access(sensor, "read")
    return sensor


def _chart_options() -> dict[str, Any]:
    """What the address asks for. Raises BadRequest, naming what is wrong."""
    try:
        options: dict[str, Any] = StandAloneChartQuery().load(
            request.args.to_dict(), unknown=EXCLUDE
        )
    except ValidationError as error:
        wrong = [
            f"{name}: {' '.join(map(str, texts))}"
            for name, texts in error.normalized_messages().items()
        ]
        raise BadRequest(" ".join(wrong)) from error
    return options
