from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.exc import IntegrityError

from flexmeasures.data.beliefs.search import search
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.utils import get_data_source, save_to_db, save_to_session
from flexmeasures.utils.timely import tb

START = datetime(2024, 1, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


@pytest.fixture
def session(fresh_db: SQLAlchemy) -> Any:
    return fresh_db.session


@pytest.fixture
def sensor(session: Any) -> Sensor:
    asset = GenericAsset(name="mill", generic_asset_type=GenericAssetType(name="windmill"))
    sensor = Sensor("power", asset, unit="MW", event_resolution=HOUR)
    session.add(sensor)
    session.flush()
    return sensor


def beliefs(
    sensor: Sensor, values: list[float], horizon: timedelta = timedelta(0)
) -> tb.BeliefsDataFrame:
    return tb.BeliefsDataFrame(
        pd.Series(values, pd.date_range(START, periods=len(values), freq="h"), dtype=float),
        sensor=sensor,
        source=get_data_source("a meter"),
        belief_horizon=horizon,
    )


def stored(sensor: Sensor) -> list[float]:
    return search([sensor])[sensor]["event_value"].tolist()


def test_statuses(sensor: Sensor) -> None:
    assert save_to_db(beliefs(sensor, [1, 2])) == "success"
    assert save_to_db(beliefs(sensor, [1, 2])) == "success_but_nothing_new"
    assert save_to_db(beliefs(sensor, [1, 2, 3])) == "success_with_unchanged_beliefs_skipped"
    assert save_to_db(beliefs(sensor, [1, 2], -HOUR)) == "success_but_nothing_new"
    assert save_to_db(beliefs(sensor, [np.nan])) == "success_but_nothing_new"
    assert save_to_db([]) == "success_but_nothing_new"
    assert stored(sensor) == [1, 2, 3]


def test_several_frames_and_columns(sensor: Sensor) -> None:
    first = beliefs(sensor, [1, 2])
    assert save_to_db([first, beliefs(sensor, [3], -HOUR)["event_value"]]) == "success"
    assert stored(sensor) == [3, 2]


def test_unchanged_beliefs_may_be_saved(sensor: Sensor) -> None:
    save_to_db(beliefs(sensor, [1, 2]))
    again = beliefs(sensor, [1, 2], -HOUR)
    assert save_to_db(again, save_changed_beliefs_only=False) == "success"
    assert len(sensor.search_beliefs(most_recent_beliefs_only=False)) == 4


def test_replacing_is_refused(sensor: Sensor) -> None:
    save_to_db(beliefs(sensor, [1, 2]))
    with pytest.raises(IntegrityError, match="timed_belief_pkey"):
        save_to_db(beliefs(sensor, [1, 3]))
    assert stored(sensor) == [1, 2]


def test_replacing_where_it_is_allowed(
    sensor: Sensor, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "FLEXMEASURES_ALLOW_DATA_OVERWRITE", True)
    save_to_db(beliefs(sensor, [1, 2]))
    assert save_to_db(beliefs(sensor, [1, 3])) == "success_with_unchanged_beliefs_skipped"
    assert stored(sensor) == [1, 3]


def test_nothing_is_committed(sensor: Sensor, session: Any) -> None:
    session.commit()
    save_to_db(beliefs(sensor, [1, 2]))
    session.rollback()
    assert stored(sensor) == []


def test_adding_a_frame_as_it_is(sensor: Sensor) -> None:
    TimedBelief.add(beliefs(sensor, [1, 2]))
    TimedBelief.add(beliefs(sensor, [1, 2], -HOUR))
    assert len(sensor.search_beliefs(most_recent_beliefs_only=False)) == 4
    with pytest.raises(IntegrityError):
        TimedBelief.add(beliefs(sensor, [3]))
    TimedBelief.add(beliefs(sensor, [3], -HOUR), allow_overwrite=True)
    assert stored(sensor) == [3, 2]


def test_data_sources_are_made_once(session: Any) -> None:
    source = get_data_source("ENTSO-E")
    assert (source.type, source.model, source.version) == ("script", None, None)
    assert source.id is not None
    assert get_data_source("ENTSO-E") is source
    others = [
        get_data_source("ENTSO-E", data_source_model="naive"),
        get_data_source("ENTSO-E", "naive", "1"),
        get_data_source("ENTSO-E", data_source_type="market"),
    ]
    assert len({source.id, *(other.id for other in others)}) == 4


def test_saving_objects(session: Any) -> None:
    source = DataSource("Ann", type="script")
    save_to_session([source])
    session.flush()
    other = DataSource("Bob", type="script")
    other.id = source.id
    save_to_session([other], overwrite=True)
    session.flush()
    assert source.name == "Bob"
