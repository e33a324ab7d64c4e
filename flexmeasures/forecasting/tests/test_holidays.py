from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.data.beliefs.rows import microseconds
from flexmeasures.data.models.annotations import (
    AccountAnnotationRelationship,
    Annotation,
    GenericAssetAnnotationRelationship,
    SensorAnnotationRelationship,
)
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.user import Account
from flexmeasures.forecasting.base import Settings
from flexmeasures.forecasting.countries import country_of
from flexmeasures.forecasting.holidays import days_between, holidays_of
from flexmeasures.forecasting.tests.worlds import World

FIRST, LAST = ((day - date(1970, 1, 1)).days for day in (date(2025, 1, 1), date(2026, 12, 31)))
NONE = Settings(public_holidays=False)

NewWorld = Callable[..., World]


def dates(days: np.ndarray) -> list[str]:
    return [str(day) for day in days.astype("M8[D]")]


def annotate(db: SQLAlchemy, world: World, day: str, kind: str = "holiday") -> int:
    start = datetime.fromisoformat(day).replace(tzinfo=timezone.utc)
    end = start + timedelta(days=1)
    note = Annotation(content="Free", start=start, end=end, type=kind, source=world.meter)
    db.session.add(note)
    db.session.flush()
    return note.id


def test_annotations_of_the_sensor_and_all_it_belongs_to(
    db: SQLAlchemy, new_world: NewWorld
) -> None:
    world = new_world()
    asset = world.asset
    asset.owner = Account(name="town")
    asset.parent_asset = GenericAsset(name="campus", generic_asset_type=asset.asset_type)
    asset.parent_asset.owner = asset.owner
    other = GenericAsset(name="other", generic_asset_type=asset.asset_type)
    db.session.add(other)
    db.session.flush()
    ids = [annotate(db, world, f"2026-05-0{day}") for day in range(1, 6)]
    alert = annotate(db, world, "2026-05-06", "alert")
    db.session.add_all(
        [
            SensorAnnotationRelationship(sensor_id=world.sensor.id, annotation_id=ids[0]),
            GenericAssetAnnotationRelationship(generic_asset_id=asset.id, annotation_id=ids[1]),
            GenericAssetAnnotationRelationship(
                generic_asset_id=asset.parent_asset_id, annotation_id=ids[2]
            ),
            AccountAnnotationRelationship(account_id=asset.account_id, annotation_id=ids[3]),
            GenericAssetAnnotationRelationship(generic_asset_id=other.id, annotation_id=ids[4]),
            SensorAnnotationRelationship(sensor_id=world.sensor.id, annotation_id=alert),
        ]
    )
    db.session.flush()
    days, notes = holidays_of(world.sensor, FIRST, LAST, NONE)
    assert dates(days) == [f"2026-05-0{day}" for day in range(1, 5)]
    assert not notes
    # Years without any have those of the country.
    days, [note] = holidays_of(world.sensor, FIRST, LAST, Settings())
    assert "2025-12-25" in dates(days)
    assert "2026-12-25" not in dates(days)
    assert "in 2025" in note and "NL" in note and "Europe/Amsterdam" in note


def test_public_holidays_by_timezone(new_world: NewWorld) -> None:
    days, [note] = holidays_of(new_world().sensor, FIRST, LAST, Settings())
    assert {"2025-04-26", "2026-04-27"} < set(dates(days))
    assert "assumed" in note


@pytest.mark.parametrize(
    ("attribute", "day", "holiday"),
    [
        (False, "2026-12-25", False),
        ("DE", "2026-10-03", True),
        ("DE", "2026-06-04", False),
        ("de-by", "2026-06-04", True),
        (None, "2026-12-25", False),
    ],
)
def test_attribute(new_world: NewWorld, attribute: object, day: str, holiday: bool) -> None:
    world = new_world(attributes={"public_holidays": attribute})
    days, _ = holidays_of(world.sensor, FIRST, LAST, Settings())
    assert (day in dates(days)) == holiday


def test_attribute_goes_before_the_setting(new_world: NewWorld) -> None:
    world = new_world()
    world.asset.attributes["public_holidays"] = True
    assert "2026-12-25" in dates(holidays_of(world.sensor, FIRST, LAST, NONE)[0])


def test_unknown_country(new_world: NewWorld) -> None:
    world = new_world(attributes={"public_holidays": "Atlantis"})
    days, [note] = holidays_of(world.sensor, FIRST, LAST, Settings())
    assert not len(days)
    assert "'Atlantis'" in note


def test_timezones_that_are_of_no_country(new_world: NewWorld) -> None:
    assert country_of("UTC") is None
    days, notes = holidays_of(new_world(zone="UTC").sensor, FIRST, LAST, Settings())
    assert not len(days)
    assert not notes


@pytest.mark.parametrize("zone", ["Europe/Amsterdam", "Pacific/Auckland", "America/Los_Angeles"])
def test_days_of_a_period(zone: str) -> None:
    local = datetime(2026, 5, 5, tzinfo=ZoneInfo(zone))
    utc = datetime(2026, 5, 5, tzinfo=timezone.utc)
    for start in (local, utc):
        end = (start + timedelta(days=2)).replace(tzinfo=start.tzinfo)
        days = days_between(microseconds(start), microseconds(end), zone)
        assert dates(days) == ["2026-05-05", "2026-05-06"]
    evening = microseconds(local + timedelta(hours=18))
    assert not len(days_between(evening, evening + 3_600_000_000, zone))
