from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import altair
import pytest

from flexmeasures.charts.asset_chart import (
    chart_for_multiple_sensors,
    determine_shared_sensor_type,
    determine_shared_unit,
)
from flexmeasures.charts.defaults import FIELD_DEFINITIONS, merge_vega_lite_specs
from flexmeasures.charts.filled import chart_type_to_chart_specs
from flexmeasures.charts.sensor_chart import bar_chart
from flexmeasures.charts.tests.conftest import HOUR, MakeSensor
from flexmeasures.data.queries.sensors_to_show import Row

START = datetime(2026, 3, 28, 23, tzinfo=timezone.utc)
END = START + timedelta(hours=23)  # a day, in Amsterdam
WINDOW = [1774738800000, 1774821600000]


def check(spec: dict[str, Any]) -> None:
    """It is Vega-Lite, and JSON.

    But for two things that the schema forbids and every version draws: no title at all, and the
    lists that our own functions take as formats.
    """
    plain = json.loads(json.dumps(spec, allow_nan=False))
    if plain.get("title", "") is None:
        del plain["title"]
    altair.Chart.from_dict(_without_formats(plain), validate=True)


def _without_formats(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_formats(item) for item in value]
    if not isinstance(value, dict):
        return value
    ours = value.get("formatType") in ("quantityWithUnitFormat", "timedeltaFormat")
    return {
        key: _without_formats(item) for key, item in value.items() if not (ours and key == "format")
    }


class TestSensorChart:
    def test_parts(self, make_sensor: MakeSensor) -> None:
        spec = bar_chart(make_sensor(), START, END, dataset_name="sensor_1")
        check(spec)
        assert spec["data"] == {"name": "sensor_1"}
        assert (spec["height"], spec["width"]) == (300, "container")
        bars, replay = spec["layer"]
        assert bars["mark"]["type"] == "bar"
        assert bars["encoding"]["x"]["field"] == "event_start"
        assert bars["encoding"]["x"]["scale"]["domain"] == WINDOW
        assert bars["encoding"]["x"]["timeUnit"]["step"] == 900
        assert bars["encoding"]["y"]["title"] == "Power (MW)"
        assert bars["encoding"]["y"]["stack"] is None
        assert bars["encoding"]["color"]["field"] == "source.name"
        tooltips = [tooltip["title"] for tooltip in bars["encoding"]["tooltip"]]
        assert tooltips == ["Time and date", "Power", "Source", "Model"]
        assert bars["encoding"]["tooltip"][1]["format"] == [".3~r", "MW"]
        assert replay["data"] == {"name": "replay"}
        assert {"full_date", "source_name_and_id"} == {part["as"] for part in spec["transform"]}

    @pytest.mark.parametrize(
        ("attributes", "title", "axis"),
        [
            ({}, None, "DC power (MW)"),
            ({"sensor_type": "power"}, "DC power", "Power (MW)"),
            ({"sensor_type": {"expr": "1"}}, "DC power", "{'expr': '1'} (MW)"),  # never run
        ],
    )
    def test_titles(
        self, make_sensor: MakeSensor, attributes: dict[str, Any], title: str | None, axis: str
    ) -> None:
        spec = bar_chart(make_sensor("dC power", attributes=attributes))
        check(spec)
        assert spec["title"] == title
        assert spec["layer"][0]["encoding"]["y"]["title"] == axis

    def test_without_window_unit_and_length(self, make_sensor: MakeSensor) -> None:
        spec = bar_chart(make_sensor("doors", "", timedelta(0)), START)
        check(spec)
        time = spec["layer"][0]["encoding"]["x"]
        assert "scale" not in time
        assert "timeUnit" not in time
        assert spec["layer"][0]["encoding"]["y"]["title"] == "Doors (a.u.)"

    def test_a_window_does_not_stay(self, make_sensor: MakeSensor) -> None:
        before = json.dumps(FIELD_DEFINITIONS)
        bar_chart(make_sensor(), START, END)
        chart_for_multiple_sensors([make_sensor("other")], START, END)
        assert json.dumps(FIELD_DEFINITIONS) == before
        assert (
            "scale"
            not in bar_chart(make_sensor("third", length=timedelta(0)))["layer"][0]["encoding"]["x"]
        )

    def test_overrides(self, make_sensor: MakeSensor) -> None:
        spec = bar_chart(make_sensor(), width=400, height=200, description="Mine")
        check(spec)
        assert (spec["width"], spec["height"], spec["description"]) == (400, 200, "Mine")

    def test_annotations(self, make_sensor: MakeSensor) -> None:
        sensor = make_sensor()
        plain = bar_chart(sensor, START, END, dataset_name="rows")
        spec = bar_chart(sensor, START, END, dataset_name="rows", include_annotations=True)
        check(spec)
        shades, chart, texts = spec["layer"]
        assert shades["data"] == texts["data"] == {"name": "rows_annotations"}
        assert chart["data"] == {"name": "rows"}
        assert chart["layer"] == plain["layer"]
        assert (spec["height"], spec["config"]) == (plain["height"], plain["config"])


class TestAssetChart:
    def test_parts(self, make_sensor: MakeSensor) -> None:
        power, solar = make_sensor(), make_sensor("solar", attributes={"sensor_type": "power"})
        price = make_sensor("price", "EUR/MWh", HOUR)
        spec = chart_for_multiple_sensors([price, [power, solar]], START, END, dataset_name="a")
        check(spec)
        assert spec["data"] == {"name": "a"}
        assert spec["resolve"] == {"scale": {"x": "shared"}}
        first, second = spec["vconcat"]
        assert first["transform"] == [{"filter": {"field": "sensor.id", "oneOf": [3]}}]
        assert second["transform"] == [{"filter": {"field": "sensor.id", "oneOf": [1, 2]}}]
        assert (first["title"], second["title"]) == ("", "Solar")
        marks = [[layer["mark"]["type"] for layer in row["layer"]] for row in spec["vconcat"]]
        assert marks == [["line", "rect", "circle", "rule"], ["line", "circle", "rule"]]
        line = second["layer"][0]
        assert line["mark"]["interpolate"] == "step-after"
        assert line["encoding"]["y"]["title"] == "Power (MW)"
        assert line["encoding"]["x"]["scale"]["domain"] == WINDOW
        assert line["encoding"]["color"]["field"] == "sensor.description"
        dashes = line["encoding"]["strokeDash"]["scale"]
        assert dashes["domain"] == ["forecaster", "scheduler", "other"]
        # all rows come in the finest resolution, so the invisible bars are that wide
        assert first["layer"][1]["encoding"]["x"]["timeUnit"]["step"] == 900
        titles = [tooltip["title"] for tooltip in first["layer"][2]["encoding"]["tooltip"]]
        assert titles == [
            *("Sensor", "Price", "Time and date", "Horizon", "Price", "Source", "Type", "Model")
        ]

    def test_instants(self, make_sensor: MakeSensor) -> None:
        spec = chart_for_multiple_sensors([make_sensor("temperature", "°C", timedelta(0))])
        check(spec)
        [row] = spec["vconcat"]
        assert row["layer"][0]["mark"]["interpolate"] == "linear"
        assert "timeUnit" not in row["layer"][1]["encoding"]["x"]

    def test_lengths_can_be_mixed(self, make_sensor: MakeSensor) -> None:
        mixed = [
            make_sensor(),
            make_sensor("grid", length=HOUR),
            make_sensor("now", "kW", 0 * HOUR),
        ]
        spec = chart_for_multiple_sensors([mixed])
        check(spec)
        assert spec["vconcat"][0]["layer"][0]["mark"]["interpolate"] == "step-after"

    @pytest.mark.parametrize(
        ("y_axis", "scale"),
        [
            ("zero", {"zero": True}),
            ("data", {"zero": False}),
            ((-1, 2.5), {"domain": [-1, 2.5], "zero": False}),
        ],
    )
    def test_titles_and_axes(
        self, make_sensor: MakeSensor, y_axis: Any, scale: dict[str, Any]
    ) -> None:
        spec = chart_for_multiple_sensors([Row((make_sensor(),), "Mine", y_axis)])
        check(spec)
        [row] = spec["vconcat"]
        assert row["title"] == "Mine"
        assert row["layer"][0]["encoding"]["y"]["scale"] == scale

    def test_sizes_are_those_of_rows(self, make_sensor: MakeSensor) -> None:
        sensors = [make_sensor(), make_sensor("other")]
        spec = chart_for_multiple_sensors(sensors, width=400, height=99)
        check(spec)
        assert [(row["width"], row["height"]) for row in spec["vconcat"]] == [(400, 99)] * 2
        check(chart_for_multiple_sensors(sensors, width="container"))

    def test_nothing_to_show(self) -> None:
        spec = chart_for_multiple_sensors([], START, END, dataset_name="a")
        check(spec)
        assert spec["vconcat"] == []

    @pytest.mark.parametrize(
        ("units", "kind", "unit"),
        [
            (["kW", "kW"], "power", "kW"),
            (["kWh", "kWh"], "energy", "kWh"),
            (["EUR/MWh", "EUR/MWh"], "energy price", "EUR/MWh"),
            (["EUR", "EUR"], "value", "EUR"),
            (["kW", "MW"], "value", "a.u."),
            (["", ""], "value", "a.u."),
        ],
    )
    def test_what_sensors_share(
        self, make_sensor: MakeSensor, units: list[str], kind: str, unit: str
    ) -> None:
        sensors = [make_sensor(f"sensor {number}", unit) for number, unit in enumerate(units)]
        assert determine_shared_sensor_type(sensors) == kind
        assert determine_shared_unit(sensors) == unit
        assert determine_shared_sensor_type(sensors[:1]) == "sensor 0"


def test_unknown_types_of_charts() -> None:
    with pytest.raises(KeyError):
        chart_type_to_chart_specs("pie_chart")


def test_merging() -> None:
    child = {"title": {"text": "Ours", "fontSize": 16}, "mark": "bar", "width": 3, "a": [1]}
    parent = {"title": "Theirs", "mark": {"type": "line", "clip": True}, "a": [2]}
    merged = merge_vega_lite_specs(child, parent)
    assert merged == {
        "title": {"text": "Theirs", "fontSize": 16},
        "mark": {"type": "line", "clip": True},
        "width": 3,
        "a": [2],
    }
    merged["title"]["fontSize"] = 1
    assert child["title"] == {"text": "Ours", "fontSize": 16}


def test_names_of_the_public_module() -> None:
    from flexmeasures.data.models import charts
    from flexmeasures.data.models.charts import belief_charts, defaults

    assert charts.chart_type_to_chart_specs is chart_type_to_chart_specs
    assert belief_charts.bar_chart is bar_chart
    assert defaults.FIELD_DEFINITIONS is FIELD_DEFINITIONS


def test_own_charts_of_plugins(make_sensor: MakeSensor) -> None:
    from flexmeasures.data.models.charts.defaults import apply_chart_defaults

    @apply_chart_defaults
    def points(sensor: Any) -> dict[str, Any]:
        """Points."""
        axes = {"x": FIELD_DEFINITIONS["event_start"], "y": FIELD_DEFINITIONS["event_value"]}
        return {"mark": "point", "encoding": axes, "height": 99}

    spec = points(make_sensor(), dataset_name="rows", include_annotations=True)
    check(spec)
    assert spec["height"] == 99
    assert spec["layer"][1]["mark"] == "point"
