"""Lists of assets: whose, which part of the tree, which fields, which page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from flexmeasures.api.v3_0.tests.conftest import Call
from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.tests.permissions.world import World

# The keys of 0.13.1, which are there whatever else is added.
OLD_KEYS = {
    "id",
    "name",
    "account_id",
    "latitude",
    "longitude",
    "generic_asset_type_id",
    "attributes",
}


def add(name: str, account_id: int | None, parent: GenericAsset | None = None) -> GenericAsset:
    kind = db.session.query(GenericAssetType).filter_by(name="battery").one()
    asset = GenericAsset(
        name=name, generic_asset_type=kind, account_id=account_id, parent_asset=parent
    )
    db.session.add(asset)
    db.session.flush()
    return asset


@pytest.fixture
def ids(world: World) -> dict[str, int]:
    """A tree of the bakery: shop > (oven > (fan), till). One part of the shop belongs to the mill.

    Besides, each account has its store, and there is a public one.
    """
    bakery, mill = world.ids["account of Bakery"], world.ids["account of Mill"]
    shop = add("shop", bakery)
    oven = add("oven", bakery, shop)
    added = [shop, oven, add("fan", bakery, oven), add("till", bakery, shop)]
    added.append(add("sign", mill, shop))
    found = {asset.name: asset.id for asset in added}
    db.session.commit()
    return found


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    body = answer.get_json()
    return [asset["name"] for asset in (body if isinstance(body, list) else body["data"])]


def test_own_assets_as_a_bare_list(call: Call, world: World) -> None:
    (asset,) = call("member", "GET", "assets").get_json()
    assert asset.keys() >= OLD_KEYS
    assert (asset["id"], asset["attributes"]) == (world.ids["asset of Bakery"], "{}")
    assert call("admin", "GET", "assets").get_json() == []


def test_whose_assets(call: Call, world: World, ids: dict[str, int]) -> None:
    own = ["store", "shop", "oven", "fan", "till"]
    assert names(call("member", "GET", "assets")) == own
    assert names(call("member", "GET", "assets?include_public=True")) == [
        "store",
        "store",
        *own[1:],
    ]
    assert names(call("member", "GET", "assets?all_accessible=True")) == [
        "store",
        "store",
        *own[1:],
    ]
    for who in ("admin", "admin-reader"):
        assert len(names(call(who, "GET", "assets?all_accessible=true"))) == 8
    account = world.ids["account of Bakery"]
    for key in ("account", "account_id", "account-id"):
        path = f"assets?{key}={account}&include_public=true"
        assert names(call("admin", "GET", path)) == own
    assert call("other", "GET", f"assets?account_id={account}").status_code == 403


def test_parts_of_the_tree(call: Call, ids: dict[str, int]) -> None:
    shop = f"assets?root={ids['shop']}"
    assert names(call("member", "GET", shop)) == ["shop", "oven", "fan", "till"]
    assert names(call("member", "GET", f"{shop}&depth=0")) == ["shop"]
    assert names(call("member", "GET", f"{shop}&depth=1")) == ["shop", "oven", "till"]
    assert names(call("admin", "GET", f"{shop}&depth=1")) == ["shop", "oven", "till", "sign"]
    assert names(call("member", "GET", f"{shop}&depth={2**31 - 1}")) == [
        "shop",
        "oven",
        "fan",
        "till",
    ]
    assert names(call("member", "GET", f"assets?root={ids['oven']}")) == ["oven", "fan"]
    assert names(call("member", "GET", "assets?depth=0")) == ["store", "shop"]
    assert names(call("member", "GET", "assets?depth=1")) == ["store", "shop", "oven", "till"]
    assert call("other", "GET", shop).status_code == 403


def test_a_circle_ends(call: Call, ids: dict[str, int]) -> None:
    """The API lets nobody make one; somebody with access to the database could."""
    shop = db.session.get(GenericAsset, ids["shop"])
    assert shop is not None
    shop.parent_asset_id = ids["fan"]
    db.session.commit()
    found = names(call("member", "GET", f"assets?root={ids['shop']}"))
    assert found == ["shop", "oven", "fan", "till"]


def test_assets_of_a_type(call: Call, ids: dict[str, int]) -> None:
    kind = GenericAssetType(name="building")
    db.session.add(kind)
    db.session.flush()
    shop = db.session.get(GenericAsset, ids["shop"])
    assert shop is not None
    shop.generic_asset_type = kind
    db.session.commit()
    assert names(call("member", "GET", f"assets?asset_type={kind.id}")) == ["shop"]


def test_chosen_fields(call: Call, world: World, ids: dict[str, int]) -> None:
    answer = call("member", "GET", f"assets?root={ids['oven']}&fields=id|name")
    assert answer.get_json() == [
        {"id": ids["oven"], "name": "oven"},
        {"id": ids["fan"], "name": "fan"},
    ]
    answer = call("member", "GET", f"assets?root={ids['oven']}&depth=0&fields=child_assets%7Cowner")
    (oven,) = answer.get_json()
    assert [child["name"] for child in oven["child_assets"]] == ["fan"]
    assert oven["owner"] == {"id": world.ids["account of Bakery"], "name": "Bakery"}
    assert oven.keys() == {"child_assets", "owner"}
    answer = call("member", "GET", "assets?fields=id|colour")
    assert answer.status_code == 422
    assert "'colour'" in answer.get_json()["message"]["query"]["fields"][0]


@pytest.mark.parametrize(
    "field",
    ["attributes", "sensors_to_show", "sensors", "generic_asset_type", "description"],
)
def test_a_single_field(call: Call, field: str) -> None:
    whole, single = (
        call("member", "GET", f"assets{query}").get_json() for query in ("", f"?fields={field}")
    )
    assert single == [{field: asset[field]} for asset in whole]


def test_pages(call: Call, ids: dict[str, int]) -> None:
    def page(query: str) -> Any:
        return call("member", "GET", f"assets?{query}").get_json()

    first = page("page=1&per-page=2&sort-by=name&sort-dir=desc")
    assert [asset["name"] for asset in first["data"]] == ["till", "store"]
    assert (first["num-records"], first["filtered-records"]) == (5, 5)
    last = page("page=3&per_page=2&sort_by=name&sort_dir=desc")
    assert [asset["name"] for asset in last["data"]] == ["fan"]
    beyond = call("member", "GET", "assets?page=4&per_page=2")
    assert (beyond.status_code, beyond.get_json()["status"]) == (404, 404)
    filtered = page("page=1&filter=S")
    assert [asset["name"] for asset in filtered["data"]] == ["store", "shop"]
    assert (filtered["num-records"], filtered["filtered-records"]) == (5, 2)
    assert len(page("per_page=2")) == 5


def test_filters_match_all_words(call: Call, ids: dict[str, int]) -> None:
    everything = "assets?all_accessible=true&filter="
    assert names(call("admin", "GET", f"{everything}mill s")) == ["store", "sign"]
    assert names(call("admin", "GET", f"{everything}mill {ids['sign']}")) == ["sign"]
    assert names(call("admin", "GET", f"{everything}s%25")) == []
    assert call("admin", "GET", f'{everything}"mill').status_code == 422


def test_sorting_by_owner(call: Call, ids: dict[str, int]) -> None:
    found = call("admin", "GET", "assets?all_accessible=true&sort_by=owner&fields=owner").get_json()
    owners = [asset["owner"] and asset["owner"]["name"] for asset in found]
    assert owners == [*5 * ["Bakery"], *2 * ["Mill"], None]


def test_keys_in_a_body(call: Call, world: World, ids: dict[str, int]) -> None:
    """As the documentation of 0.13.1 shows it."""
    body = {"account_id": world.ids["account of Mill"]}
    assert names(call("admin", "GET", "assets", json=body)) == ["store", "sign"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("account_id=x", "account_id"),
        ("account_id=999", "account_id"),
        (f"account_id={2**40}", "account_id"),
        ("all_accessible=maybe", "all_accessible"),
        ("include_public=2", "include_public"),
        ("root=999", "root"),
        ("root=-1", "root"),
        ("root=1.5", "root"),
        ("depth=-1", "depth"),
        ("depth=x", "depth"),
        (f"depth={2**31}", "depth"),
        ("asset_type=999", "asset_type"),
        ("asset_type=battery", "asset_type"),
        ("fields=", "fields"),
        ("fields=id|", "fields"),
        ("fields=sensors_to_show_as_kpis", "fields"),
        ("sort_by=colour", "sort-by"),
        ("sort_dir=up", "sort-dir"),
        ("page=0", "page"),
        ("page=1&per_page=0", "per-page"),
        ("filter=%00", "filter"),
    ],
)
def test_bad_queries(call: Call, query: str, field: str) -> None:
    answer = call("admin", "GET", f"assets?{query}")
    assert answer.status_code == 422, answer.text
    assert list(answer.get_json()["message"]["query"]) == [field]


def test_public_assets(call: Call, world: World, ids: dict[str, int]) -> None:
    (asset,) = call("other", "GET", "assets/public").get_json()
    assert asset["id"] == world.ids["asset of None"]
    assert asset.keys() >= OLD_KEYS
    answer = call("other", "GET", "assets/public?fields=name|owner")
    assert answer.get_json() == [{"name": "store", "owner": None}]
    assert call("other", "GET", "assets/public?fields=colour").status_code == 422


def test_asset_types(call: Call, world: World) -> None:
    db.session.add(GenericAssetType(name="building", description="a house"))
    db.session.commit()
    assert call("member", "GET", "assets/types").get_json() == [
        {"id": 1, "name": "battery", "description": None},
        {"id": 2, "name": "building", "description": "a house"},
    ]


@pytest.mark.parametrize("name", ["public", "types"])
def test_lists_are_no_assets(call: Call, name: str) -> None:
    for method in ("PATCH", "DELETE"):
        answer = call("admin", method, f"assets/{name}")
        assert answer.status_code == 405
        assert set(answer.allow) == {"GET", "HEAD", "OPTIONS"}
    assert set(call("admin", "OPTIONS", f"assets/{name}").allow) == {"GET", "HEAD", "OPTIONS"}


def test_sensors_of_an_asset(call: Call, world: World) -> None:
    id_ = world.ids["asset of Bakery"]
    asset = db.session.get(GenericAsset, id_)
    assert asset is not None
    child = add("part", asset.account_id, asset)
    db.session.add_all(
        [
            Sensor("flow", asset, unit="l/h", event_resolution=timedelta(hours=1)),
            Sensor("heat", asset, unit="kW", event_resolution=timedelta(minutes=5)),
            Sensor("of the part", child, unit="kW", event_resolution=timedelta(minutes=5)),
        ]
    )
    db.session.commit()
    url = f"assets/{id_}/sensors"
    body = call("member", "GET", url).get_json()
    assert (body["num-records"], body["filtered-records"]) == (3, 3)
    first = body["data"][0]
    assert first.pop("entity_address").endswith(f":fm1.{first['id']}")
    assert first == {
        "id": world.ids["sensor of Bakery"],
        "name": "power",
        "unit": "MW",
        "timezone": "UTC",
        "event_resolution": "PT15M",
        "generic_asset_id": id_,
        "attributes": "{}",
    }

    def found(query: str) -> list[str]:
        return names(call("member", "GET", f"{url}?{query}"))

    assert found("sort_by=resolution") == ["heat", "power", "flow"]
    assert found("sort_by=name&sort_dir=desc&per_page=2") == ["power", "heat"]
    assert found("sort_by=name&sort_dir=desc&per_page=2&page=2") == ["flow"]
    assert found("filter=E") == ["power", "heat"]
    assert found("filter=e a") == ["heat"]
    assert call("member", "GET", f"{url}?page=2").status_code == 404
    assert call("member", "GET", f"{url}?sort_by=colour").status_code == 422
    empty = call("member", "GET", f"assets/{child.id}/sensors?filter=nothing").get_json()
    assert empty == {"data": [], "num-records": 1, "filtered-records": 0}


def test_trailing_slashes_matter(call: Call) -> None:
    assert call("admin", "GET", "assets/").status_code == 404


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is asked of the database."""
    seen: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


def asked(call: Call, path: str) -> int:
    with statements() as seen:
        assert call("admin", "GET", path).status_code == 200
    about_assets = [statement for statement in seen if "generic_asset" in statement]
    return len(about_assets)


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("all_accessible=true", 3),
        ("all_accessible=true&page=1&per_page=100", 4),
        ("all_accessible=true&page=1&per_page=100&filter=a", 5),
        ("all_accessible=true&fields=id|name|owner|generic_asset_type|attributes", 1),
        ("depth=3&all_accessible=true&fields=sensors", 2),
    ],
)
def test_many_assets_take_as_many_statements_as_one(
    call: Call, world: World, query: str, number: int
) -> None:
    assert asked(call, f"assets?{query}") == number
    for index in range(100):
        parent = add(f"asset {index}", world.ids["account of Bakery"])
        add("part", world.ids["account of Bakery"], parent)
        resolution = timedelta(minutes=15)
        db.session.add(Sensor("power", parent, unit="MW", event_resolution=resolution))
    db.session.commit()
    assert asked(call, f"assets?{query}") == number


def test_all_is_told_of_many(call: Call, world: World) -> None:
    shown = {"sensors_to_show": [world.ids["sensor of Bakery"]]}
    for index in range(20):
        parent = add(f"asset {index}", world.ids["account of Bakery"])
        parent.attributes = shown
        add("part", world.ids["account of Bakery"], parent)
    db.session.commit()
    found = call("member", "GET", "assets?depth=0").get_json()
    assert len(found) == 21
    for asset in found[1:]:
        assert [child["name"] for child in asset["child_assets"]] == ["part"]
        assert json.loads(asset["sensors_to_show"]) == shown["sensors_to_show"]
        assert asset["owner"]["name"] == "Bakery"
