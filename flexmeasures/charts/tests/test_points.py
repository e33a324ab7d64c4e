"""Rows that say how long they are, and means where there would be too many of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import event

from flexmeasures.charts.asset_chart import chart_for_multiple_sensors
from flexmeasures.charts.filled import asset_data, sensor_data
from flexmeasures.charts.records import UnfitResolution
from flexmeasures.charts.sensor_chart import bar_chart
from flexmeasures.charts.tests.conftest import HOUR, QUARTER, MakeSensor
from flexmeasures.charts.tests.test_filled import MS, START, WINDOW, as_source, fill
from flexmeasures.charts.tests.test_specs import END, check
from flexmeasures.data.beliefs.averages import step_of
from flexmeasures.data.beliefs.save import save
from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import TimedBelief
from flexmeasures.utils.timely import tb

DAY = timedelta(days=1)


def figures(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(row["event_value"], row["least"], row["most"], row["number"]) for row in rows]


@pytest.mark.parametrize(
    ("window", "most_points", "resolution", "step"),
    [
        (365 * DAY, 1000, timedelta(minutes=1), DAY),
        (365 * DAY, 10_000, timedelta(minutes=1), timedelta(hours=1)),
        (7 * DAY, 1000, QUARTER, QUARTER),
        (7 * DAY, 1000, timedelta(0), timedelta(minutes=15)),
        (DAY, 100, timedelta(minutes=7), timedelta(minutes=21)),
        (timedelta(0), 10, HOUR, HOUR),
        (100_000 * DAY, 10, DAY, 10_000 * DAY),
        (100_000 * DAY, 10, timedelta(0), 10_024 * DAY),
    ],
)
def test_usual_steps(
    window: timedelta, most_points: int, resolution: timedelta, step: timedelta
) -> None:
    assert step_of(window, most_points, resolution) == step


def test_few_rows_stay_as_they_are(asset: GenericAsset, source: DataSource) -> None:
    power = asset.sensors[0]
    fill(power, source, range(10))
    rows = sensor_data(power, max_points=10, **WINDOW)
    assert rows[1] == {
        "event_start": MS + 900_000,
        "event_resolution": 900_000,
        "belief_time": MS + 1_800_000,
        "belief_horizon": 0,
        "source": as_source(source),
        "event_value": 1,
        "sensor": {"id": power.id, "name": "power", "description": "power (store)"},
    }
    assert [row["event_value"] for row in rows] == [*range(10)]


def test_means_of_stretches(asset: GenericAsset, source: DataSource) -> None:
    """The day has 23 hours: 20 points at most are two-hourly ones, from its midnight on."""
    power = asset.sensors[0]
    fill(power, source, [*range(92), 1000])  # the last one is on the next day
    rows = sensor_data(power, max_points=20, **WINDOW)
    assert len(rows) == 12
    assert rows[1] == {
        "event_start": MS + 7_200_000,
        "event_resolution": 7_200_000,
        "belief_time": MS + 16 * 900_000,
        "belief_horizon": None,
        "source": as_source(source),
        "event_value": 11.5,
        "least": 8,
        "most": 15,
        "number": 8,
        "sensor": {"id": power.id, "name": "power", "description": "power (store)"},
    }
    assert figures(rows)[-1] == (89.5, 88, 91, 4)
    assert sensor_data(power, max_points=20, resolution=HOUR, **WINDOW) == rows


def test_the_latest_belief_of_each_source_counts(asset: GenericAsset, source: DataSource) -> None:
    power = asset.sensors[0]
    other = DataSource(name="meter", type="demo script")
    db.session.add(other)
    db.session.flush()
    fill(power, source, [100.0] * 40, horizon=timedelta(hours=6))
    fill(power, source, [3.0] * 40, horizon=timedelta(hours=1))
    fill(power, other, [5.0] * 40)
    rows = sensor_data(power, max_points=12, **WINDOW)
    assert {row["source"]["id"]: row["event_value"] for row in rows} == {source.id: 3, other.id: 5}
    assert [row["event_start"] for row in rows] == sorted(row["event_start"] for row in rows)
    earlier = sensor_data(power, max_points=12, beliefs_before=START - 3 * HOUR, **WINDOW)
    assert {row["event_value"] for row in earlier} == {100}


def test_what_is_no_number_does_not_count(asset: GenericAsset, source: DataSource) -> None:
    power = asset.sensors[0]
    values = [1, np.nan, 3, 4, *[np.nan] * 4, np.inf, 1, 2, 3]
    for number, value in enumerate(values):  # which cannot be saved otherwise
        event_start, horizon = START + number * QUARTER, timedelta(0)
        db.session.add(
            TimedBelief(
                power, source, event_value=value, event_start=event_start, belief_horizon=horizon
            )
        )
    ends: dict[str, Any] = {"event_starts_after": START, "event_ends_before": START + 10 * HOUR}
    assert figures(sensor_data(power, max_points=10, **ends)) == [
        (pytest.approx(8 / 3), 1, 4, 4),
        (None, None, None, 4),
        (None, 1, None, 4),
    ]


def test_medians_of_probabilistic_beliefs(asset: GenericAsset, source: DataSource) -> None:
    """In the first hour they are 1 (between 0 and 2) and 5; nothing is known of the other half."""
    power = asset.sensors[0]
    quarters = [0, 0, 1, *range(4, 13)]
    starts = [START + number * QUARTER for number in quarters]
    index = pd.MultiIndex.from_arrays(
        [
            pd.DatetimeIndex(starts),
            pd.DatetimeIndex([START - DAY] * len(starts)),
            [source] * len(starts),
            [0.4, 0.6, *[0.5] * 10],
        ],
        names=["event_start", "belief_time", "source", "cumulative_probability"],
    )
    values = [0.0, 2.0, 5.0, *[7.0] * 8, 9.0]
    save(tb.BeliefsDataFrame({"event_value": values}, index=index, sensor=power))
    ends: dict[str, Any] = {"event_starts_after": START, "event_ends_before": START + 10 * HOUR}
    rows = sensor_data(power, max_points=10, **ends)
    assert figures(rows) == [(3, 1, 5, 2), (7, 7, 7, 4), (7, 7, 7, 4), (9, 9, 9, 1)]
    assert rows[0]["belief_time"] == MS - 86_400_000


def test_both_ways_to_average_agree(
    asset: GenericAsset, source: DataSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database does it; what it cannot do is done with arrays."""
    power, _, temperature = asset.sensors
    rng = np.random.default_rng(7)
    for sensor in (power, temperature):
        values = rng.normal(size=400)
        values[rng.random(400) < 0.1] = np.nan
        fill(sensor, source, values)
    by_database = asset_data([power, temperature], max_points=200)
    monkeypatch.setattr(
        "flexmeasures.charts.points.averages", lambda sensors, *_: dict.fromkeys(sensors)
    )
    by_arrays = asset_data([power, temperature], max_points=200)
    assert len(by_database) == len(by_arrays) > 200
    for one, other in zip(by_database, by_arrays, strict=True):
        assert one == other | {"event_value": pytest.approx(other["event_value"])}


def test_sensors_of_an_asset(asset: GenericAsset, source: DataSource) -> None:
    """Each in its own resolution, and only those averaged that have too many rows."""
    power, price, temperature = asset.sensors
    fill(power, source, np.ones(92))
    fill(price, source, np.ones(23))
    fill(temperature, source, np.ones(23))
    rows = asset_data([power, price, temperature], max_points=30, **WINDOW)
    found = {(row["sensor"]["name"], row["event_resolution"], "least" in row) for row in rows}
    hour = 3_600_000
    assert found == {("power", hour, True), ("price", hour, False), ("temperature", 0, False)}
    assert len(rows) == 3 * 23
    assert asset_data([], max_points=30) == asset_data([power], max_points=30, source=0) == []


def test_without_a_window_the_data_decide(asset: GenericAsset, source: DataSource) -> None:
    power = asset.sensors[0]
    fill(power, source, np.arange(4 * 48))
    rows = sensor_data(power, max_points=24)
    assert (len(rows), rows[0]["event_start"]) == (24, MS)


def test_many_rows_of_a_short_time_stay(asset: GenericAsset, source: DataSource) -> None:
    """Of several sources: there are no more points than fit."""
    power = asset.sensors[0]
    for number in range(5):
        other = DataSource(name=f"meter {number}", type="demo script")
        db.session.add(other)
        db.session.flush()
        fill(power, other, [1, 2, 3, 4])
    ends: dict[str, Any] = {"event_starts_after": START, "event_ends_before": START + HOUR}
    assert len(sensor_data(power, max_points=10, **ends)) == 20


def test_older_beliefs_are_not_averaged(asset: GenericAsset, source: DataSource) -> None:
    power = asset.sensors[0]
    for hours in (6, 0):
        fill(power, source, np.ones(10), horizon=hours * HOUR)
    rows = sensor_data(power, max_points=20, most_recent_beliefs_only=False, **WINDOW)
    assert len(rows) == 20
    assert "least" not in rows[0]
    with pytest.raises(UnfitResolution, match="more than 19 beliefs"):
        sensor_data(power, max_points=19, most_recent_beliefs_only=False, **WINDOW)


def test_five_statements_at_most(asset: GenericAsset, source: DataSource) -> None:
    power, price, temperature = asset.sensors
    fill(power, source, np.ones(92))
    fill(price, source, np.ones(23))
    fill(temperature, source, np.ones(23))
    sent: list[str] = []

    def note(*args: Any) -> None:
        sent.append(args[2])

    event.listen(db.engine, "before_cursor_execute", note)
    asset_data([power, price, temperature], max_points=30, **WINDOW)
    event.remove(db.engine, "before_cursor_execute", note)
    assert len(sent) <= 5


class TestSpecifications:
    def test_of_a_sensor(self, make_sensor: MakeSensor) -> None:
        spec = bar_chart(make_sensor(), START, END, max_points=100, dataset_name="rows")
        check(spec)
        bars, spread, _ = spec["layer"]
        assert spread["name"].startswith("spread")
        assert bars["encoding"]["x2"] == {"field": "event_end"}
        titles = [shown["title"] for shown in bars["encoding"]["tooltip"]]
        assert titles == [
            *("Time and date", "Power", "Mean of", "Lowest", "Highest", "Source", "Model"),
            *("Believed at", "Horizon"),
        ]
        assert bars["encoding"]["y"]["title"] == spread["encoding"]["y"]["title"] == "Power (MW)"

    def test_of_instants(self, make_sensor: MakeSensor) -> None:
        """Single ones have no length, but a width."""
        instant = make_sensor(length=timedelta(0))
        spec = bar_chart(instant, START, END, max_points=100, dataset_name="rows")
        check(spec)
        _, instants, _, _ = spec["layer"]
        assert instants["mark"]["width"] == 4
        assert "x2" not in instants["encoding"]

    def test_of_an_asset(self, make_sensor: MakeSensor) -> None:
        sensors = [make_sensor(), make_sensor("price", "EUR/MWh", HOUR)]
        spec = chart_for_multiple_sensors(sensors, START, END, max_points=100, dataset_name="rows")
        check(spec)
        for row in spec["vconcat"]:
            line, spread, wide, *_ = row["layer"]
            assert spread["mark"]["type"] == "area"
            assert line["mark"]["type"] == "line"
            assert wide["encoding"]["x2"] == {"field": "event_end"}
        names = [row["layer"][1]["name"] for row in spec["vconcat"]]
        assert len(set(names)) == 2
