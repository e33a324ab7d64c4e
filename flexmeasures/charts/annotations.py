"""Annotations laid over a chart: shades over the periods, and what they say below."""

from __future__ import annotations

from typing import Any

Spec = dict[str, Any]

_FONT_SIZE = 16
# What a layer may have of its own; the rest belongs to the whole.
_OF_THE_CHART = ("layer", "mark", "encoding", "transform", "data", "params")


def annotations_dataset(dataset_name: str) -> str:
    """The name of the annotations that belong to the rows of that name."""
    return f"{dataset_name}_annotations"


def with_annotations(spec: Spec, dataset_name: str) -> Spec:
    """The chart between shades and texts; a text shows when its shade is hovered or clicked."""
    chart = {key: spec[key] for key in _OF_THE_CHART if key in spec}
    whole = {key: value for key, value in spec.items() if key not in _OF_THE_CHART}
    name = annotations_dataset(dataset_name)
    return whole | {"layer": [_shades(name), chart, _texts(name)]}


def _shades(dataset_name: str) -> Spec:
    return {
        "data": {"name": dataset_name},
        "mark": {"type": "bar", "color": "#bbbbbb", "opacity": 0.3, "clip": True},
        "encoding": {
            "x": {"field": "start", "type": "temporal", "title": None},
            "x2": {"field": "end"},
            "y": {"value": 0},
            "y2": {"value": "height"},
        },
        "params": [
            {"name": "highlight", "select": {"type": "point", "on": "mouseover"}},
            {"name": "select", "select": {"type": "point", "on": "click"}},
        ],
    }


def _texts(dataset_name: str) -> Spec:
    chosen = [
        {"param": "highlight", "empty": False},
        {"param": "select", "empty": False},
    ]
    return {
        "data": {"name": dataset_name},
        "mark": {
            "type": "text",
            "align": "left",
            "baseline": "top",
            "dy": 3 * _FONT_SIZE,
            "fontSize": _FONT_SIZE,
            "fontStyle": "italic",
            "lineBreak": "\n",
        },
        "encoding": {
            "x": {"field": "start", "type": "temporal", "title": None},
            "y": {"value": "height"},
            "text": {"field": "content", "type": "nominal"},
            "opacity": {"condition": {"test": {"or": chosen}, "value": 1}, "value": 0},
        },
    }
