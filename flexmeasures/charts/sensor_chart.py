"""Charts of one sensor."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from flexmeasures.charts.defaults import (
    END_OF_EVENT,
    FULL_BELIEF_TIME,
    IS_MEAN,
    REPLAY_RULER,
    SPREAD,
    Spec,
    apply_chart_defaults,
    field,
    merge_vega_lite_specs,
)
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
    max_points: int | None = None,
    **overrides: Any,
) -> Spec:
    """A bar per event, as wide as the event is long. Sources differ by colour.

    event_starts_after, event_ends_before : if both are given, the ends of the time axis
    max_points : for rows that were asked for with that, too: bars are as wide as rows say
    overrides : keys of the specification to replace, such as `width` and `height` (in pixels)
    """
    kind, unit = sensor_type(sensor), sensor.unit or NO_UNIT
    ruler: Spec = REPLAY_RULER
    if max_points is None:
        layers = [_bars(sensor, kind, unit, event_starts_after, event_ends_before)]
    else:
        layers = _bars_of_points(sensor, kind, unit)
        # The ends of the axis: Vega-Lite refuses them where marks have ends, too.
        scale = time_axis(event_starts_after, event_ends_before).get("scale", {})
        ruler = merge_vega_lite_specs(ruler, {"encoding": {"x": {"scale": scale}}})
    spec = {
        "description": "A simple bar chart showing sensor data.",
        "title": None if sensor.name == kind else capitalize(sensor.name),
        "layer": [*layers, ruler],
    }
    if max_points is not None:
        spec["transform"] = [END_OF_EVENT, FULL_BELIEF_TIME]
    return spec | overrides


def _bars(
    sensor: Sensor, kind: str, unit: str, start: datetime | None, end: datetime | None
) -> Spec:
    time = time_axis(start, end, sensor.event_resolution)
    return {
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


def _bars_of_points(sensor: Sensor, kind: str, unit: str) -> list[Spec]:
    """Bars from the start to the end of each row; over means, the range of their values."""
    time, y = time_axis(None, None), f"{capitalize(kind)} ({unit})"
    length = {"x": time, "x2": {"field": "event_end"}}
    colours = {"color": field("source_name"), "detail": field("source")}
    tooltip = [
        field("full_date"),
        value_with_unit(kind, unit),
        *tooltip_of_spread(unit),
        field("source_name_and_id"),
        field("source_model"),
        field("full_belief_time"),
        field("belief_horizon"),
    ]
    value = field("event_value", title=y, stack=None)
    shown = {"y": value, **colours, "opacity": {"value": 0.7}, "tooltip": tooltip}
    bars = {
        "mark": {"type": "rect", "clip": True},
        "encoding": length | shown | {"y2": {"datum": 0}},
    }
    spread = {
        "name": f"{SPREAD}_of_sensor",
        "transform": [{"filter": IS_MEAN}],
        "mark": {"type": "rect", "clip": True, "opacity": 0.25},
        "encoding": {
            **length,
            "y": field("event_value", field="least", title=y),
            "y2": {"field": "most"},
            **colours,
            "tooltip": tooltip,
        },
    }
    if sensor.event_resolution:
        return [bars, spread]
    instants = {
        "transform": [{"filter": f"!{IS_MEAN}"}],
        "mark": {"type": "bar", "clip": True, "width": _WIDTH_OF_INSTANTS},
        "encoding": {"x": time} | shown,
    }
    return [bars | {"transform": [{"filter": IS_MEAN}]}, instants, spread]


def tooltip_of_spread(unit: str) -> list[Spec]:
    """Of means: of how much time, and between which values. (Left out where no row is a mean.)"""
    ends = (("least", "Lowest"), ("most", "Highest"))
    return [
        field("event_resolution"),
        *(value_with_unit(title, unit) | {"field": name} for name, title in ends),
    ]


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
