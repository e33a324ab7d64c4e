"""A database with something in every table, and what is in it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import insert, text

from flexmeasures.data.models.alerts import SensorAlert
from flexmeasures.data.models.annotations import (
    AccountAnnotationRelationship,
    Annotation,
    GenericAssetAnnotationRelationship,
    SensorAnnotationRelationship,
)
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.task_runs import LatestTaskRun
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.services import backups
from flexmeasures.tests.permissions.world import World, build_world

MIDNIGHT = datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=1)))
Contents = dict[str, list[str]]


@pytest.fixture
def world(fresh_db: SQLAlchemy) -> World:
    """With something in every table."""
    world = build_world()
    session = fresh_db.session
    sensor = session.get_one(Sensor, world.ids["sensor of Bakery"])
    source = DataSource("meter \\ 'of' the\tbakery\n", type="meter")
    session.add(source)
    session.flush()
    values = [0.1, 1 / 3, -1e300, float("nan"), float("inf")]
    for hour, value in enumerate(values):
        belief = {
            "sensor_id": sensor.id,
            "source_id": source.id,
            "event_start": MIDNIGHT + timedelta(hours=hour),
            "belief_horizon": timedelta(days=-400, microseconds=hour),
            "cumulative_probability": 0.5,
            "event_value": value,
        }
        session.execute(insert(TimedBelief).values(**belief))
    note = Annotation(
        content="Oven ☃ broken",
        start=MIDNIGHT,
        end=MIDNIGHT + timedelta(days=1),
        source=source,
        type="alert",
    )
    session.add(note)
    session.flush()
    asset = sensor.generic_asset
    session.add(SensorAlert(sensor=sensor, annotation=note, rule="gap", is_open=True))
    session.add(SensorAnnotationRelationship(sensor_id=sensor.id, annotation_id=note.id))
    session.add(
        GenericAssetAnnotationRelationship(generic_asset_id=asset.id, annotation_id=note.id)
    )
    session.add(AccountAnnotationRelationship(account_id=asset.account_id, annotation_id=note.id))
    asset.attributes = {"quote": 'a "\\N" b', "list": [1, None]}
    LatestTaskRun.record_run("import", True)
    session.commit()
    return world


def contents(db: SQLAlchemy) -> Contents:
    db.session.rollback()
    with db.engine.connect() as connection:
        return {
            table.name: sorted(connection.scalars(text(f'SELECT t::text FROM "{table.name}" t')))
            for table in backups.tables()
        }


def empty(db: SQLAlchemy) -> None:
    names = ", ".join(table.name for table in backups.tables())
    db.session.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
    db.session.commit()
