"""Listing, reading, making, changing and deleting sensors."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta, timezone
from functools import partial
from importlib import import_module
from typing import Any

import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text

from flexmeasures.api.v3_0.tests.conftest import Call, statements
from flexmeasures.app import create
from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services.sensors import create_sensor
from flexmeasures.tests.permissions.world import World

BAKERY = "account of Bakery"
PLAIN_KEYS = {
    "id",
    "name",
    "unit",
    "timezone",
    "event_resolution",
    "entity_address",
    "generic_asset_id",
    "attributes",
}


@pytest.fixture
def tree(world: World) -> dict[str, int]:
    """Assets below the bakery's store: a cellar, and in that a shelf; each with a sensor."""
    store = db.session.get(GenericAsset, world.ids["asset of Bakery"])
    assert store is not None
    ids = {"store": store.id}
    parent = store
    for name, unit in (("cellar", "°C"), ("shelf", "kW")):
        parent = GenericAsset(
            name=name,
            generic_asset_type=store.generic_asset_type,
            owner=store.owner,
            parent_asset=parent,
        )
        sensor = Sensor(f"{name} meter", parent, unit=unit, event_resolution=timedelta(seconds=90))
        db.session.add(sensor)
        db.session.flush()
        ids |= {name: parent.id, f"{name} meter": sensor.id}
    db.session.commit()
    return ids


@pytest.fixture
def new(world: World) -> dict[str, Any]:
    return {
        "name": "charge",
        "unit": "kW",
        "event_resolution": "PT15M",
        "generic_asset_id": world.ids["asset of Bakery"],
    }


def add_belief(sensor_id: int) -> None:
    insert_belief(sensor_id)
    db.session.commit()


def insert_belief(sensor_id: int) -> None:
    source = DataSource(name="meter", type="gateway")
    db.session.add(source)
    db.session.flush()
    db.session.execute(
        text(
            "INSERT INTO timed_belief"
            " (sensor_id, event_start, source_id, belief_horizon, cumulative_probability,"
            " event_value) VALUES (:sensor, :start, :source, interval '0', 0.5, 1)"
        ),
        {
            "sensor": sensor_id,
            "source": source.id,
            "start": datetime(2026, 3, 1, tzinfo=timezone.utc),
        },
    )


def stored(id_: int) -> Sensor | None:
    db.session.rollback()
    db.session.expire_all()
    return db.session.get(Sensor, id_)


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    body = answer.get_json()
    return [sensor["name"] for sensor in (body if isinstance(body, list) else body["data"])]


# --- Listing ---


def test_sensors_as_older_clients_list_them(call: Call, world: World, tree: dict[str, int]) -> None:
    sensors = call("member", "GET", "sensors").get_json()
    assert [sensor["name"] for sensor in sensors] == ["power", "cellar meter", "shelf meter"]
    assert set(sensors[0]) == PLAIN_KEYS
    assert sensors[0]["event_resolution"] == 15
    assert sensors[1]["event_resolution"] == 1, "rounded down to minutes"
    assert sensors[0]["attributes"] == "{}"
    assert sensors[0]["entity_address"].endswith(f".localhost:fm1.{sensors[0]['id']}")
    by_account = call("member", "GET", f"sensors?account_id={world.ids[BAKERY]}")
    assert by_account.get_json() == sensors


@pytest.mark.parametrize(
    "query",
    ["page=1", "asset={store}", "asset_id={store}", "unit=MW", "filter=power", "per_page=5"],
)
def test_resolutions_as_newer_clients_read_them(
    call: Call, tree: dict[str, int], query: str
) -> None:
    body = call("member", "GET", f"sensors?{query.format(**tree)}").get_json()
    first = (body["data"] if isinstance(body, dict) else body)[0]
    assert first["event_resolution"] == "PT15M"
    assert set(first) == PLAIN_KEYS


def test_sensors_of_an_asset_and_all_below_it(call: Call, tree: dict[str, int]) -> None:
    def below(name: str) -> list[str]:
        return names(call("member", "GET", f"sensors?asset={tree[name]}"))

    assert below("store") == ["power", "cellar meter", "shelf meter"]
    assert below("cellar") == ["cellar meter", "shelf meter"]
    assert below("shelf") == ["shelf meter"]


def test_the_account_of_an_asset_has_to_match(
    call: Call, world: World, tree: dict[str, int]
) -> None:
    bakery, mill = world.ids[BAKERY], world.ids["account of Mill"]
    url = f"sensors?asset={tree['shelf']}&account_id="
    assert names(call("member", "GET", f"{url}{bakery}")) == ["shelf meter"]
    refused = call("member", "GET", f"{url}{mill}")
    assert refused.status_code == 422
    assert set(refused.get_json()["message"]["query"]) == {"account_id"}


def test_public_sensors_on_request(call: Call, world: World) -> None:
    public = world.ids["sensor of None"]
    listed = call("member", "GET", "sensors?include_public_assets=True").get_json()
    assert [sensor["id"] for sensor in listed] == [world.ids["sensor of Bakery"], public]
    at_public = call("member", "GET", f"sensors?asset={world.ids['asset of None']}").get_json()
    assert [sensor["id"] for sensor in at_public] == [public]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("filter=METER", ["cellar meter", "shelf meter"]),
        ("filter=shelf power", ["power", "shelf meter"]),
        ("filter='shelf power'", []),
        ("filter=bak", ["power", "cellar meter", "shelf meter"]),
        ("filter=store", ["power"]),
        ("filter=%25", []),
        ("filter=_", []),
        ("filter=", ["power", "cellar meter", "shelf meter"]),
        ("unit=kW", ["shelf meter"]),
        ("unit=kw", []),
        ("page=2&per-page=2", ["shelf meter"]),
        ("page=1&per_page=2", ["power", "cellar meter"]),
    ],
)
def test_filters_and_pages(
    call: Call, tree: dict[str, int], query: str, expected: list[str]
) -> None:
    assert names(call("member", "GET", f"sensors?{query}")) == expected


def test_a_page_tells_how_many_there_are(call: Call, tree: dict[str, int]) -> None:
    body = call("member", "GET", "sensors?page=1&per-page=1&filter=meter").get_json()
    assert (body["num-records"], body["filtered-records"], len(body["data"])) == (3, 2, 1)
    by_id = call("member", "GET", f"sensors?page=1&filter={tree['shelf meter']}").get_json()
    assert tree["shelf meter"] in [sensor["id"] for sensor in by_id["data"]]
    assert call("member", "GET", "sensors?page=9").status_code == 404


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("account_id=x", "account_id"),
        ("account=999", "account_id"),
        ("account=1&account_id=1", "account_id"),
        ("asset=999", "asset"),
        ("asset=99999999999999999999", "asset"),
        ("asset=1.5", "asset"),
        ("page=0", "page"),
        ("page=99999999999", "page"),
        ("per-page=0", "per-page"),
        ("filter='x", "filter"),
        ("filter=%00", "filter"),
        ("unit=%00", "unit"),
        ("unit=" + "k" * 81, "unit"),
        ("include_public_assets=perhaps", "include_public_assets"),
    ],
)
def test_bad_queries(call: Call, query: str, field: str) -> None:
    answer = call("admin", "GET", f"sensors?{query}")
    assert answer.status_code == 422, answer.text
    assert set(answer.get_json()["message"]["query"]) == {field}


def test_what_comes_first_when_listing(call: Call, world: World) -> None:
    mill = world.ids["account of Mill"]
    assert call("member", "GET", f"sensors?account={mill}").status_code == 403
    assert call("member", "GET", f"sensors?account={mill}&page=0").status_code == 422
    assert call("member", "GET", f"sensors?asset={world.ids['asset of Mill']}").status_code == 403
    anonymous = {"Authorization": "nonsense"}
    assert call("member", "GET", "sensors?page=0", headers=anonymous).status_code == 401


def test_statements_do_not_grow_with_sensors(call: Call, world: World, db: SQLAlchemy) -> None:
    def numbers() -> list[int]:
        queries = ("sensors", "sensors?page=1&per-page=200&filter=p", f"sensors?asset={store}")
        return [statements(db, partial(call, "member", "GET", query)) for query in queries]

    store = world.ids["asset of Bakery"]
    one = numbers()
    asset = db.session.get(GenericAsset, store)
    db.session.add_all([Sensor(f"p{number}", asset, unit="kW") for number in range(100)])
    db.session.commit()
    assert numbers() == one


# --- Making ---


def test_a_new_sensor(call: Call, new: dict[str, Any]) -> None:
    answer = call("member", "POST", "sensors", json=new | {"attributes": '{"a": [1, null]}'})
    assert answer.status_code == 201, answer.text
    body = answer.get_json()
    assert set(body) == PLAIN_KEYS
    assert body["event_resolution"] == "PT15M"
    assert body["timezone"] == "Asia/Seoul", "the server's"
    assert json.loads(body["attributes"]) == {"a": [1, None]}
    sensor = stored(body["id"])
    assert sensor is not None
    assert (sensor.name, sensor.unit, sensor.event_resolution, sensor.attributes) == (
        "charge",
        "kW",
        timedelta(minutes=15),
        {"a": [1, None]},
    )
    got = call("member", "GET", f"sensors/{body['id']}").get_json()
    assert got == body | {"status": 200}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"event_resolution": "P0DT1H0M0S"}, {"event_resolution": "PT1H"}),
        ({"event_resolution": "PT1H30M"}, {"event_resolution": "PT1H30M"}),
        ({"event_resolution": "P1D"}, {"event_resolution": "P1D"}),
        ({"event_resolution": 15}, {"event_resolution": "PT15M"}),
        ({"event_resolution": "15"}, {"event_resolution": "PT15M"}),
        ({"event_resolution": "PT0M"}, {"event_resolution": "P0D"}),
        ({"timezone": "Europe/Lisbon"}, {"timezone": "Europe/Lisbon"}),
        ({"attributes": {"a": "é"}}, {"attributes": '{"a": "\\u00e9"}'}),
        ({"unit": "m³/h"}, {"unit": "m³/h"}),
        ({"unit": "%"}, {"unit": "%"}),
        ({"unit": "dimensionless"}, {"unit": "dimensionless"}),
        ({"name": "n" * 120}, {"name": "n" * 120}),
    ],
)
def test_what_new_sensors_can_be(
    call: Call, new: dict[str, Any], changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    answer = call("member", "POST", "sensors", json=new | changes)
    assert answer.status_code == 201, answer.text
    body = answer.get_json()
    assert {key: body[key] for key in expected} == expected


def test_names_are_unique_on_an_asset(
    call: Call, new: dict[str, Any], tree: dict[str, int]
) -> None:
    assert call("member", "POST", "sensors", json=new).status_code == 201
    again = call("member", "POST", "sensors", json=new)
    assert again.status_code == 422
    assert "already exists" in again.get_json()["message"]["json"]["name"][0]
    elsewhere = new | {"generic_asset_id": tree["cellar"]}
    assert call("member", "POST", "sensors", json=elsewhere).status_code == 201


def test_the_same_name_twice_at_once(
    call: Call, new: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several wait for the same moment, and then all add: one gets it, the others hear why not."""
    together = threading.Barrier(4, timeout=20)
    codes: list[int] = []

    def wait_and_create(*args: Any, **kwargs: Any) -> Sensor:
        together.wait()
        return create_sensor(*args, **kwargs)

    views = import_module("flexmeasures.api.v3_0.sensors")
    monkeypatch.setattr(views, "create_sensor", wait_and_create)
    token = call("member", "GET", "sensors").request.headers["Authorization"]
    threads = [
        threading.Thread(
            target=lambda: codes.append(send("POST", "sensors", token, new).status_code)
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [201, 422, 422, 422]


def send(method: str, path: str, token: str, body: dict[str, Any]) -> Any:
    """Make a call from another thread, which needs a client of its own."""
    client = create(env="testing").test_client()
    headers = {"Authorization": token}
    return client.open(f"/api/v3_0/{path}", method=method, json=body, headers=headers)


# --- What is refused, of new sensors and of changes ---

BAD = [
    ({"name": ""}, "name", "Length must be between 1 and 120."),
    ({"name": " "}, "name", "Cannot be blank."),
    ({"name": "n" * 121}, "name", "Length must be"),
    ({"name": "a\0b"}, "name", "control characters"),
    ({"name": "a\nb"}, "name", "control characters"),
    ({"name": "\ud800"}, "name", "control characters"),
    ({"name": 5}, "name", "Not a valid string."),
    ({"name": None}, "name", "Field may not be null."),
    ({"unit": "beans"}, "unit", "Unit 'beans' cannot be handled."),
    ({"unit": ""}, "unit", "Unit '' cannot be handled."),
    ({"unit": "k\0W"}, "unit", "cannot be handled."),
    ({"unit": "kW "}, "unit", "Unit 'kW ' cannot be handled."),
    ({"unit": "kW\n"}, "unit", "cannot be handled."),
    ({"unit": "9**9**9**9*W"}, "unit", "cannot be handled."),
    ({"unit": "kW*" * 30 + "h"}, "unit", "Longer than maximum length 80."),
    ({"unit": ["kW"]}, "unit", "Not a valid string."),
    ({"unit": None}, "unit", "Field may not be null."),
    ({"timezone": "Europe/Amsterdm"}, "timezone", "Did you mean Europe/Amsterdam?"),
    ({"timezone": "x" * 100_000}, "timezone", "doesn't exist."),
    ({"timezone": "\0"}, "timezone", "doesn't exist."),
    ({"timezone": 1}, "timezone", "Not a valid string."),
    ({"timezone": None}, "timezone", "Field may not be null."),
    ({"event_resolution": "quarter"}, "event_resolution", "Cannot parse quarter"),
    ({"event_resolution": "-PT5M"}, "event_resolution", "not negative"),
    ({"event_resolution": -5}, "event_resolution", "not negative"),
    ({"event_resolution": "P1M"}, "event_resolution", "fixed length"),
    ({"event_resolution": "PT30S"}, "event_resolution", "whole number of minutes"),
    ({"event_resolution": "PT0.1M"}, "event_resolution", "whole number of minutes"),
    ({"event_resolution": "P99999999D"}, "event_resolution", "100 years at most"),
    ({"event_resolution": "P9999999999D"}, "event_resolution", "Cannot parse"),
    ({"event_resolution": 10**30}, "event_resolution", "fixed length"),
    ({"event_resolution": "٣"}, "event_resolution", "Cannot parse"),
    ({"event_resolution": 1.5}, "event_resolution", "fixed length"),
    ({"event_resolution": True}, "event_resolution", "fixed length"),
    ({"event_resolution": {}}, "event_resolution", "fixed length"),
    ({"event_resolution": None}, "event_resolution", "Field may not be null."),
    ({"attributes": "{"}, "attributes", "Not a valid JSON string."),
    ({"attributes": '{"a": NaN}'}, "attributes", "Not a valid JSON string."),
    ({"attributes": '{"a": 1e999}'}, "attributes", "Not a valid JSON string."),
    ({"attributes": "[]"}, "attributes", "Attributes should be a dict."),
    ({"attributes": 5}, "attributes", "Attributes should be a dict."),
    ({"attributes": {"a\0": 1}}, "attributes", "NUL characters"),
    ({"attributes": {"a": "\udfff"}}, "attributes", "surrogate"),
    ({"attributes": None}, "attributes", "Field may not be null."),
    ({"id": 1}, "id", "Unknown field."),
    ({"entity_address": "ea1"}, "entity_address", "Unknown field."),
    ({"colour": "red"}, "colour", "Unknown field."),
]


def refusal(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 422, answer.text
    body = answer.get_json()
    assert (body["result"], body["status"]) == ("Rejected", "UNPROCESSABLE_ENTITY")
    return dict(body["message"]["json"])


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        *BAD,
        ({"generic_asset_id": 999}, "generic_asset_id", "No asset found with id 999."),
        ({"generic_asset_id": 2**31}, "generic_asset_id", "No asset found"),
        ({"generic_asset_id": -1}, "generic_asset_id", "No asset found"),
        ({"generic_asset_id": 1.0}, "generic_asset_id", "Not a valid integer."),
        ({"generic_asset_id": True}, "generic_asset_id", "Not a valid integer."),
        ({"generic_asset_id": None}, "generic_asset_id", "Field may not be null."),
    ],
)
def test_bad_new_sensors(
    call: Call, new: dict[str, Any], changes: dict[str, Any], field: str, message: str
) -> None:
    found = refusal(call("admin", "POST", "sensors", json=new | changes))
    assert set(found) == {field}
    assert message in " ".join(found[field])
    assert db.session.query(Sensor).filter_by(generic_asset_id=new["generic_asset_id"]).count() == 1


def test_what_new_sensors_need(call: Call) -> None:
    found = refusal(call("member", "POST", "sensors", json={}))
    assert set(found) == {"name", "unit", "event_resolution", "generic_asset_id"}
    assert call("member", "POST", "sensors", json=[]).status_code == 422
    broken = call("member", "POST", "sensors", data="{", content_type="application/json")
    assert broken.status_code == 400


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [*BAD, ({"generic_asset_id": 1}, "generic_asset_id", "Unknown field.")],
)
def test_bad_changes(
    call: Call, world: World, changes: dict[str, Any], field: str, message: str
) -> None:
    id_ = world.ids["sensor of Bakery"]
    before = call("admin", "GET", f"sensors/{id_}").get_json()
    body = {"name": "other name"} | changes
    found = refusal(call("admin", "PATCH", f"sensors/{id_}", json=body))
    assert set(found) == {field}
    assert message in " ".join(found[field])
    assert call("admin", "GET", f"sensors/{id_}").get_json() == before


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none(call: Call, world: World, number: str) -> None:
    body = f'{{"attributes": {{"a": {number}}}}}'
    url = f"sensors/{world.ids['sensor of Bakery']}"
    answer = call("member", "PATCH", url, data=body, content_type="application/json")
    assert refusal(answer) == {"attributes": ["Not a valid JSON string."]}


# --- Reading ---


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("id_", ["999", "0", "-1", "abc", "1.5", "99999999999999999999"])
def test_no_such_sensor(call: Call, world: World, method: str, id_: str) -> None:
    answer = call("admin", method, f"sensors/{id_}", json={} if method == "PATCH" else None)
    assert answer.status_code == 404
    body = answer.get_json()
    assert body["status"] == 404
    assert not id_.isdecimal() or len(id_) > 10 or body["message"] == f"Sensor {id_} not found"


# --- Changing ---


def test_changing_a_sensor(call: Call, world: World) -> None:
    id_ = world.ids["sensor of Bakery"]
    changes = {
        "name": "draw",
        "unit": "kW",
        "event_resolution": "PT5M",
        "timezone": "Europe/Lisbon",
        "attributes": {"b": 2},
    }
    answer = call("member", "PATCH", f"sensors/{id_}", json=changes)
    assert answer.status_code == 200, answer.text
    body = answer.get_json()
    assert body == changes | {
        "id": id_,
        "attributes": '{"b": 2}',
        "status": 200,
        "generic_asset_id": world.ids["asset of Bakery"],
        "entity_address": body["entity_address"],
    }
    assert call("member", "GET", f"sensors/{id_}").get_json() == body
    assert call("member", "PATCH", f"sensors/{id_}", json={}).get_json() == body


def test_a_changed_name_may_be_taken(call: Call, new: dict[str, Any]) -> None:
    id_ = call("member", "POST", "sensors", json=new).get_json()["id"]
    found = refusal(call("member", "PATCH", f"sensors/{id_}", json={"name": "power"}))
    assert set(found) == {"name"}
    same = call("member", "PATCH", f"sensors/{id_}", json={"name": "charge", "unit": "W"})
    assert same.get_json()["unit"] == "W"


@pytest.mark.parametrize("changes", [{"unit": "kW"}, {"event_resolution": "PT5M"}])
def test_data_keep_their_meaning(call: Call, world: World, changes: dict[str, str]) -> None:
    id_ = world.ids["sensor of Bakery"]
    add_belief(id_)
    found = refusal(call("member", "PATCH", f"sensors/{id_}", json=changes | {"name": "x"}))
    assert set(found) == set(changes)
    assert "Delete its data first" in next(iter(found.values()))[0]
    sensor = stored(id_)
    assert sensor is not None
    assert (sensor.name, sensor.unit) == ("power", "MW")


def test_data_that_come_meanwhile_keep_their_meaning(call: Call, world: World) -> None:
    """Who changes the unit waits for data that are being stored."""
    id_ = world.ids["sensor of Bakery"]
    token = call("member", "GET", "sensors").request.headers["Authorization"]
    answers: list[Any] = []
    change = partial(send, "PATCH", f"sensors/{id_}", token, {"unit": "kW"})
    thread = threading.Thread(target=lambda: answers.append(change()))
    insert_belief(id_)
    thread.start()
    thread.join(timeout=1)
    assert thread.is_alive(), "it waits"
    db.session.commit()
    thread.join(timeout=20)
    assert set(refusal(answers[0])) == {"unit"}


def test_sensors_with_data_can_be_sent_back(call: Call, world: World) -> None:
    id_ = world.ids["sensor of Bakery"]
    add_belief(id_)
    same = {"unit": "MW", "event_resolution": "PT0H15M", "timezone": "Asia/Seoul", "name": "draw"}
    answer = call("member", "PATCH", f"sensors/{id_}", json=same)
    assert answer.status_code == 200, answer.text
    spelled = call("member", "PATCH", f"sensors/{id_}", json={"unit": "megawatt"})
    assert spelled.get_json()["unit"] == "megawatt", "the same by another name"


def test_only_admins_choose_what_code_runs(call: Call, world: World, new: dict[str, Any]) -> None:
    id_ = world.ids["sensor of Bakery"]
    url, chosen = f"sensors/{id_}", {"custom-scheduler": {"module": "os", "class": "Mine"}}
    assert call("member", "POST", "sensors", json=new | {"attributes": chosen}).status_code == 403
    assert call("account-admin", "PATCH", url, json={"attributes": chosen}).status_code == 403
    assert call("admin", "PATCH", url, json={"attributes": chosen}).status_code == 200
    kept = {"attributes": chosen | {"a": 1}}
    assert call("member", "PATCH", url, json=kept).status_code == 200
    assert call("member", "PATCH", url, json={"attributes": {}}).status_code == 403


# --- Deleting ---


def test_deleting_a_sensor(call: Call, world: World, tree: dict[str, int]) -> None:
    gone, kept = tree["cellar meter"], tree["shelf meter"]
    add_belief(gone)
    for name, shown in {
        "store": [gone, [gone, kept], {"title": "Both", "sensors": [gone, kept]}],
        "cellar": [{"title": "Plots", "plots": [{"sensor": gone}, {"sensors": [kept, gone]}]}],
        "shelf": [kept],
    }.items():
        asset = db.session.get(GenericAsset, tree[name])
        assert asset is not None
        asset.attributes["sensors_to_show"] = shown
    db.session.commit()
    answer = call("account-admin", "DELETE", f"sensors/{gone}")
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.content_type == "application/json"
    assert stored(gone) is None
    beliefs = text("SELECT count(*) FROM timed_belief WHERE sensor_id = :id")
    assert db.session.scalar(beliefs, {"id": gone}) == 0
    assets = {
        asset.name: asset.attributes["sensors_to_show"]
        for asset in db.session.query(GenericAsset).filter_by(account_id=world.ids[BAKERY])
    }
    assert assets == {
        "store": [[kept], {"title": "Both", "sensors": [kept]}],
        "cellar": [{"title": "Plots", "plots": [{"sensors": [kept]}]}],
        "shelf": [kept],
    }
    assert call("account-admin", "DELETE", f"sensors/{gone}").status_code == 404


def test_deleting_takes_a_fixed_number_of_statements(
    call: Call, world: World, db: SQLAlchemy, tree: dict[str, int]
) -> None:
    numbers = []
    store = db.session.get(GenericAsset, tree["store"])
    assert store is not None
    for name, others in (("cellar meter", 1), ("shelf meter", 50)):
        for number in range(others):
            db.session.add(
                GenericAsset(
                    name=f"{name} {number}",
                    generic_asset_type=store.generic_asset_type,
                    owner=store.owner,
                    attributes={"sensors_to_show": [tree[name]]},
                )
            )
        db.session.commit()
        delete = partial(call, "account-admin", "DELETE", f"sensors/{tree[name]}")
        numbers.append(statements(db, delete))
    assert numbers[0] == numbers[1], numbers
