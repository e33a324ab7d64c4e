"""What is made for stored objects is stored with them."""

from __future__ import annotations

from flask_sqlalchemy import SQLAlchemy

from flexmeasures import Asset, AssetType, Sensor


def test_new_objects_join_the_session(fresh_db: SQLAlchemy) -> None:
    kind = AssetType(name="heat pump")
    fresh_db.session.add(kind)
    pump = Asset(name="pump", generic_asset_type=kind)
    assert Sensor.query.filter(Sensor.generic_asset == pump).all() == []
    Sensor(name="power", unit="kW", generic_asset=pump)
    fresh_db.session.commit()
    assert [sensor.name for sensor in Sensor.query.filter(Sensor.generic_asset == pump)] == [
        "power"
    ]


def test_objects_without_a_session_stay_so(fresh_db: SQLAlchemy) -> None:
    pump = Asset(name="pump", generic_asset_type=AssetType(name="heat pump"))
    Sensor(name="power", unit="kW", generic_asset=pump)
    assert list(fresh_db.session.new) == []
