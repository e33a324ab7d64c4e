"""Charts of beliefs, as plugins know them."""

from __future__ import annotations

from flexmeasures.charts.asset_chart import (
    chart_for_multiple_sensors,
    create_circle_layer,
    create_line_layer,
    create_rect_layer,
    determine_shared_sensor_type,
    determine_shared_unit,
)
from flexmeasures.charts.sensor_chart import bar_chart

__all__ = [
    "bar_chart",
    "chart_for_multiple_sensors",
    "create_circle_layer",
    "create_line_layer",
    "create_rect_layer",
    "determine_shared_sensor_type",
    "determine_shared_unit",
]
