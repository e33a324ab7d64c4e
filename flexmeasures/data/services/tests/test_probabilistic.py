"""Forecasts with quantiles, as each reader gives them: values at 5, 50 and 95 %."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.charts.filled import asset_data, sensor_data
from flexmeasures.data.beliefs.rows import Rows, microseconds
from flexmeasures.data.beliefs.save import Saved, save_rows
from flexmeasures.data.beliefs.search import search, search_many, values
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.services import backups
from flexmeasures.data.services.accuracy import measure
from flexmeasures.data.services.sensor_data import read
from flexmeasures.data.services.time_series import aggregate_values
from flexmeasures.scheduling.queries import get_prices
from flexmeasures.utils.timely import tb

START = datetime(2026, 3, 2, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
QUARTER = HOUR / 4
LOW, MEDIAN, HIGH = 0.05, 0.5, 0.95
QUANTILES = {LOW: -1.0, MEDIAN: 0.0, HIGH: 5.0}
"""Added to the numbers of the events. Skewed, so that a mean is not mistaken for the median."""


@pytest.fixture
def source(fresh_db: SQLAlchemy) -> DataSource:
    source = DataSource("Seita", type="forecaster")
    fresh_db.session.add(source)
    return source


@pytest.fixture
def sensor(fresh_db: SQLAlchemy, source: DataSource) -> Sensor:
    """With forecasts of eight quarters."""
    asset = GenericAsset(name="site", generic_asset_type=GenericAssetType(name="building"))
    sensor = Sensor("load", asset, unit="EUR/MWh", event_resolution=QUARTER)
    fresh_db.session.add(sensor)
    fresh_db.session.flush()
    assert store(sensor, source) == Saved(24, 0)
    fresh_db.session.commit()
    return sensor


def store(
    sensor: Sensor,
    source: DataSource,
    horizon: timedelta = 6 * HOUR,
    quantiles: dict[float, float] = QUANTILES,
) -> Saved:
    number = len(quantiles)
    events = np.repeat(np.arange(8), number)
    return save_rows(
        Rows(
            np.full(8 * number, sensor.id),
            microseconds(START) + events * microseconds(QUARTER),
            np.full(8 * number, source.id),
            np.full(8 * number, microseconds(horizon)),
            np.tile([*quantiles], 8).astype(float),
            events + np.tile([*quantiles.values()], 8),
        )
    )


WINDOW: dict[str, Any] = {
    "event_starts_after": START,
    "event_ends_before": START + 2 * HOUR,
}


def found(sensor: Sensor, **filters: Any) -> tb.BeliefsDataFrame:
    return search([sensor], **filters)[sensor]


class TestReaders:
    def test_search_gives_all_values(self, sensor: Sensor) -> None:
        frame = found(sensor, **WINDOW)
        assert frame["event_value"].tolist()[:6] == [-1, 0, 5, 0, 1, 6]
        assert frame.index.get_level_values("cumulative_probability").tolist()[:3] == [
            LOW,
            MEDIAN,
            HIGH,
        ]
        assert frame.lineage.number_of_beliefs == 8

    @pytest.mark.parametrize("per_source", ["", "_per_source"])
    def test_search_for_one_value(self, sensor: Sensor, per_source: str) -> None:
        flag = {f"one_deterministic_belief_per_event{per_source}": True}
        frame = found(sensor, **WINDOW, **flag)
        assert frame["event_value"].tolist() == [*range(8)]
        assert set(frame.index.get_level_values("cumulative_probability")) == {MEDIAN}

    def test_search_in_hours(self, sensor: Sensor) -> None:
        frame = found(sensor, **WINDOW, resolution=HOUR)
        assert frame["event_value"].tolist() == [0.5, 1.5, 6.5, 4.5, 5.5, 10.5]
        one = found(sensor, **WINDOW, resolution=HOUR, one_deterministic_belief_per_event=True)
        assert one["event_value"].tolist() == [1.5, 5.5]

    def test_sums(self, sensor: Sensor) -> None:
        frame = search_many(sensor, **WINDOW)
        total = aggregate_values({"one": frame, "other": frame})
        assert total["event_value"].tolist() == [2 * number for number in range(8)]

    def test_latest_state(self, sensor: Sensor, source: DataSource) -> None:
        assert sensor.latest_state().empty  # forecasts are none
        store(sensor, source, -HOUR)
        latest = sensor.latest_state()
        assert latest["event_value"].tolist() == [7]
        assert latest.event_starts.tolist() == [START + 7 * QUARTER]

    def test_the_planner_takes_medians(self, sensor: Sensor) -> None:
        window = START, START + 2 * HOUR
        assert values([sensor], *window, QUARTER)[sensor.id].tolist() == [*range(8)]
        assert values([sensor], *window, HOUR)[sensor.id].tolist() == [1.5, 5.5]
        prices, _ = get_prices(window, QUARTER, None, sensor)
        assert prices["event_value"].tolist() == [*range(8)]

    def test_api(self, sensor: Sensor) -> None:
        asked: dict[str, Any] = {"start": START, "duration": 2 * HOUR, "unit": "EUR/MWh"}
        assert read(sensor, **asked).values.tolist() == [*range(8)]
        assert read(sensor, **asked, resolution=HOUR).values.tolist() == [1.5, 5.5]
        by_then = read(sensor, **asked, prior=START - 5.75 * HOUR).values
        assert by_then[0] == 0 and np.isnan(by_then[1:]).all()

    def test_charts_show_one_value_per_event(self, sensor: Sensor) -> None:
        rows = sensor_data(sensor, **WINDOW)
        assert [row["event_value"] for row in rows] == [*range(8)]
        assert {row["cumulative_probability"] for row in rows} == {MEDIAN}
        hours = sensor_data(sensor, **WINDOW, resolution=HOUR)
        assert [row["event_value"] for row in hours] == [1.5, 5.5]
        of_asset = asset_data([sensor], **WINDOW)
        assert [row["event_value"] for row in of_asset] == [*range(8)]
        spec = sensor.chart(**WINDOW, include_data=True)
        assert spec["datasets"][f"sensor_{sensor.id}"] == rows

    def test_accuracy(self, fresh_db: SQLAlchemy, sensor: Sensor) -> None:
        meter = DataSource("meter", type="script")
        fresh_db.session.add(meter)
        fresh_db.session.flush()
        store(sensor, meter, timedelta(0), {MEDIAN: -2})
        [score] = measure(sensor, horizons=[6 * HOUR]).scores
        assert (score.errors.events, score.errors.bias) == (8, 2)
        assert score.band is not None
        assert (score.band.nominal, score.band.coverage) == (0.9, 0)

    def test_backups(self, fresh_db: SQLAlchemy, sensor: Sensor, tmp_path: Path) -> None:
        def stored() -> list[Any]:
            beliefs = fresh_db.session.query(TimedBelief)
            keys = ("event_start", "belief_horizon", "cumulative_probability", "event_value")
            return sorted([getattr(belief, key) for key in keys] for belief in beliefs)

        before = stored()
        backups.save(tmp_path / "backup")
        fresh_db.session.query(TimedBelief).delete()
        fresh_db.session.commit()
        backups.load(tmp_path / "backup")
        fresh_db.session.expire_all()
        assert len(before) == 24
        assert stored() == before


class TestSaving:
    def test_again(self, sensor: Sensor, source: DataSource) -> None:
        assert store(sensor, source) == Saved(0, 24)

    def test_the_same_later(self, sensor: Sensor, source: DataSource) -> None:
        assert store(sensor, source, HOUR) == Saved(0, 24)

    @pytest.mark.parametrize("changed", [*QUANTILES])
    def test_with_another_value_at_one_probability(
        self, sensor: Sensor, source: DataSource, changed: float
    ) -> None:
        """Kept whole, and what was believed before is known still."""
        other = QUANTILES | {changed: QUANTILES[changed] + 0.5}
        assert store(sensor, source, HOUR, other) == Saved(24, 0)
        frame = found(sensor, **WINDOW)
        assert frame["event_value"].tolist()[:3] == [*other.values()]
        before = found(sensor, **WINDOW, horizons_at_least=6 * HOUR)
        assert before["event_value"].tolist()[:3] == [*QUANTILES.values()]

    def test_more_probabilities_later(self, sensor: Sensor, source: DataSource) -> None:
        more = QUANTILES | {0.25: -0.5}
        assert store(sensor, source, HOUR, more) == Saved(32, 0)

    def test_only_the_median_again(self, sensor: Sensor, source: DataSource) -> None:
        """It says nothing that was not believed already."""
        assert store(sensor, source, HOUR, {MEDIAN: 0}) == Saved(0, 8)
        assert store(sensor, source, HOUR, {MEDIAN: 1}) == Saved(8, 0)
        frame = found(sensor, **WINDOW)
        assert frame["event_value"].tolist() == [*range(1, 9)]
