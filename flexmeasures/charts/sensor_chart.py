"""Charts of one sensor."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from flexmeasures.charts.defaults import REPLAY_RULER, Spec, apply_chart_defaults, field
from flexmeasures.utils.flexmeasures_inflection import capitalize

if TYPE_CHECKING:
    from flexmeasures.data.models.time_series import Sensor

NO_UNIT = "a.u."

_WIDTH_OF_INSTANTS = 4  # pixels
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@apply_chart_defaults
def bar_chart(
    sensor: Sensor,
    event_starts_after: datetime | None = None,
    event_ends_before: datetime | None = None,
    **overrides: Any,
) -> Spec:
    """A bar per event, as wide as the event is long. Sources differ by colour.

    event_starts_after, event_ends_before : if both are given, the ends of the time axis
    overrides : keys of the specification to replace, such as `width` and `height` (in pixels)
    """
    kind, unit = sensor_type(sensor), sensor.unit or NO_UNIT
    time = time_axis(event_starts_after, event_ends_before, sensor.event_resolution)
    bars = {
        "mark": {
            "type": "bar",
            "clip": True,
            "width": {"band": 0.999} if "timeUnit" in time else _WIDTH_OF_INSTANTS,
        },
        "encoding": {
            "x": time,
            # not stacked: sources hold beliefs about the same thing, not parts of it
            "y": field("event_value", title=f"{capitalize(kind)} ({unit})", stack=None),
            "color": field("source_name"),
            "detail": field("source"),
            "opacity": {"value": 0.7},
            "tooltip": [
                field("full_date"),
                value_with_unit(kind, unit),
                field("source_name_and_id"),
                field("source_model"),
            ],
        },
    }
    spec = {
        "description": "A simple bar chart showing sensor data.",
        "title": None if sensor.name == kind else capitalize(sensor.name),
        "layer": [bars, REPLAY_RULER],
    }
    return spec | overrides


def sensor_type(sensor: Sensor) -> str:
    """What a sensor measures, in words: its attribute `sensor_type`, by default its name."""
    return str(sensor.get_attribute("sensor_type") or sensor.name)


def value_with_unit(kind: str, unit: str) -> Spec:
    """The value, for tooltips."""
    return field(
        "event_value",
        title=capitalize(kind),
        format=[".3~r", unit],
        formatType="quantityWithUnitFormat",
    )


def time_axis(start: datetime | None, end: datetime | None, step: timedelta = timedelta(0)) -> Spec:
    """Event starts, from left to right.

    start, end : if both are given, the ends of the axis
    step : how wide each event is; by default it is an instant
    """
    axis = field("event_start")
    if start is not None and end is not None:
        axis["scale"] = {"domain": [milliseconds(start), milliseconds(end)]}
    if step >= timedelta(seconds=1):
        # Counted in UTC (the local clock may show an hour twice), yet shown as local time.
        axis["timeUnit"] = {
            "unit": "yearmonthdatehoursminutesseconds",
            "step": step.total_seconds(),
            "utc": True,
        }
        axis["scale"] = axis.get("scale", {}) | {"type": "time"}
    return axis


def milliseconds(time: datetime) -> int:
    """Since the Unix epoch, rounded down."""
    return (time - _EPOCH) // timedelta(milliseconds=1)
