"""Saving data from endpoints of plugins."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pandas as pd
import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import func, select

from flexmeasures.api.common.utils.api_utils import save_and_enqueue, save_to_db
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.utils import get_data_source
from flexmeasures.utils.timely import tb

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def sensor(fresh_db: SQLAlchemy) -> Sensor:
    asset = GenericAsset(name="site", generic_asset_type=GenericAssetType(name="site"))
    sensor = Sensor(
        name="power", unit="kW", generic_asset=asset, event_resolution=timedelta(hours=1)
    )
    fresh_db.session.add(sensor)
    fresh_db.session.commit()
    return sensor


def beliefs(sensor: Sensor, values: list[float]) -> tb.BeliefsDataFrame:
    index = pd.date_range(START, periods=len(values), freq="1h", name="event_start")
    series = pd.Series(values, index=index, name="event_value")
    source = get_data_source("meter")
    return tb.BeliefsDataFrame(series, source=source, sensor=sensor, belief_time=START)


def number_stored(db: SQLAlchemy) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(TimedBelief)) or 0


def test_saved_and_committed(fresh_db: SQLAlchemy, sensor: Sensor) -> None:
    body, code = save_and_enqueue(beliefs(sensor, [1, 2]))
    assert (body["status"], code) == ("PROCESSED", 200)
    assert number_stored(fresh_db) == 2
    body, code = save_to_db(beliefs(sensor, [1, 2]))
    assert (body["status"], code) == ("ALREADY_RECEIVED_AND_SUCCESSFULLY_PROCESSED", 200)
    assert number_stored(fresh_db) == 2


def test_other_values(fresh_db: SQLAlchemy, sensor: Sensor, app: Flask) -> None:
    save_and_enqueue(beliefs(sensor, [1, 2]))
    body, code = save_and_enqueue(beliefs(sensor, [1, 3, 4]))
    assert (body["status"], code) == ("INVALID_REPLACEMENT", 403)
    assert number_stored(fresh_db) == 2
