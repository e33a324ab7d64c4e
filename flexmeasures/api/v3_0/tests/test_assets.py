"""One asset: reading, making, changing, deleting it."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from flexmeasures.api.v3_0.tests.conftest import Call
from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.services.assets import (
    AssetGone,
    AssetRefused,
    change_asset,
    create_asset,
)
from flexmeasures.tests.permissions.world import World

REJECTED = {"result": "Rejected", "status": "UNPROCESSABLE_ENTITY"}


def type_id() -> int:
    return db.session.query(GenericAssetType).one().id


def stored(id_: int) -> GenericAsset:
    db.session.rollback()
    db.session.expire_all()
    asset = db.session.get(GenericAsset, id_)
    assert asset is not None
    return asset


def new_asset(world: World, **changes: Any) -> dict[str, Any]:
    return {
        "name": "oven",
        "generic_asset_type_id": type_id(),
        "account_id": world.ids["account of Bakery"],
    } | changes


def add_child(parent_id: int, name: str = "cell", account_id: int | None = None) -> GenericAsset:
    parent = stored(parent_id)
    child = GenericAsset(
        name=name,
        generic_asset_type_id=type_id(),
        parent_asset_id=parent_id,
        account_id=account_id or parent.account_id,
    )
    db.session.add(child)
    db.session.commit()
    return child


# --- Reading ---


def test_one_asset(call: Call, world: World) -> None:
    id_ = world.ids["asset of Bakery"]
    child = add_child(id_).id
    account, kind = world.ids["account of Bakery"], {"id": type_id(), "name": "battery"}
    answer = call("member", "GET", f"assets/{id_}")
    assert answer.status_code == 200
    assert answer.get_json() == {
        "status": 200,
        "id": id_,
        "name": "store",
        "account_id": account,
        "owner": {"id": account, "name": "Bakery"},
        "latitude": None,
        "longitude": None,
        "generic_asset_type_id": kind["id"],
        "generic_asset_type": kind,
        "attributes": "{}",
        "sensors_to_show": "[]",
        "flex_model": "{}",
        "flex_context": "{}",
        "description": None,
        "external_id": None,
        "parent_asset_id": None,
        "child_assets": [
            {"id": child, "name": "cell", "account_id": account, "generic_asset_type": kind}
        ],
        "sensors": [{"id": world.ids["sensor of Bakery"], "name": "power"}],
    }
    one = call("member", "GET", f"assets/{child}").get_json()
    assert (one["parent_asset_id"], one["child_assets"], one["sensors"]) == (id_, [], [])


def test_public_assets_have_no_owner(call: Call, world: World) -> None:
    asset = call("other", "GET", f"assets/{world.ids['asset of None']}").get_json()
    assert (asset["account_id"], asset["owner"]) == (None, None)


def test_children_of_others_are_not_told(call: Call, world: World) -> None:
    id_ = world.ids["asset of None"]
    add_child(id_, "mine", world.ids["account of Bakery"])
    add_child(id_, "theirs", world.ids["account of Mill"])

    def children(who: str) -> list[str]:
        return [
            child["name"] for child in call(who, "GET", f"assets/{id_}").get_json()["child_assets"]
        ]

    assert children("member") == ["mine"]
    assert children("other") == ["theirs"]
    assert children("admin-reader") == ["mine", "theirs"]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("id_", ["99", "0", "-1", "abc", "1.5", "99999999999999999999"])
def test_no_such_asset(call: Call, world: World, method: str, id_: str) -> None:
    answer = call("admin", method, f"assets/{id_}")
    assert answer.status_code == 404
    body = answer.get_json()
    assert body["status"] == 404
    told = f"GenericAsset {id_} not found"
    assert not id_.isdecimal() or len(id_) > 10 or body["message"] == told


# --- Making ---


def test_making_an_asset(call: Call, world: World) -> None:
    shown = [world.ids["sensor of Bakery"]]
    sent = new_asset(
        world,
        latitude=52.374,
        longitude=None,
        attributes='{"capacity_in_mw": 0.5}',
        description="Bakes\nbread",
        external_id=" ",
        parent_asset_id=None,
        sensors_to_show=shown,
    )
    answer = call("account-admin", "POST", "assets", json=sent)
    assert answer.status_code == 201, answer.text
    body = answer.get_json()
    assert "status" not in body
    asset = stored(body["id"])
    attributes = {"capacity_in_mw": 0.5, "sensors_to_show": shown}
    assert (asset.name, asset.latitude, asset.attributes) == ("oven", 52.374, attributes)
    assert (asset.description, asset.external_id) == ("Bakes\nbread", None)
    assert json.loads(body["attributes"]) == attributes
    assert json.loads(body["sensors_to_show"]) == shown
    assert body["owner"]["name"] == "Bakery"


def test_text_and_object_mean_the_same(call: Call, world: World) -> None:
    for attributes in ({"a": [1]}, '{"a": [1]}'):
        sent = new_asset(world, name=f"oven {attributes}", attributes=attributes)
        answer = call("account-admin", "POST", "assets", json=sent)
        assert json.loads(answer.get_json()["attributes"]) == {"a": [1]}


def test_members_add_children(call: Call, world: World) -> None:
    parent = world.ids["asset of Bakery"]
    sent = new_asset(world, parent_asset_id=parent)
    del sent["account_id"]
    answer = call("member", "POST", "assets", json=sent)
    assert answer.status_code == 201, answer.text
    body = answer.get_json()
    assert body["account_id"] == world.ids["account of Bakery"]
    assert body["parent_asset_id"] == parent
    same = call("member", "POST", "assets", json=sent)
    assert same.status_code == 422
    message = f"An asset with the name oven already exists in the asset with id {parent}."
    assert same.get_json() == {"message": {"json": {"name": [message]}}, **REJECTED}
    # elsewhere the name is free
    sent["parent_asset_id"] = body["id"]
    assert call("member", "POST", "assets", json=sent).status_code == 201


@pytest.mark.parametrize(
    ("who", "place", "code"),
    [
        ("member", {"account_id": "account of Bakery"}, 403),
        ("account-admin", {"account_id": "account of Bakery"}, 201),
        ("admin", {"account_id": "account of Bakery"}, 201),
        ("admin-reader", {"account_id": "account of Bakery"}, 403),
        ("member", {"account_id": "account of Mill"}, 403),
        ("account-admin", {"account_id": "account of Mill"}, 422),
        ("admin", {"account_id": "account of Mill"}, 201),
        ("member", {}, 403),
        ("account-admin", {}, 403),
        ("admin", {}, 201),
        ("member", {"parent_asset_id": "asset of Bakery"}, 201),
        ("member", {"parent_asset_id": "asset of Mill"}, 403),
        ("account-admin", {"parent_asset_id": "asset of None"}, 403),
        ("admin", {"parent_asset_id": "asset of None"}, 201),
        (
            "account-admin",
            {"parent_asset_id": "asset of Bakery", "account_id": "account of Mill"},
            422,
        ),
    ],
)
def test_who_makes_what(
    call: Call, world: World, who: str, place: dict[str, str], code: int
) -> None:
    sent = {"name": "oven", "generic_asset_type_id": type_id()} | {
        key: world.ids[name] for key, name in place.items()
    }
    answer = call(who, "POST", "assets", json=sent)
    assert answer.status_code == code, answer.text
    if code == 422:
        words = str(answer.get_json()["message"]["json"])
        assert "User is not allowed to create assets for this account." in words or (
            "The parent should belong to the same account." in words
        )


def test_unknown_parents(call: Call, world: World) -> None:
    for id_ in (99, 0, -1, 2**40):
        sent = new_asset(world, parent_asset_id=id_)
        answer = call("account-admin", "POST", "assets", json=sent)
        assert answer.status_code == 404
        assert answer.get_json()["message"] == f"GenericAsset {id_} not found"
        changed = call(
            "admin", "PATCH", f"assets/{world.ids['asset of Mill']}", json={"parent_asset_id": id_}
        )
        assert changed.status_code == 422
        assert changed.get_json()["message"] == {
            "json": {"parent_asset_id": [f"No asset found with id {id_}."]}
        }


def test_names_are_unique_at_the_top(call: Call, world: World) -> None:
    taken = new_asset(world, name="store")
    answer = call("account-admin", "POST", "assets", json=taken)
    assert answer.status_code == 422
    message = "An asset with the name store already exists in this account."
    assert answer.get_json() == {"message": {"json": {"name": [message]}}, **REJECTED}
    del taken["account_id"]
    answer = call("admin", "POST", "assets", json=taken)
    message = "An asset with the name store already exists among the public assets."
    assert answer.get_json()["message"] == {"json": {"name": [message]}}


def test_the_slower_of_two_is_told_as_well(app: Flask, call: Call, world: World) -> None:
    """Both find the name free; the constraint decides."""
    account_id, kind = world.ids["account of Bakery"], type_id()
    db.session.rollback()
    outcomes: list[str] = []

    def make() -> None:
        with app.app_context():
            try:
                create_asset(name="oven", generic_asset_type_id=kind, account_id=account_id)
                db.session.commit()
                outcomes.append("made")
            except AssetRefused as error:
                db.session.rollback()
                outcomes.append(str(error))
            db.session.remove()

    first = GenericAsset(name="oven", generic_asset_type_id=kind, account_id=account_id)
    db.session.add(first)
    db.session.flush()  # not committed: the other does not see it, and waits for it
    thread = threading.Thread(target=make)
    thread.start()
    thread.join(timeout=1)
    assert thread.is_alive()
    db.session.commit()
    thread.join()
    assert outcomes == ["An asset with the name oven already exists in this account."]


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"name": None}, "name", "Field may not be null."),
        ({"name": 5}, "name", "Not a valid string."),
        ({"name": ""}, "name", "Cannot be blank."),
        ({"name": "a\0b"}, "name", "Cannot have control characters."),
        ({"name": 81 * "x"}, "name", "Longer than maximum length 80."),
        ({"generic_asset_type_id": "x"}, "generic_asset_type_id", "Not a valid integer."),
        ({"generic_asset_type_id": None}, "generic_asset_type_id", "Field may not be null."),
        ({"generic_asset_type_id": True}, "generic_asset_type_id", "Not a valid integer."),
        (
            {"generic_asset_type_id": 2**40},
            "generic_asset_type_id",
            f"GenericAssetType with id {2**40} doesn't exist.",
        ),
        ({"account_id": None}, "account_id", "Field may not be null."),
        ({"account_id": 999}, "account_id", "Account with Id 999 doesn't exist."),
        ({"account_id": [1]}, "account_id", "Not a valid integer."),
        ({"parent_asset_id": "x"}, "parent_asset_id", "Not a valid integer."),
        (
            {"latitude": 90.01},
            "latitude",
            "Latitude 90.01 exceeds the maximum latitude of 90 degrees.",
        ),
        (
            {"longitude": -300.9},
            "longitude",
            "Longitude -300.9 exceeds the minimum longitude of -180 degrees.",
        ),
        (
            {"latitude": 1.23456789},
            "latitude",
            "Latitudes and longitudes are limited to 7 decimal places.",
        ),
        ({"latitude": True}, "latitude", "Not a valid number."),
        ({"attributes": None}, "attributes", "Field may not be null."),
        ({"attributes": "{"}, "attributes", "Not a valid JSON string."),
        ({"attributes": 5}, "attributes", "Attributes should be a dict."),
        ({"attributes": '{"x": Infinity}'}, "attributes", "Not a valid JSON string."),
        ({"attributes": {"x": "\0"}}, "attributes", "NUL characters"),
        (
            {"attributes": '{"sensors_to_show": 1}'},
            "attributes",
            "sensors_to_show should be a list.",
        ),
        ({"sensors_to_show": [0]}, "sensors_to_show", "No sensor found with id 0."),
        ({"sensors_to_show": [1] * 1001}, "sensors_to_show", "should have 1000 sensors at most."),
        (
            {"sensors_to_show": [{"title": "x" * 256, "sensor": 1}]},
            "sensors_to_show",
            "a title should have 255 characters at most.",
        ),
        ({"sensors_to_show": None}, "sensors_to_show", "Field may not be null."),
        ({"description": 5}, "description", "Not a valid string."),
        ({"description": "\0"}, "description", "NUL characters"),
        ({"external_id": []}, "external_id", "Not a valid string."),
        ({"external_id": 256 * "x"}, "external_id", "Longer than maximum length 255."),
        ({"id": 1}, "id", "Unknown field."),
        ({"owner": {}}, "owner", "Unknown field."),
        ({"child_assets": []}, "child_assets", "Unknown field."),
        ({"flex_model": []}, "flex_model", "A flex-model should be an object."),
        ({"flex_context": "3"}, "flex_context", "A flex-context should be an object."),
    ],
)
def test_bad_input(
    call: Call, world: World, changes: dict[str, Any], field: str, message: str
) -> None:
    answer = call("admin", "POST", "assets", json=new_asset(world) | changes)
    assert answer.status_code == 422, answer.text
    body = answer.get_json()
    assert {key: body[key] for key in REJECTED} == REJECTED
    assert message in body["message"]["json"][field][0]
    if field == "account_id":
        message = "Unknown field."
    elif field == "parent_asset_id":
        return
    id_ = world.ids["asset of Bakery"]
    before = call("admin", "GET", f"assets/{id_}").get_json()
    answer = call("admin", "PATCH", f"assets/{id_}", json={"longitude": 5} | changes)
    assert answer.status_code == 422, answer.text
    assert message in answer.get_json()["message"]["json"][field][0]
    assert call("admin", "GET", f"assets/{id_}").get_json() == before


def test_bodies_that_are_none(call: Call) -> None:
    listed = call("admin", "POST", "assets", json=[])
    assert listed.status_code == 422
    assert listed.get_json()["message"] == {"json": {"_schema": ["Invalid input type."]}}
    empty = call("admin", "POST", "assets", json={})
    assert empty.get_json()["message"]["json"] == {
        "name": ["Missing data for required field."],
        "generic_asset_type_id": ["Missing data for required field."],
    }
    broken = call("admin", "POST", "assets", data="{", content_type="application/json")
    assert broken.status_code == 400


def test_sensors_of_others_are_not_shown(call: Call, world: World) -> None:
    """Nobody gets to see data of others by putting it on a chart."""
    url = f"assets/{world.ids['asset of Bakery']}"
    theirs = world.ids["sensor of Mill"]
    for shown in ({"sensors_to_show": [theirs]}, {"attributes": {"sensors_to_show": [[theirs]]}}):
        answer = call("member", "PATCH", url, json=shown)
        assert answer.status_code == 422
        assert f"No sensor found with id {theirs}." in answer.text
    public = {"sensors_to_show": [world.ids["sensor of None"], world.ids["sensor of Bakery"]]}
    assert call("member", "PATCH", url, json=public).status_code == 200
    assert call("admin", "PATCH", url, json={"sensors_to_show": [theirs]}).status_code == 200


# --- Changing ---


def test_changing_an_asset(call: Call, world: World) -> None:
    id_ = world.ids["asset of Bakery"]
    shown = [world.ids["sensor of Bakery"]]
    first = {"attributes": '{"a": 1, "b": 2}', "sensors_to_show": json.dumps(shown)}
    assert call("member", "PATCH", f"assets/{id_}", json=first).status_code == 200
    answer = call("member", "PATCH", f"assets/{id_}", json={"name": "cellar", "external_id": "X-1"})
    body = answer.get_json()
    assert (answer.status_code, body["status"], body["name"]) == (200, 200, "cellar")
    assert json.loads(body["attributes"]) == {"a": 1, "b": 2, "sensors_to_show": shown}
    # as a whole
    body = call("member", "PATCH", f"assets/{id_}", json={"attributes": {"a": 3}}).get_json()
    assert (body["attributes"], body["sensors_to_show"]) == ('{"a": 3}', "[]")
    body = call("member", "PATCH", f"assets/{id_}", json={"sensors_to_show": shown}).get_json()
    assert json.loads(body["attributes"]) == {"a": 3, "sensors_to_show": shown}
    body = call("member", "PATCH", f"assets/{id_}", json={"sensors_to_show": []}).get_json()
    assert (body["attributes"], body["sensors_to_show"]) == ('{"a": 3}', "[]")
    body = call("member", "PATCH", f"assets/{id_}", json={"external_id": ""}).get_json()
    assert body["external_id"] is None
    assert call("member", "PATCH", f"assets/{id_}", json={}).status_code == 200


def test_sending_back_what_one_got(call: Call, world: World) -> None:
    id_ = world.ids["asset of Bakery"]
    body = call("member", "GET", f"assets/{id_}").get_json()
    read_only = {"id", "status", "account_id", "owner", "generic_asset_type", "child_assets"}
    sent = {key: body[key] for key in body.keys() - read_only - {"sensors"}}
    answer = call("member", "PATCH", f"assets/{id_}", json=sent)
    assert answer.get_json() == body
    assert stored(id_).attributes == {}


def test_moving_assets(call: Call, world: World) -> None:
    top = world.ids["asset of Bakery"]
    child = add_child(top).id
    grandchild = add_child(child, "chip").id
    for parent in (top, child, grandchild):
        answer = call("member", "PATCH", f"assets/{top}", json={"parent_asset_id": parent})
        assert answer.status_code == 422
        assert answer.get_json()["message"] == {
            "json": {"parent_asset_id": ["An asset cannot be part of itself."]}
        }
    move = {"parent_asset_id": top}
    assert call("member", "PATCH", f"assets/{grandchild}", json=move).status_code == 200
    assert stored(grandchild).parent_asset_id == top
    # a name that is taken there
    clash = call("member", "PATCH", f"assets/{grandchild}", json={"name": "cell"})
    assert "already exists in the asset with id" in clash.get_json()["message"]["json"]["name"][0]
    move_up = {"parent_asset_id": None}
    assert call("member", "PATCH", f"assets/{grandchild}", json=move_up).status_code == 200
    clash = call("member", "PATCH", f"assets/{grandchild}", json={"name": "store"})
    assert "already exists in this account." in clash.text


def test_parents_are_of_the_same_account(call: Call, world: World) -> None:
    id_ = world.ids["asset of Bakery"]
    for place in ("asset of Mill", "asset of None"):
        move = {"parent_asset_id": world.ids[place]}
        assert call("member", "PATCH", f"assets/{id_}", json=move).status_code == 403
        answer = call("admin", "PATCH", f"assets/{id_}", json=move)
        assert answer.status_code == 422
        assert "The parent should belong to the same account." in answer.text


def test_only_admins_choose_code_that_workers_run(call: Call, world: World) -> None:
    url = f"assets/{world.ids['asset of Bakery']}"
    own = {"attributes": {"custom-scheduler": {"module": "/tmp/mine.py", "class": "Mine"}}}
    assert call("account-admin", "PATCH", url, json=own).status_code == 403
    assert call("account-admin", "POST", "assets", json=new_asset(world) | own).status_code == 403
    assert call("admin", "PATCH", url, json=own).status_code == 200
    # whoever leaves it as it is may change the rest
    own["attributes"]["x"] = {}
    assert call("member", "PATCH", url, json=own).status_code == 200
    assert call("member", "PATCH", url, json={"attributes": {}}).status_code == 403


def test_two_moves_at_once_make_no_circle(app: Flask, call: Call, world: World) -> None:
    """Each would be fine without the other."""
    account_id, kind = world.ids["account of Bakery"], type_id()
    place = {"generic_asset_type_id": kind, "account_id": account_id}
    one, two = create_asset(name="one", **place), create_asset(name="two", **place)
    ids = one.id, two.id
    db.session.commit()
    outcomes: list[str] = []

    def move(id_: int, parent_id: int) -> None:
        with app.app_context():
            asset = db.session.get(GenericAsset, id_)
            assert asset is not None
            try:
                change_asset(asset, parent_asset_id=parent_id)
                outcomes.append("moved")
            except AssetRefused as error:
                outcomes.append(str(error))
            db.session.rollback()
            db.session.remove()

    change_asset(stored(ids[0]), parent_asset_id=ids[1])  # not committed yet
    thread = threading.Thread(target=move, args=(ids[1], ids[0]))
    thread.start()
    thread.join(timeout=1)
    assert thread.is_alive()
    db.session.commit()
    thread.join()
    assert outcomes == ["An asset cannot be part of itself."]


def test_what_is_gone_meanwhile_is_not_changed(call: Call, world: World) -> None:
    asset = stored(world.ids["asset of Bakery"])
    with db.engine.begin() as connection:
        connection.execute(text(f"DELETE FROM generic_asset WHERE id = {asset.id}"))
    with pytest.raises(AssetGone):
        change_asset(asset, name="new")


# --- Deleting ---


def test_deleting_an_asset(call: Call, world: World) -> None:
    id_ = world.ids["asset of Bakery"]
    child = add_child(id_)
    sensor = Sensor(
        "charge", generic_asset_id=child.id, unit="MW", event_resolution=timedelta(minutes=15)
    )
    source = DataSource("someone")
    db.session.add_all([sensor, source])
    db.session.flush()
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    belief = TimedBelief(sensor, source, event_value=1, event_start=start, belief_time=start)
    db.session.add(belief)
    kept = world.ids["sensor of None"]
    shop = GenericAsset(
        name="shop",
        generic_asset_type_id=type_id(),
        account_id=world.ids["account of Bakery"],
        attributes={"sensors_to_show": [{"sensors": [sensor.id, kept]}, sensor.id], "x": 1},
    )
    db.session.add(shop)
    db.session.commit()
    shop_id, sensor_id = shop.id, sensor.id
    assert call("member", "DELETE", f"assets/{id_}").status_code == 403
    answer = call("account-admin", "DELETE", f"assets/{id_}")
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.content_type == "application/json"
    db.session.rollback()
    db.session.expire_all()
    assert db.session.get(Sensor, sensor_id) is None
    assert db.session.query(TimedBelief).count() == 0
    assert stored(shop_id).attributes == {"sensors_to_show": [{"sensors": [kept]}], "x": 1}
    assert call("account-admin", "DELETE", f"assets/{id_}").status_code == 404
