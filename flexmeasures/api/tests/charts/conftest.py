"""What charts show in the world of the permission matrix."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from werkzeug.test import TestResponse

from flexmeasures.app import create
from flexmeasures.data.beliefs.save import save
from flexmeasures.data.config import db as database
from flexmeasures.data.models.annotations import (
    AccountAnnotationRelationship,
    Annotation,
    GenericAssetAnnotationRelationship,
)
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.tests.permissions.world import World, build_world, user_named
from flexmeasures.utils.timely import tb

START = datetime(2026, 3, 28, 23, tzinfo=timezone.utc)  # midnight in Amsterdam, before summer
START_MS = 1774738800000
WINDOW = {
    "event_starts_after": "2026-03-29T00:00+01:00",
    "event_ends_before": "2026-03-30T00:00+02",
}
SENSOR, ASSET = "sensor of Bakery", "asset of Bakery"

Get = Callable[..., TestResponse]


@pytest.fixture(scope="module")
def site(app: Flask) -> Flask:
    return create(env="testing")


@pytest.fixture(scope="module")
def world(db: SQLAlchemy) -> World:
    """The bakery's sensor holds an hour of quarters, twice: 5 expected before, 0 to 3 measured."""
    world = build_world()
    source = DataSource(name="Seita", type="forecaster")
    db.session.add(source)
    db.session.flush()
    for owner in ("Bakery", "Mill", None):
        sensor = db.session.get(Sensor, world.ids[f"sensor of {owner}"])
        starts = pd.date_range(START, periods=4, freq="15min", name="event_start")
        for values, horizon in (([5] * 4, timedelta(hours=6)), (range(4), timedelta(0))):
            series = pd.Series(np.array(values, float), index=starts)
            save(tb.BeliefsDataFrame(series, sensor=sensor, source=source, belief_horizon=horizon))
    for link, content in (
        (
            GenericAssetAnnotationRelationship(generic_asset_id=world.ids["asset of Bakery"]),
            "of the asset",
        ),
        (
            AccountAnnotationRelationship(account_id=world.ids["account of Bakery"]),
            "of the account",
        ),
    ):
        note = Annotation(
            start=START,
            end=START + timedelta(hours=len(content)),
            content=content,
            type="label",
            source=source,
        )
        db.session.add(note)
        db.session.flush()
        link.annotation_id = note.id
        db.session.add(link)
    db.session.commit()
    return world


@pytest.fixture
def get(site: Flask, world: World) -> Get:
    """Get something about an object, as somebody with a token."""

    def request(of: str, path: str, who: str = "member", **query: Any) -> TestResponse:
        json = query.pop("json", None)
        place = "/api/v3_0/assets" if path in ("chart/", "chart_data/") else "/api/dev/asset"
        if of.startswith("sensor"):
            place = "/api/dev/sensor"
        headers = {"Authorization": str(user_named(who).get_auth_token())}
        url = f"{place}/{world.ids[of]}/{path}"
        return site.test_client().get(url, query_string=query, headers=headers, json=json)

    return request


@pytest.fixture
def shown(world: World) -> Callable[[Any], None]:
    """Say which sensors the bakery's asset shows."""

    def show(sensors: Any) -> None:
        asset = database.session.get(GenericAsset, world.ids["asset of Bakery"])
        assert asset is not None
        asset.attributes["sensors_to_show"] = sensors
        database.session.commit()

    return show
