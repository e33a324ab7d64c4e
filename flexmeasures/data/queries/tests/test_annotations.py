from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pandas as pd
import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import func, select

from flexmeasures.data.config import db
from flexmeasures.data.models.annotations import (
    AccountAnnotationRelationship,
    Annotation,
    SensorAnnotationRelationship,
    get_or_create_annotation,
)
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.models.user import Account

START, DAY = datetime(2026, 1, 1, tzinfo=timezone.utc), timedelta(days=1)


@pytest.fixture
def session(db: SQLAlchemy) -> Iterator[Any]:
    yield db.session
    db.session.rollback()


@pytest.fixture
def sources(session: Any) -> list[DataSource]:
    sources = [DataSource(name=name, type="CLI script") for name in ("ann", "bob")]
    session.add_all(sources)
    session.flush()
    return sources


@pytest.fixture
def sensor(session: Any, sources: list[DataSource]) -> Sensor:
    """Noted are: on the sensor day 0 by ann, on the asset day 1 by bob, on the account day 2."""
    account = Account(name="bakery")
    kind = GenericAssetType(name="battery")
    sensor = Sensor("power", GenericAsset(name="x", generic_asset_type=kind, owner=account))
    notes = [note(sources[0], 0), note(sources[1], 1, "holiday"), note(sources[0], 2)]
    session.add_all([sensor, *notes])
    session.flush()
    sensor.generic_asset.add_annotations(frame(sources[1], [1]), "holiday")
    session.add(SensorAnnotationRelationship(sensor_id=sensor.id, annotation_id=notes[0].id))
    session.add(AccountAnnotationRelationship(account_id=account.id, annotation_id=notes[2].id))
    session.flush()
    return sensor


def note(source: DataSource, day: int, type_: Any = "label") -> Annotation:
    start = START + day * DAY
    return Annotation(start=start, end=start + DAY, content=f"{day}", source=source, type=type_)


def frame(source: DataSource, days: list[int]) -> pd.DataFrame:
    starts = [START + day * DAY for day in days]
    index = pd.Index(starts, name="start")
    return pd.DataFrame(
        {
            "end": [start + DAY for start in starts],
            "belief_time": pd.NaT,
            "source": source,
            "content": [str(day) for day in days],
        },
        index=index,
    )


def contents(found: Any) -> str:
    return "".join(annotation.content for annotation in found)


def test_whose_they_are(sensor: Sensor) -> None:
    asset = sensor.generic_asset
    assert contents(sensor.search_annotations()) == "0"
    assert contents(sensor.search_annotations(include_asset_annotations=True)) == "01"
    assert contents(sensor.search_annotations(include_account_annotations=True)) == "02"
    assert contents(asset.search_annotations()) == "1"
    assert contents(asset.search_annotations(include_account_annotations=True)) == "12"
    assert asset.owner is not None
    assert contents(asset.owner.search_annotations()) == "2"
    assert asset.count_annotations() == 1
    assert asset.count_annotations(include_account_annotations=True) == 2
    # an annotation of both counts once
    [both] = asset.search_annotations()
    assert isinstance(both, Annotation)
    link = SensorAnnotationRelationship(sensor_id=sensor.id, annotation_id=both.id)
    db.session.add(link)
    assert contents(sensor.search_annotations(include_asset_annotations=True)) == "01"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, "12"),
        ({"annotations_after": START + 2 * DAY}, "2"),
        ({"annotations_after": START + 1.9 * DAY}, "12"),
        ({"annotations_before": START + 2 * DAY}, "1"),
        ({"annotations_before": START + 2.1 * DAY}, "12"),
        ({"annotation_starts_after": START + 2 * DAY}, "2"),
        ({"annotation_ends_before": START + 2 * DAY}, "1"),
        ({"source": "bob"}, "1"),
        ({"source": "nobody"}, ""),
        ({"annotation_type": "holiday"}, "1"),
        ({"annotation_type": ["label", "alert"]}, "2"),
    ],
)
def test_filters(sensor: Sensor, filters: dict[str, Any], expected: str) -> None:
    asset = sensor.generic_asset
    assert (
        contents(asset.search_annotations(include_account_annotations=True, **filters)) == expected
    )
    count = asset.count_annotations(include_account_annotations=True, **filters)
    assert count == len(expected)


def test_as_frame(sensor: Sensor, sources: list[DataSource]) -> None:
    found: Any = sensor.search_annotations(include_asset_annotations=True, as_frame=True)
    assert [*found] == ["start", "end", "belief_time", "source", "type", "content"]
    assert found["content"].tolist() == ["0", "1"]
    assert found["source"].tolist() == sources
    nothing: Any = sensor.search_annotations(source="nobody", as_frame=True)
    assert [*nothing] == [*found]
    assert nothing.empty


def test_adding_twice(sensor: Sensor, sources: list[DataSource]) -> None:
    """What is there already is there once, whoever has it."""
    asset = sensor.generic_asset
    before = db.session.scalar(select(func.count(Annotation.id))) or 0
    for _ in range(2):
        asset.add_annotations(frame(sources[0], [0, 4, 5]), "label")
    assert contents(asset.search_annotations()) == "0145"
    assert db.session.scalar(select(func.count(Annotation.id))) == before + 2
    Annotation.add(frame(sources[0], [5]), "label")
    Annotation.add(frame(sources[0], []), "label")
    assert db.session.scalar(select(func.count(Annotation.id))) == before + 2


def test_durations_and_belief_times(sensor: Sensor, sources: list[DataSource]) -> None:
    asset = sensor.generic_asset
    told = frame(sources[0], [6]).drop(columns="end")
    told["duration"], told["belief_time"] = 2 * DAY, pd.Timestamp(START)
    for _ in range(2):
        asset.add_annotations(told, "feedback")
    [found] = asset.search_annotations(annotation_type="feedback")
    assert isinstance(found, Annotation)
    assert (found.duration, found.belief_time) == (2 * DAY, START)


def test_get_or_create(sensor: Sensor, sources: list[DataSource]) -> None:
    [stored] = sensor.search_annotations()
    assert get_or_create_annotation(note(sources[0], 0)) is stored
    new = note(sources[1], 0)
    assert get_or_create_annotation(new) is new
    assert new in db.session
