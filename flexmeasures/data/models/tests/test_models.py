"""Plain behaviour of the models: look-up of attributes, words for people, rules of construction."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.exc import IntegrityError

from flexmeasures import Account, Asset, AssetType, Sensor, Source, User, UserRole
from flexmeasures.data.models.validation_utils import (
    MissingAttributeException,
    WrongTypeAttributeException,
)


def battery(**attributes: object) -> Asset:
    return Asset(
        name="my battery",
        generic_asset_type=AssetType(name="battery"),
        latitude=52.4,
        longitude=4.9,
        attributes=dict(attributes),
    )


def power(asset: Asset, **attributes: object) -> Sensor:
    return Sensor(
        "discharging",
        generic_asset=asset,
        unit="MW",
        event_resolution=timedelta(minutes=15),
        attributes=dict(attributes),
    )


def test_attributes_of_the_sensor_go_before_those_of_its_asset() -> None:
    sensor = power(battery(capacity_in_mw=1, market_id=3), capacity_in_mw=2)
    assert sensor.get_attribute("capacity_in_mw") == 2
    assert sensor.get_attribute("market_id") == 3
    assert sensor.get_attribute("unit") == "MW"
    assert sensor.get_attribute("latitude") == 52.4
    assert sensor.get_attribute("no such thing", "default") == "default"
    assert sensor.location == (52.4, 4.9)


def test_attributes_are_there_from_the_start() -> None:
    asset = Asset(name="bare", generic_asset_type=AssetType(name="any"))
    assert not asset.has_attribute("capacity_in_mw")
    assert asset.get_attribute("capacity_in_mw") is None


def test_setting_an_attribute_changes_only_the_sensor_and_only_what_exists() -> None:
    asset = battery(soc_in_mwh=1)
    sensor = power(asset)
    sensor.set_attribute("soc_in_mwh", 2)
    sensor.set_attribute("something", 3)
    assert sensor.attributes == {"soc_in_mwh": 2}
    assert asset.attributes == {"soc_in_mwh": 1}


@pytest.mark.parametrize(
    ("attributes", "non_positive", "non_negative"),
    [
        ({}, False, False),
        ({"is_consumer": True}, False, False),
        ({"is_consumer": True, "is_producer": False}, True, False),
        ({"is_consumer": False, "is_producer": True}, False, True),
        ({"is_consumer": True, "is_producer": True}, False, False),
    ],
)
def test_signs_of_stored_power(
    attributes: dict[str, bool], non_positive: bool, non_negative: bool
) -> None:
    """Pure consumers store no positive values, pure producers no negative ones."""
    sensor = power(battery(**attributes))
    assert sensor.is_strictly_non_positive is non_positive
    assert sensor.is_strictly_non_negative is non_negative


def test_required_attributes() -> None:
    sensor = power(battery(capacity_in_mw="much"))
    with pytest.raises(MissingAttributeException, match=r"required attributes: soc, max_soc$"):
        sensor.check_required_attributes(["soc", ("max_soc", float), "capacity_in_mw"])
    with pytest.raises(WrongTypeAttributeException, match=r"capacity_in_mw is a str .* int or flo"):
        sensor.check_required_attributes([("capacity_in_mw", (int, float))])


def test_a_sensor_has_a_name_and_one_asset() -> None:
    with pytest.raises(Exception, match="name"):
        Sensor("", generic_asset=battery())
    with pytest.raises(AssertionError, match="exactly one"):
        Sensor("power")
    with pytest.raises(AssertionError, match="exactly one"):
        Sensor("power", generic_asset=battery(), generic_asset_id=1)


def test_words_about_sources() -> None:
    source = Source(name="Seita", type="forecaster", model="naive", version="1.2")
    assert str(source) == "Seita's naive model v1.2"
    assert source.label == "forecast by Seita"
    assert source.to_dict() == {
        "id": None,
        "name": "Seita",
        "model": "naive (v1.2)",
        "type": "forecaster",
        "description": "Seita's naive model v1.2",
    }
    assert Source(user=User(username="ann")).label == "data entered by user ann"
    assert Source(name="x", type="demo script").to_dict()["type"] == "other"
    with pytest.raises(TypeError, match="no user set"):
        Source(name="ann", type="user")


def test_a_deactivated_user_has_no_roles_in_force() -> None:
    user = User(username="ann", active=True, flexmeasures_roles=[UserRole(name="admin")])
    assert [role.name for role in user.roles] == ["admin"]
    user.active = False
    assert user.roles == []
    assert user.has_role("admin")


def test_deleting_an_account_deletes_what_it_owns(fresh_db: SQLAlchemy) -> None:
    account = Account(name="Orchard Ltd")
    asset = battery()
    asset.owner = account
    sensor = power(asset)
    fresh_db.session.add(sensor)
    fresh_db.session.commit()
    assert repr(account) == "<Account Orchard Ltd (ID:1)>"
    assert repr(asset) == "<GenericAsset 1: 'my battery' (battery)>"
    assert repr(sensor) == "<Sensor 1: discharging, unit: MW res.: 0:15:00>"
    fresh_db.session.delete(account)
    fresh_db.session.commit()
    assert fresh_db.session.get(Asset, 1) is None
    assert fresh_db.session.get(Sensor, 1) is None


def test_names_are_unique_per_account(fresh_db: SQLAlchemy) -> None:
    types = AssetType(name="battery")
    for account in (Account(name="A"), Account(name="B"), None, None):
        fresh_db.session.add(Asset(name="same", generic_asset_type=types, owner=account))
    fresh_db.session.commit()
    fresh_db.session.add(Asset(name="same", generic_asset_type=types, account_id=1))
    with pytest.raises(IntegrityError, match="generic_asset_name_account_id_key"):
        fresh_db.session.flush()


def test_names_are_unique_per_parent(fresh_db: SQLAlchemy) -> None:
    kind, account = AssetType(name="building"), Account(name="A")
    parents = [Asset(name=name, generic_asset_type=kind, owner=account) for name in ("x", "y")]
    for parent in parents:
        parent.child_assets.append(Asset(name="x", generic_asset_type=kind, owner=account))
    fresh_db.session.add_all(parents)
    fresh_db.session.commit()
    parents[0].child_assets[0].parent_asset = parents[1]
    with pytest.raises(IntegrityError, match="generic_asset_parent_asset_id_name_key"):
        fresh_db.session.flush()
    fresh_db.session.rollback()
    parents[0].parent_asset_id = parents[0].id
    with pytest.raises(IntegrityError, match="generic_asset_not_own_parent_ck"):
        fresh_db.session.flush()


def test_children_go_with_their_parent(fresh_db: SQLAlchemy) -> None:
    parent = battery()
    kind = parent.generic_asset_type
    child = Asset(name="cell", generic_asset_type=kind, parent_asset=parent)
    fresh_db.session.add(power(child))
    fresh_db.session.commit()
    fresh_db.session.delete(parent)
    fresh_db.session.commit()
    assert fresh_db.session.query(Asset).count() == fresh_db.session.query(Sensor).count() == 0


def test_attributes_changed_in_place_are_stored(fresh_db: SQLAlchemy) -> None:
    asset = battery(soc_in_mwh=1)
    fresh_db.session.add(asset)
    fresh_db.session.commit()
    asset.attributes["soc_in_mwh"] = 2
    fresh_db.session.commit()
    fresh_db.session.expire_all()
    assert asset.attributes == {"soc_in_mwh": 2}
