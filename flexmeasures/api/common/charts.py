"""What endpoints of charts answer, as JSON Schema."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_MOMENT = {"type": "integer", "description": "Milliseconds since the Unix epoch."}

_SOURCE = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "example": 4},
        "name": {"type": "string", "example": "Seita"},
        "model": {"type": "string", "example": "StorageScheduler (v1)"},
        "type": {"type": "string", "enum": ["forecaster", "scheduler", "other"]},
        "description": {"type": "string", "example": "Seita's StorageScheduler model v1"},
    },
    "required": ["id", "name", "model", "type", "description"],
}
_SENSOR = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "example": 1},
        "name": {"type": "string", "example": "power"},
        "description": {"type": "string", "example": "power (battery)"},
    },
    "required": ["id", "name", "description"],
}
_ROW = {
    "event_start": {**_MOMENT, "example": 1767222000000},
    "event_value": {"type": ["number", "null"], "example": 0.5},
    "source": _SOURCE,
    "sensor": _SENSOR,
}

CHART: Json = {
    "title": "Chart",
    "description": "A specification in Vega-Lite.",
    "type": "object",
}

# With `max_points`.
_POINT = {
    "event_resolution": {
        "type": "integer",
        "description": "Milliseconds: how long the event is, or the stretch of time that a row is"
        " the mean of. Only if `max_points` is given, as the keys below.",
    },
    "least": {"type": ["number", "null"], "description": "Of a mean: the lowest value."},
    "most": {"type": ["number", "null"], "description": "Of a mean: the highest value."},
    "number": {"type": "integer", "description": "Of a mean: how many events."},
}


def _rows(properties: Json, *optional: str) -> Json:
    required = [name for name in properties if name not in optional]
    row = {"type": "object", "properties": properties, "required": required}
    return {"type": "array", "items": row}


_HORIZON = {"type": ["integer", "null"], "description": "Milliseconds; null for means."}
SENSOR_ROWS = _rows(
    {
        **_ROW,
        "belief_time": _MOMENT,
        "cumulative_probability": {
            "type": "number",
            "example": 0.5,
            "description": "Unless `max_points` is given.",
        },
        "belief_horizon": {
            **_HORIZON,
            "description": "Milliseconds. If `max_points` is given; null for means.",
        },
        **_POINT,
    },
    "cumulative_probability",
    "belief_horizon",
    *_POINT,
)
ASSET_ROWS = _rows(
    {
        **_ROW,
        "belief_horizon": _HORIZON,
        "belief_time": {
            **_MOMENT,
            "description": "If not only the most recent beliefs count, or `max_points` is given.",
        },
        **_POINT,
    },
    "belief_time",
    *_POINT,
)
ANNOTATION_ROWS = _rows(
    {
        "index": {"type": "integer", "example": 0},
        "start": _MOMENT,
        "end": _MOMENT,
        "belief_time": {**_MOMENT, "type": ["integer", "null"]},
        "source": {"type": "string", "example": "Seita"},
        "type": {"type": "string", "example": "holiday"},
        "content": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Lines of 60 characters at most.",
            "example": ["New Year's Day"],
        },
    }
)
