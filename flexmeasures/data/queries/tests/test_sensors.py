from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.auth import acl
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.models.user import Account
from flexmeasures.data.queries.sensors import find_near
from flexmeasures.utils.geo_utils import earth_distance

AMSTERDAM, ROTTERDAM, FIJI = (52.374, 4.88969), (51.9225, 4.47917), (-17.8, 179.9)

MakeSensor = Callable[..., Sensor]


@pytest.fixture
def make(db: SQLAlchemy) -> Iterator[MakeSensor]:
    """Makes a sensor on an asset of its own; what it makes is undone."""
    kinds: dict[str, GenericAssetType] = {}

    def make(
        asset_name: str,
        place: tuple[float, float] | None,
        kind: str = "weather station",
        name: str = "irradiance",
        owner: Account | None = None,
    ) -> Sensor:
        kinds.setdefault(kind, GenericAssetType(name=kind))
        latitude, longitude = place or (None, None)
        asset = GenericAsset(
            name=asset_name,
            generic_asset_type=kinds[kind],
            owner=owner,
            latitude=latitude,
            longitude=longitude,
        )
        sensor = Sensor(name, generic_asset=asset, unit="W/m²")
        db.session.add(sensor)
        db.session.flush()
        return sensor

    yield make
    db.session.rollback()


def test_the_closest_of_that_name_and_type(make: MakeSensor) -> None:
    far, near = make("far", ROTTERDAM), make("near", AMSTERDAM)
    make("other name", AMSTERDAM, name="temperature")
    make("other type", AMSTERDAM, kind="solar")
    make("nowhere", None)
    names = ("weather station", "irradiance")
    assert Sensor.find_closest(*names, latitude=52.4, longitude=4.9) == near
    assert Sensor.find_closest(*names, lat=51.9, lng=4.5) == far
    assert Sensor.find_closest(*names, n=5, object=near.generic_asset) == [near, far]
    assert Sensor.find_closest("weather station", "wind", lat=0, lng=0) is None
    assert Sensor.find_closest("weather station", "wind", lat=0, lng=0, n=2) == []
    with pytest.raises(ValueError, match="No location"):
        Sensor.find_closest(*names)


def test_the_shortest_way_may_cross_the_date_line(make: MakeSensor) -> None:
    across, _ = make("across", (-17.8, -179.9)), make("here", (-17.8, 179.0))
    assert Sensor.find_closest("weather station", "irradiance", lat=FIJI[0], lng=FIJI[1]) == across


@pytest.mark.parametrize("place", [AMSTERDAM, ROTTERDAM, FIJI, (90, 0), (-90, 10), (0, -180)])
def test_distances_are_those_of_the_earth(
    db: SQLAlchemy, make: MakeSensor, place: tuple[float, float]
) -> None:
    from sqlalchemy import select

    from flexmeasures.data.queries.sensors import distance

    sensor = make("here", place)
    asset = select(distance(*AMSTERDAM)).where(GenericAsset.id == sensor.generic_asset_id)
    assert db.session.scalar(asset) == pytest.approx(earth_distance(AMSTERDAM, place), abs=1e-3)


def test_users_find_what_they_may_read(make: MakeSensor, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, theirs = Account(name="mine"), Account(name="theirs")
    secret = make("secret", AMSTERDAM, owner=theirs)
    public = make("public", ROTTERDAM)
    own = make("own", FIJI, owner=mine)

    def find(**more: Any) -> Any:
        return Sensor.find_closest("weather station", "irradiance", n=9, lat=52.4, lng=5, **more)

    assert find() == [secret, public, own]
    assert find(account_id=mine.id) == [public, own]

    class Member:
        account = mine
        is_authenticated = True

        def has_role(self, role: str) -> bool:
            return role == "user"

    monkeypatch.setattr(acl, "_find_viewer", lambda: Member())
    assert find() == [public, own]
    assert find(account_id=theirs.id) == [public]


def test_near_sensors_by_name(make: MakeSensor) -> None:
    mine, theirs = Account(name="mine"), Account(name="theirs")
    panel = make("panel", AMSTERDAM, kind="solar", name="power", owner=mine)
    make("secret", AMSTERDAM, owner=theirs)
    sun, wind = make("sun", ROTTERDAM), make("wind", FIJI, name="wind speed", owner=mine)
    make("sun too far", FIJI)
    names = ["irradiance", "wind speed", "temperature"]
    asset = panel.generic_asset
    assert find_near(asset, names) == {"irradiance": sun, "wind speed": wind}
    asset.latitude = None
    assert find_near(asset, names) == {}
    own = Sensor("wind speed", generic_asset=asset, unit="m/s")
    asset.sensors.append(own)
    assert find_near(asset, names) == {"wind speed": own}
