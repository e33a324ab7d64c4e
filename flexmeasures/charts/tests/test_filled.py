from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import event

from flexmeasures.charts import records
from flexmeasures.charts.filled import asset_data, sensor_data
from flexmeasures.charts.records import UnfitResolution
from flexmeasures.charts.tests.conftest import HOUR, QUARTER
from flexmeasures.charts.tests.test_specs import check
from flexmeasures.data.beliefs.save import save
from flexmeasures.data.config import db
from flexmeasures.data.models.annotations import (
    Annotation,
    GenericAssetAnnotationRelationship,
    SensorAnnotationRelationship,
)
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.utils.timely import tb

START = datetime(2026, 3, 28, 23, tzinfo=timezone.utc)  # midnight in Amsterdam, before summer
MS = 1774738800000
WINDOW: dict[str, Any] = {
    "event_starts_after": START,
    "event_ends_before": START + timedelta(hours=23),
}


def fill(
    sensor: Sensor, source: DataSource, values: Any, horizon: timedelta = timedelta(0)
) -> None:
    """Store consecutive events from START on; instants come hourly."""
    step = sensor.event_resolution or HOUR
    starts = pd.date_range(START, periods=len(values), freq=step)
    series = pd.Series(np.asarray(values, float), index=starts.rename("event_start"))
    save(tb.BeliefsDataFrame(series, sensor=sensor, source=source, belief_horizon=horizon))


def as_source(source: DataSource) -> dict[str, Any]:
    return {
        "id": source.id,
        "name": "Seita",
        "model": "naive (v1.2)",
        "type": "scheduler",
        "description": "Seita's naive model v1.2",
    }


def test_rows_of_a_sensor(asset: GenericAsset, source: DataSource) -> None:
    power = asset.sensors[0]
    fill(power, source, [1, 2])
    assert sensor_data(power, **WINDOW) == [
        {
            "event_start": MS + start,
            "belief_time": MS + start + 900_000,
            "source": as_source(source),
            "cumulative_probability": 0.5,
            "event_value": value,
            "sensor": {"id": power.id, "name": "power", "description": "power (store)"},
        }
        for start, value in ((0, 1), (900_000, 2))
    ]
    assert json.loads(str(power.search_beliefs(as_json=True))) == sensor_data(power)


def test_what_is_no_number_becomes_null(asset: GenericAsset, source: DataSource) -> None:
    power = asset.sensors[0]
    for number, value in enumerate([1, np.nan, np.inf]):
        start, horizon = START + number * QUARTER, timedelta(0)
        belief = TimedBelief(
            power, source, event_value=value, event_start=start, belief_horizon=horizon
        )
        db.session.add(belief)
    spec = power.chart(include_data=True)
    check(spec)
    rows = spec["datasets"][f"sensor_{power.id}"]
    assert [row["event_value"] for row in rows] == [1, None, None]


def test_older_beliefs_on_demand(asset: GenericAsset, source: DataSource) -> None:
    power = asset.sensors[0]
    fill(power, source, [5], horizon=timedelta(hours=6))
    fill(power, source, [6])
    assert [row["event_value"] for row in sensor_data(power)] == [6]
    assert [row["event_value"] for row in sensor_data(power, most_recent_beliefs_only=False)] == [
        5,
        6,
    ]
    assert [row["event_value"] for row in sensor_data(power, beliefs_before=START)] == [5]


def test_another_resolution(asset: GenericAsset, source: DataSource) -> None:
    power = asset.sensors[0]
    fill(power, source, [1, 2, 3, 4, 5])
    hourly = sensor_data(power, resolution=HOUR)
    assert [(row["event_start"] - MS, row["event_value"]) for row in hourly] == [
        (0, 2.5),
        (3_600_000, 5),
    ]
    ends: dict[str, Any] = {"event_starts_after": START, "event_ends_before": START + HOUR}
    assert len(sensor_data(power, resolution=HOUR, **ends)) == 1
    finer = sensor_data(power, resolution=timedelta(minutes=5))
    assert [row["event_value"] for row in finer[:4]] == [1, 1, 1, 2]


def test_a_day_of_23_hours(asset: GenericAsset, source: DataSource) -> None:
    power = asset.sensors[0]
    fill(power, source, np.arange(2 * 96 - 4))
    days = sensor_data(power, resolution=timedelta(days=1))
    assert [row["event_start"] - MS for row in days] == [0, 23 * 3_600_000]
    assert days[0]["event_value"] == np.arange(92).mean()


def test_resolutions_that_do_not_fit(asset: GenericAsset, source: DataSource) -> None:
    power = asset.sensors[0]
    fill(power, source, np.arange(9))
    with pytest.raises(UnfitResolution, match="too many"):
        sensor_data(power, resolution=timedelta(microseconds=1))


def test_rows_of_an_asset(asset: GenericAsset, source: DataSource) -> None:
    """In the finest resolution of all; instants stay as they are. One query reads all."""
    power, price, temperature = asset.sensors
    fill(power, source, [1, 2, 3, 4])
    fill(price, source, [50], horizon=timedelta(hours=12))
    fill(temperature, source, [20, 21])
    db.session.flush()
    statements: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *args: Any) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    rows = asset_data(asset.sensors)
    event.remove(db.engine, "before_cursor_execute", note)
    assert len(statements) <= 2
    assert [
        (row["sensor"]["name"], (row["event_start"] - MS) // 900_000, row["event_value"])
        for row in rows
    ] == [
        *(("power", quarter, quarter + 1) for quarter in range(4)),
        *(("price", quarter, 50) for quarter in range(4)),
        ("temperature", 0, 20),
        ("temperature", 4, 21),
    ]
    assert rows[0] == {
        "event_start": MS,
        "source": as_source(source),
        "event_value": 1,
        "belief_horizon": 0,
        "sensor": {"id": power.id, "name": "power", "description": "power (store)"},
    }
    assert json.loads(str(asset.search_beliefs(as_json=True))) == rows
    with_times = asset_data(asset.sensors, most_recent_beliefs_only=False)
    assert with_times[0]["belief_time"] == MS + 900_000


def test_beliefs_of_an_asset_as_frames(asset: GenericAsset, source: DataSource) -> None:
    power = asset.sensors[0]
    fill(power, source, [1, 2])
    frames = asset.search_beliefs(sensors=[power], event_starts_after=START + QUARTER)
    assert isinstance(frames, dict)
    assert [*frames] == [power]
    assert frames[power]["event_value"].tolist() == [2]


def test_chart_with_data(asset: GenericAsset, source: DataSource) -> None:
    fill(asset.sensors[0], source, [1, 2])
    spec = asset.chart(include_data=True, **WINDOW)
    check(spec)
    assert len(spec["vconcat"]) == 2
    assert len(spec["datasets"][f"asset_{asset.id}"]) == 2
    named = asset.sensors[0].chart(include_data=True, dataset_name="mine", width=300)
    assert (named["data"]["name"], named["width"]) == ("mine", 300)
    assert named["datasets"].keys() == {"mine", "mine_annotations"}


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("which", [0, 2], ids=["events", "instants"])
def test_charts_of_little(asset: GenericAsset, source: DataSource, which: int, number: int) -> None:
    sensor = asset.sensors[which]
    fill(sensor, source, [3.5] * number)
    asset.attributes["sensors_to_show"] = [sensor.id]
    for thing, name in ((sensor, f"sensor_{sensor.id}"), (asset, f"asset_{asset.id}")):
        windows: list[dict[str, Any]] = [{}, WINDOW, dict.fromkeys(WINDOW, START)]
        for window in windows:
            spec = thing.chart(include_data=True, **window)
            check(spec)
            within = 0 if window and window != WINDOW and sensor.event_resolution else number
            assert len(spec["datasets"][name]) == within


def test_annotations_of_a_chart(asset: GenericAsset, source: DataSource) -> None:
    sensor = asset.sensors[0]
    holiday, label = (
        Annotation(
            start=START + start,
            end=START + HOUR * 3,
            content=content,
            source=source,
            type="label",
            belief_time=START,
        )
        for start, content in ((HOUR, "word " * 20), (0 * HOUR, "first\nsecond"))
    )
    db.session.add_all([holiday, label])
    db.session.flush()
    db.session.add(SensorAnnotationRelationship(sensor_id=sensor.id, annotation_id=holiday.id))
    db.session.add(
        GenericAssetAnnotationRelationship(generic_asset_id=asset.id, annotation_id=label.id)
    )
    name = f"sensor_{sensor.id}_annotations"
    without = sensor.chart(include_data=True)
    assert without["datasets"][name] == []
    spec = sensor.chart(
        include_data=True,
        include_sensor_annotations=True,
        include_asset_annotations=True,
        include_account_annotations=True,
    )
    check(spec)
    [note] = spec["datasets"][name]
    assert note == {
        "index": 0,
        "start": MS,
        "end": MS + 3 * 3_600_000,
        "belief_time": MS,
        "source": "Seita's naive model v1.2",
        "type": "label",
        "content": ["first", "second", " ".join(["word"] * 12), " ".join(["word"] * 8)],
    }
    after = sensor.chart(
        include_data=True, include_asset_annotations=True, event_starts_after=START + 3 * HOUR
    )
    assert after["datasets"][name] == []


def test_a_year_of_quarters_is_quick(asset: GenericAsset, source: DataSource) -> None:
    power, price, _ = asset.sensors
    fill(power, source, np.arange(4 * 8760))
    fill(price, source, np.arange(8760))
    begin = time.perf_counter()
    rows = asset_data([power, price])
    took = time.perf_counter() - begin
    assert len(rows) == 2 * 4 * 8760
    assert took < 4, "Usually it takes less than half a second."


def test_the_limit_is_on_rows(
    asset: GenericAsset, source: DataSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MOST_RECORDS", 10)
    fill(asset.sensors[1], source, [1, 2, 3])
    assert len(sensor_data(asset.sensors[1], resolution=timedelta(minutes=20))) == 9
    with pytest.raises(UnfitResolution):
        sensor_data(asset.sensors[1], resolution=timedelta(minutes=15))
