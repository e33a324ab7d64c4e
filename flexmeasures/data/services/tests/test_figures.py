"""Figures about the database: how new data are, and how much is written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text

from flexmeasures.data.beliefs.save import save
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.queries.freshness import newest_measurements
from flexmeasures.data.services import figures
from flexmeasures.data.services.figures import DatabaseFigures, Freshness
from flexmeasures.utils.time_utils import server_now
from flexmeasures.utils.timely import tb

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    figures.kept_freshness.forget()
    yield
    figures.kept_freshness.forget()


def scripts() -> str:
    folder: str = current_app.extensions["migrate"].directory
    return folder


def ask(db: SQLAlchemy) -> DatabaseFigures:
    return figures.figures_of_database(db.engine, scripts())


@pytest.fixture
def source(fresh_db: SQLAlchemy) -> DataSource:
    source = DataSource("meter", type="demo script")
    fresh_db.session.add(source)
    fresh_db.session.flush()
    return source


def make_sensor(db: SQLAlchemy, kind: GenericAssetType, name: str = "power") -> Sensor:
    asset = GenericAsset(name=f"{kind.name} with {name}", generic_asset_type=kind)
    sensor = Sensor(name, asset, unit="MW", event_resolution=15 * MINUTE)
    db.session.add(sensor)
    db.session.flush()
    return sensor


def believe(
    sensor: Sensor, source: DataSource, age: timedelta, horizon: timedelta = timedelta(0)
) -> None:
    """Let an event that ended so long ago be known, or have been forecast."""
    start = server_now() - age - sensor.event_resolution
    values = pd.Series([1.0], index=pd.DatetimeIndex([start]))
    known_at = start + sensor.event_resolution - horizon
    save(tb.BeliefsDataFrame(values, sensor=sensor, source=source, belief_time=known_at))


def test_freshness(fresh_db: SQLAlchemy, source: DataSource) -> None:
    battery, solar = GenericAssetType(name="battery"), GenericAssetType(name="solar")
    for age in (10 * MINUTE, 5 * HOUR, 20 * HOUR, 60 * HOUR):
        sensor = make_sensor(fresh_db, battery, f"data of {age}")
        believe(sensor, source, age)
        believe(sensor, source, 50 * HOUR)
        believe(sensor, source, -HOUR, horizon=6 * HOUR)
        believe(sensor, source, MINUTE, horizon=6 * HOUR)
    make_sensor(fresh_db, battery, "nothing")
    believe(make_sensor(fresh_db, solar), source, MINUTE, horizon=HOUR)  # a forecast
    fresh_db.session.commit()
    found = ask(fresh_db).freshness
    assert found is not None
    batteries, panels = found
    assert (batteries.asset_type, batteries.sensors) == ("battery", 5)
    assert batteries.measured == (1, 2, 3)
    assert batteries.newest is not None
    assert 600 <= batteries.newest < 660
    assert panels == Freshness("solar", 1, (0, 0, 0), None)


def test_many_types(
    fresh_db: SQLAlchemy, source: DataSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "MOST_TYPES", 2)
    for name, number in (("a", 1), ("b", 3), ("c", 1), ("d", 2)):
        kind = GenericAssetType(name=name)
        for n in range(number):
            believe(make_sensor(fresh_db, kind, f"sensor {n}"), source, 2 * HOUR)
    fresh_db.session.commit()
    found = ask(fresh_db).freshness
    assert found is not None
    assert [(one.asset_type, one.sensors, one.measured) for one in found] == [
        ("b", 3, (0, 3, 3)),
        ("d", 2, (0, 2, 2)),
        ("other", 2, (0, 2, 2)),
    ]


def test_freshness_is_asked_for_now_and_then(fresh_db: SQLAlchemy, source: DataSource) -> None:
    assert ask(fresh_db).freshness == []
    make_sensor(fresh_db, GenericAssetType(name="battery"))
    fresh_db.session.commit()
    assert ask(fresh_db).freshness == []
    figures.kept_freshness.forget()
    assert ask(fresh_db).freshness != []


def test_what_takes_too_long_is_left_out(
    fresh_db: SQLAlchemy, source: DataSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = text("SELECT pg_sleep(5)")
    monkeypatch.setattr(figures, "newest_measurements", lambda *arguments: slow)
    monkeypatch.setattr(figures, "_LIMIT", 100)
    known = ask(fresh_db)
    assert known.freshness is None
    assert known.stored >= 0
    # The limit was of that transaction only.
    with fresh_db.engine.connect() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "0"


def commit_and_tell(db: SQLAlchemy) -> None:
    """Otherwise, a connection tells what it wrote a second later."""
    db.session.execute(text("SELECT pg_stat_force_next_flush()"))
    db.session.commit()


def test_beliefs_that_were_written(fresh_db: SQLAlchemy, source: DataSource) -> None:
    sensor = make_sensor(fresh_db, GenericAssetType(name="battery"))
    fresh_db.session.commit()
    before = ask(fresh_db).stored
    for age in range(5):
        believe(sensor, source, age * HOUR)
    commit_and_tell(fresh_db)
    assert ask(fresh_db).stored - before >= 5  # other connections may tell later what they wrote


def test_freshness_reads_the_key_only(fresh_db: SQLAlchemy, source: DataSource) -> None:
    """Whatever the planner thinks of tables as small as here."""
    query = newest_measurements(server_now(), [HOUR])
    with fresh_db.engine.connect() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off"))
        shown: Any = query
        statement = shown.compile(fresh_db.engine, compile_kwargs={"literal_binds": True})
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}").scalars())
    assert "Index Only Scan Backward using timed_belief_pkey" in plan


def test_without_migrations(app: Flask, fresh_db: SQLAlchemy) -> None:
    assert not ask(fresh_db).migrations_at_head
