"""Assets by what they have in common, as plugins ask for them."""

from __future__ import annotations

import logging

import pytest
from flask import Flask
from flask_security.utils import login_user
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.data.models.generic_assets import (
    GenericAsset,
    GenericAssetType,
    get_center_location_of_assets,
)
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.models.user import Account
from flexmeasures.data.queries.generic_assets import get_asset_group_queries, get_location_queries
from flexmeasures.data.services import asset_grouping
from flexmeasures.data.services.asset_grouping import AssetGroup
from flexmeasures.data.services.sensors import get_sensors
from flexmeasures.tests.permissions.world import World, build_world, user_named


@pytest.fixture(scope="module")
def world(db: SQLAlchemy) -> World:
    """Besides two tenants, one of which is the member's: turbines, two of them at one place."""
    world = build_world()
    account = user_named("member").account
    wind = GenericAssetType(name="wind farm", description="a lot of wind turbines")
    for name, latitude in (("A", 50.0), ("B", 50.0), ("C", 54.0)):
        asset = GenericAsset(
            name=name, generic_asset_type=wind, owner=account, latitude=latitude, longitude=4.0
        )
        db.session.add(Sensor(name=f"power of {name}", unit="kW", generic_asset=asset))
    db.session.commit()
    return world


def names(groups: dict[str, object]) -> dict[str, list[str]]:
    return {
        name: sorted(asset.name for asset in query)  # type: ignore[attr-defined]
        for name, query in groups.items()
    }


def test_by_type_and_aggregate(world: World) -> None:
    found = names(get_asset_group_queries(custom_aggregate_type_groups={"moving": ["wind farm"]}))
    assert next(iter(found)) == "moving"
    assert found["moving"] == found["wind farms"] == ["A", "B", "C"]


def test_users_see_what_they_may_read(app: Flask, world: World) -> None:
    mine = user_named("member").account.name
    everything = names(get_asset_group_queries(group_by_type=False, group_by_account=True))
    with app.test_request_context("/"):
        login_user(user_named("member"))
        found = names(get_asset_group_queries(group_by_type=False, group_by_account=True))
    assert found[mine] == everything[mine]
    others = [name for name in everything if name != mine and everything[name]]
    assert others and all(found[name] == [] for name in others)


def test_by_location(world: World) -> None:
    assert names(get_location_queries())["A and others at (50.0, 4.0)"] == ["A", "B"]


def test_groups(world: World, caplog: pytest.LogCaptureFixture) -> None:
    group = AssetGroup("wind farms")
    assert (group.count, group.display_name, str(group)) == (3, "Wind farms", "Wind farms")
    assert group.unique_asset_type_names == ["wind farm"]
    assert group.hover_label == "A lot of wind turbines"
    assert not group.is_unique_asset
    single = AssetGroup("A")
    assert single.is_unique_asset and single.display_name == str(single) == "A"
    caplog.set_level(logging.WARNING)
    assert "wind farms" in asset_grouping.get_asset_group_queries()
    assert "data.queries.generic_assets.get_asset_group_queries" in caplog.text


def test_the_middle(world: World) -> None:
    member = user_named("member")
    places = [asset.location for asset in member.account.generic_assets if asset.location]
    sides = list(zip(*places, strict=True))
    middle = tuple((min(side) + max(side)) / 2 for side in sides)
    assert get_center_location_of_assets(member) == pytest.approx(middle)


def test_sensors_of_accounts(world: World) -> None:
    account = user_named("member").account
    assert isinstance(account, Account)
    wanted = ["power of A", "power of C", "no such sensor"]
    found = get_sensors(account, sensor_name_allowlist=wanted)
    assert [sensor.name for sensor in found] == ["power of A", "power of C"]
    assert get_sensors([account], sensor_id_allowlist=[found[1].id]) == [found[1]]
    mine, public = set(get_sensors(account)), set(get_sensors(None))
    assert public and not mine & public
    assert set(get_sensors(account, include_public_assets=True)) == mine | public
