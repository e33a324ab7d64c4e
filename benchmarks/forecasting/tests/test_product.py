"""Series in the database, and forecasts out of it."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
from flask_sqlalchemy import SQLAlchemy

from benchmarks.forecasting.datasets import Dataset, make_calendar
from benchmarks.forecasting.product import HOUR, store, stored
from benchmarks.forecasting.rolling import ask
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.forecasting.engine.series import Regressor, Series

BAND = (0.05, 0.95)


def make_dataset() -> Dataset:
    starts = pd.date_range("2020-01-01", periods=96, freq="h", tz="UTC")
    values = np.arange(96.0)
    values[3] = np.nan
    return Dataset("mill", "UTC", starts, Series(values, 24, make_calendar(starts, "UTC")), {})


def beliefs(db: SQLAlchemy, sensor: Sensor) -> list[tuple[pd.Timestamp, timedelta, float]]:
    found = db.session.query(TimedBelief).filter_by(sensor_id=sensor.id)
    rows = [(each.event_start, each.belief_horizon, each.event_value) for each in found]
    return sorted(rows)


def test_beliefs_are_as_old_as_they_were_known_early(fresh_db: SQLAlchemy) -> None:
    dataset = make_dataset()
    by = Regressor(np.array([50, 50, 60]), np.array([0, 48, 61]), np.array([1.0, 2.0, 3.0]))
    sensor, [weather] = store(dataset, {"weather": by})
    measured = beliefs(fresh_db, sensor)
    assert len(measured) == 95
    assert {horizon for _, horizon, _ in measured} == {timedelta(0)}
    event_50, event_60 = dataset.starts[50], dataset.starts[60]
    assert beliefs(fresh_db, weather) == [
        (event_50, 3 * HOUR, 2.0),
        (event_50, timedelta(days=5 * 365), 1.0),
        (event_60, timedelta(0), 3.0),
    ]


def test_the_latest_forecast_that_is_old_enough_counts(fresh_db: SQLAlchemy) -> None:
    dataset = make_dataset()
    sensor, _ = store(dataset, {})
    source = DataSource("Seita (auto model v1)", type="forecaster")
    event = dataset.starts[90].to_pydatetime()
    for horizon, probability, value in [
        (48, 0.5, 7.0),
        (6, 0.5, 8.0),
        (6, 0.05, 4.0),
        (6, 0.95, 12.0),
    ]:
        fresh_db.session.add(
            TimedBelief(
                sensor=sensor,
                source=source,
                event_start=event,
                belief_horizon=horizon * HOUR,
                cumulative_probability=probability,
                event_value=value,
            )
        )
    fresh_db.session.commit()
    horizons = {1: 1, 6: 6, 24: 24, 48: 48}
    questions = ask(dataset.series, 90, 91, list(horizons.values()), refit_days=7)
    answers = stored(sensor, dataset, questions, horizons, BAND)
    assert answers.values.tolist() == [8, 8, 7, 7]
    assert answers.low[:2].tolist() == [4, 4]
    assert answers.high[:2].tolist() == [12, 12]
    assert np.isnan(answers.low[2:]).all()
