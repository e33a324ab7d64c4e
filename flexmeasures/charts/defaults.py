"""What all charts share: how fields are shown, how large, in which letters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import wraps
from typing import Any

from flexmeasures.charts.annotations import with_annotations

Spec = dict[str, Any]

HEIGHT = 300
WIDTH = "container"
FONT_SIZE = 16

_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
_CLOCK = "timeFormat(datum.value, {'hours': '%H:%M', 'minutes': '%H:%M'})"

# Channel definitions, to be taken through `field`, which copies them.
FIELD_DEFINITIONS: dict[str, Spec] = {
    "event_start": {
        "field": "event_start",
        "type": "temporal",
        "title": None,
        "axis": {"labelExpr": _CLOCK, "labelOverlap": True, "labelSeparation": 1},
    },
    "event_value": {"field": "event_value", "type": "quantitative"},
    "sensor": {"field": "sensor.id", "type": "nominal", "title": None},
    "sensor_name": {"field": "sensor.name", "type": "nominal", "title": "Sensor"},
    "sensor_description": {"field": "sensor.description", "type": "nominal", "title": "Sensor"},
    "source": {"field": "source.id", "type": "nominal", "title": None},
    "source_name": {"field": "source.name", "type": "nominal", "title": "Source"},
    "source_type": {"field": "source.type", "type": "nominal", "title": "Type"},
    "source_model": {"field": "source.model", "type": "nominal", "title": "Model"},
    "source_name_and_id": {"field": "source_name_and_id", "type": "nominal", "title": "Source"},
    "full_date": {"field": "full_date", "type": "nominal", "title": "Time and date"},
    "belief_horizon": {
        "field": "belief_horizon",
        "type": "quantitative",
        "title": "Horizon",
        "format": ["d", 4],
        "formatType": "timedeltaFormat",
    },
    "full_belief_time": {"field": "full_belief_time", "type": "nominal", "title": "Believed at"},
    "event_resolution": {
        "field": "event_resolution",
        "type": "quantitative",
        "title": "Mean of",
        "format": ["d", 1],
        "formatType": "timedeltaFormat",
    },
}

# Of rows that say how long they are (`points.points`).
END_OF_EVENT: Spec = {
    "calculate": "datum.event_start + datum.event_resolution",
    "as": "event_end",
}
FULL_BELIEF_TIME: Spec = {
    "calculate": "timeFormat(datum.belief_time, '%H:%M on %A %b %e, %Y')",
    "as": "full_belief_time",
}
# Names of layers that show between which values means lie begin so: who embeds the chart can leave
# them out, if no row is a mean.
SPREAD = "spread"
IS_MEAN = "isValid(datum.least)"

# A line at the moment that a replay has come to; its one row is filled in while it plays.
REPLAY_RULER: Spec = {
    "data": {"name": "replay"},
    "mark": {"type": "rule"},
    "encoding": {"x": {"field": "belief_time", "type": "temporal"}},
}

_TRANSFORM: list[Spec] = [
    {
        "as": "full_date",
        "calculate": "timeFormat(datum.event_start, '%H:%M on %A %b %e, %Y')",
    },
    {
        "as": "source_name_and_id",
        "calculate": "datum.source.name + ' (ID: ' + datum.source.id + ')'",
    },
]

_CONFIG: Spec = {
    "axis": {"titleFontSize": FONT_SIZE, "labelFontSize": FONT_SIZE},
    "axisY": {"titleAngle": 0, "titleAlign": "left", "titleY": -15, "titleX": -40},
    "title": {"fontSize": FONT_SIZE},
    "legend": {
        "titleFontSize": FONT_SIZE,
        "labelFontSize": FONT_SIZE,
        "labelLimit": 0,
        "orient": "bottom",
        "columns": 1,
        "direction": "vertical",
    },
}


def field(name: str, **more: Any) -> Spec:
    """How a field of `FIELD_DEFINITIONS` is shown, with changes: a copy."""
    return deepcopy(FIELD_DEFINITIONS[name]) | more


def apply_chart_defaults(make: Callable[..., Spec]) -> Callable[..., Spec]:
    """Complete the charts that a function makes: data, size, letters, and fields to calculate.

    Where the chart says something already, that stays. The function so decorated also takes
    `dataset_name` (of the rows) and `include_annotations` (lay them over the chart).
    """

    @wraps(make)
    def complete(
        *args: Any,
        dataset_name: str | None = None,
        include_annotations: bool = False,
        **kwargs: Any,
    ) -> Spec:
        spec = make(*args, **kwargs)
        defaults: Spec = {"$schema": _SCHEMA, "config": _CONFIG}
        if dataset_name is not None:
            defaults["data"] = {"name": dataset_name}
        if "vconcat" not in spec and "hconcat" not in spec:
            defaults |= {"height": HEIGHT, "width": WIDTH}
        spec = spec | {"transform": deepcopy(_TRANSFORM) + list(spec.get("transform", []))}
        spec = merge_vega_lite_specs(defaults, spec)
        return with_annotations(spec, dataset_name or "annotated") if include_annotations else spec

    return complete


def merge_vega_lite_specs(child: Mapping[str, Any], parent: Mapping[str, Any]) -> Spec:
    """Both specifications in one; where both say something, the parent's word counts.

    Texts merge with dictionaries as what they are short for: a title's `text`, a mark's `type`.
    """
    merged: Spec = {}
    for key in (*child, *(key for key in parent if key not in child)):
        ours, theirs = child.get(key), parent.get(key)
        if key not in parent or key not in child:
            merged[key] = deepcopy(ours if key in child else theirs)
            continue
        if key in _SHORT_FOR and isinstance(ours, Mapping) != isinstance(theirs, Mapping):
            ours, theirs = _written_out(key, ours), _written_out(key, theirs)
        if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
            merged[key] = merge_vega_lite_specs(ours, theirs)
        else:
            merged[key] = deepcopy(theirs)
    return merged


_SHORT_FOR = {"title": "text", "mark": "type"}


def _written_out(key: str, value: Any) -> Any:
    return {_SHORT_FOR[key]: value} if isinstance(value, str) else value
