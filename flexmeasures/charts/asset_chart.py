"""Charts of several sensors, one above the other or in one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flexmeasures.charts.defaults import (
    END_OF_EVENT,
    IS_MEAN,
    REPLAY_RULER,
    SPREAD,
    Spec,
    apply_chart_defaults,
    field,
)
from flexmeasures.charts.sensor_chart import (
    NO_UNIT,
    sensor_type,
    time_axis,
    tooltip_of_spread,
    value_with_unit,
)
from flexmeasures.data.queries.sensors_to_show import Row
from flexmeasures.utils.flexmeasures_inflection import capitalize, join_words_into_a_list
from flexmeasures.utils.time_utils import determine_minimum_resampling_resolution
from flexmeasures.utils.unit_utils import is_energy_price_unit, is_energy_unit, is_power_unit

if TYPE_CHECKING:
    from flexmeasures.data.models.time_series import Sensor

ROW_WIDTH, ROW_HEIGHT = 800, 150

_SIZE_OF_CIRCLES = 200


@apply_chart_defaults
def chart_for_multiple_sensors(
    sensors_to_show: Sequence[Sensor | Sequence[Sensor] | Row],
    event_starts_after: datetime | None = None,
    event_ends_before: datetime | None = None,
    width: int | str | None = None,
    height: int | None = None,
    max_points: int | None = None,
    **overrides: Any,
) -> Spec:
    """A row per entry: a line per sensor and source. Sensors differ by colour, sources by stroke.

    event_starts_after, event_ends_before : if both are given, the ends of the time axis
    max_points : for rows that were asked for with that, too: events are as long as rows say
    width, height : of each row, in pixels; `width` can be "container"
    overrides : keys of the specification to replace
    """
    rows = [as_row(shown) for shown in sensors_to_show]
    step = None
    if max_points is None:
        step = determine_minimum_resampling_resolution(
            [sensor.event_resolution for row in rows for sensor in row.sensors]
        )
    time = time_axis(event_starts_after, event_ends_before)
    size = {"width": "container" if width is None else width}
    if height is not None:
        size["height"] = height
    spec = {
        "description": "A vertically concatenated chart showing sensor data.",
        "vconcat": [_row(number, row, time, step) | size for number, row in enumerate(rows)],
        "spacing": 100,
        "bounds": "flush",
        "resolve": {"scale": {"x": "shared"}},
        "config": {
            "view": {"continuousWidth": ROW_WIDTH, "continuousHeight": ROW_HEIGHT},
            "autosize": {"type": "fit-x", "contains": "padding"},
        },
    }
    if step is None:
        spec["transform"] = [END_OF_EVENT]
    return spec | overrides


def as_row(shown: Sensor | Sequence[Sensor] | Row) -> Row:
    """One sensor, or several together."""
    if isinstance(shown, Row):
        return shown
    return Row(tuple(shown) if isinstance(shown, Sequence) else (shown,))


def determine_shared_unit(sensors: Sequence[Sensor]) -> str:
    """The unit that all have; "a.u." if they differ, or have none."""
    units = {sensor.unit for sensor in sensors}
    return (units.pop() or NO_UNIT) if len(units) == 1 else NO_UNIT


def determine_shared_sensor_type(sensors: Sequence[Sensor]) -> str:
    """What all measure, in words; else in a word that their unit suggests."""
    kinds = {sensor_type(sensor) for sensor in sensors}
    if len(kinds) == 1:
        return kinds.pop()
    unit = determine_shared_unit(sensors)
    if is_power_unit(unit):
        return "power"
    if is_energy_unit(unit):
        return "energy"
    return "energy price" if _is_energy_price(unit) else "value"


def create_line_layer(
    sensors: Sequence[Sensor], event_start: Spec, event_value: Spec, step: timedelta | None
) -> Spec:
    """Lines in steps; between instants, straight ones. (Points, as one instant makes no line.)

    step : how long the last event is, so that its line has an end; None if rows say that
    """
    instants = not any(sensor.event_resolution for sensor in sensors)
    layer: Spec = {
        "mark": {
            "type": "line",
            "interpolate": "linear" if instants else "step-after",
            "point": {"size": 20} if instants else False,
            "clip": True,
        },
        "encoding": {
            "x": event_start,
            "y": event_value,
            "color": field("sensor_description"),
            "strokeDash": field(
                "source_type",
                title="Source",
                scale={
                    "domain": ["forecaster", "scheduler", "other"],
                    "range": [[2, 2], [4, 4], [1, 0]],
                },
            ),
            "detail": [field("source")],
        },
    }
    if not instants:
        layer["transform"] = _with_end_of_line(step)
    return layer


def create_circle_layer(sensors: Sequence[Sensor], encoding: Spec) -> Spec:
    """Circles on the events below the mouse; with several sensors, on that nearest to it."""
    selections = [
        _selection("hover_x_brush", encodings=["x"], nearest=False),
        *([_selection("hover_nearest_brush", nearest=True)] if len(sensors) > 1 else []),
    ]
    hovered = [{"param": selection["name"], "empty": False} for selection in selections]
    size = {"condition": {"test": {"or": hovered}, "value": _SIZE_OF_CIRCLES}, "value": 0}
    return {
        "mark": {"type": "circle", "opacity": 1, "clip": True},
        "encoding": encoding | {"color": field("sensor_description"), "size": size},
        "params": selections,
    }


def create_rect_layer(event_start: Spec, tooltip: list[Spec], with_ends: bool = False) -> Spec:
    """Invisible bars of full height, which show the tooltip wherever there is an event.

    with_ends : do rows say where events end?
    """
    ends = {"x2": {"field": "event_end"}} if with_ends else {}
    return {
        "mark": {"type": "rect", "opacity": 0, "clip": True},
        "encoding": {"x": event_start, **ends, "tooltip": tooltip},
    }


def _draw_on_demand(circles: Spec, below: Spec) -> None:
    """Draw circles only on events below the mouse, which marks below them tell: thousands that
    cannot be seen take as long to draw as all the rest."""
    below["params"] = circles.pop("params")
    hovered = [{"filter": {"param": param["name"], "empty": False}} for param in below["params"]]
    circles["transform"] = hovered
    circles["encoding"] |= {"size": {"value": _SIZE_OF_CIRCLES}}


def _spread_layer(number: int, event_start: Spec, title: str, scale: Spec) -> Spec:
    """Around lines of means: between which values these lie."""
    return {
        "name": f"{SPREAD}_{number}",
        "transform": [{"filter": IS_MEAN}, *_with_end_of_line(None)],
        "mark": {"type": "area", "interpolate": "step-after", "opacity": 0.25, "clip": True},
        "encoding": {
            "x": event_start,
            "y": field("event_value", field="least", title=title, scale=scale),
            "y2": {"field": "most"},
            "color": field("sensor_description"),
            "detail": [field("source")],
        },
    }


def _row(number: int, row: Row, time: Spec, step: timedelta | None) -> Spec:
    sensors = row.sensors
    kind, unit = determine_shared_sensor_type(sensors), determine_shared_unit(sensors)
    scale = _value_scale(row.y_axis)
    title = f"{capitalize(kind)} ({unit})"
    value = field("event_value", title=title, scale=scale)
    tooltip = [
        field("sensor_name"),
        value_with_unit(kind, unit),
        field("full_date"),
        *(tooltip_of_spread(unit) if step is None else []),
        field("belief_horizon"),
        value_with_unit(kind, unit),
        field("source_name_and_id"),
        field("source_type"),
        field("source_model"),
    ]
    layers = [create_line_layer(sensors, time, value, step)]
    if step is None:
        layers.append(_spread_layer(number, time, title, scale))
    if len(sensors) == 1:
        # Vega-Lite refuses the ends of the axis where marks have ends, too; lines tell them.
        wide = time_axis(None, None) if step is None else _wide(time, step)
        layers.append(create_rect_layer(wide, tooltip, with_ends=step is None))
    points = {"x": time, "y": value, "detail": [field("source")], "tooltip": tooltip}
    circles = create_circle_layer(sensors, points)
    if step is None and len(sensors) == 1:
        _draw_on_demand(circles, layers[-1])
    layers += [circles, REPLAY_RULER]
    return {
        "title": _title(row),
        "transform": [
            {"filter": {"field": "sensor.id", "oneOf": [sensor.id for sensor in sensors]}}
        ],
        "layer": layers,
    }


def _title(row: Row) -> str:
    if row.title is not None:
        return row.title
    names = [sensor.name for sensor in row.sensors if sensor.name != sensor_type(sensor)]
    return join_words_into_a_list([capitalize(name) for name in dict.fromkeys(names)])


def _value_scale(y_axis: str | tuple[float, float]) -> Spec:
    if isinstance(y_axis, tuple):
        return {"domain": list(y_axis), "zero": False}
    return {"zero": y_axis != "data"}


def _wide(time: Spec, step: timedelta) -> Spec:
    """The same axis, for marks that are as wide as events are long."""
    wide = time_axis(None, None, step)
    return wide | {"scale": wide.get("scale", {}) | time.get("scale", {})}


def _with_end_of_line(step: timedelta | None) -> list[Spec]:
    """Once more the last event of each line, at its end."""
    end = "datum.event_end"
    if step is not None:
        end = f"datum.event_start + {step.total_seconds() * 1000:.0f}"
    edges = f"[datum.event_start, {end}]"
    return [
        {
            "joinaggregate": [{"op": "max", "field": "event_start", "as": "last_start"}],
            "groupby": ["sensor.id", "source.id"],
        },
        {
            "calculate": f"datum.event_start < datum.last_start ? [datum.event_start] : {edges}",
            "as": "edges",
        },
        {"flatten": ["edges"], "as": ["event_start"]},
    ]


def _selection(name: str, **how: Any) -> Spec:
    select = {"type": "point", "on": "mouseover", "clear": "mouseout"} | how
    return {"name": name, "select": select}


def _is_energy_price(unit: str) -> bool:
    return "/" in unit and is_energy_price_unit(unit)
