"""What charts share, as plugins know it."""

from __future__ import annotations

from flexmeasures.charts.defaults import (
    FIELD_DEFINITIONS,
    HEIGHT,
    WIDTH,
    apply_chart_defaults,
    merge_vega_lite_specs,
)

__all__ = [
    "FIELD_DEFINITIONS",
    "HEIGHT",
    "WIDTH",
    "apply_chart_defaults",
    "merge_vega_lite_specs",
]
