"""Pages about assets: who sees and changes what, and what forms say about what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import insert
from werkzeug.test import TestResponse

from flexmeasures.api.v3_0.tests.conftest import statements
from flexmeasures.app import create
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.tests.permissions.world import World, build_world, user_named
from flexmeasures.ui.crud.assets import get_assets_by_account

Visit = Callable[..., TestResponse]


@pytest.fixture(scope="module")
def site(app: Flask, db: SQLAlchemy) -> Flask:
    """With the world of the permission matrix."""
    site = create(env="testing")
    site.extensions["world of tests"] = build_world()
    return site


@pytest.fixture
def world(site: Flask) -> World:
    world: World = site.extensions["world of tests"]
    return world


@pytest.fixture
def visit(site: Flask) -> Iterator[Visit]:
    """Open a page as somebody; with `data`, send a form to it."""

    def visit(name: str, path: str, data: dict[str, Any] | None = None) -> TestResponse:
        client = site.test_client()
        with client.session_transaction() as session:
            session["_user_id"] = user_named(name).fs_uniquifier
        headers = {"Accept": "text/html"}
        if data is None:
            return client.get(path, headers=headers)
        return client.post(path, data=data, headers=headers)

    yield visit


@pytest.fixture
def store(db: SQLAlchemy, world: World) -> GenericAsset:
    """The bakery's, as it was at the beginning."""
    store = db.session.get_one(GenericAsset, world.ids["asset of Bakery"])
    store.name, store.latitude, store.longitude = "store", 52.3, 4.9
    store.attributes, store.flex_model, store.flex_context = {"kept": [1, {"a": "ü"}]}, {}, {}
    store.description = store.external_id = store.parent_asset_id = None
    db.session.commit()
    return store


def new(world: World, **fields: Any) -> dict[str, Any]:
    """What the form of a new asset sends, for the bakery."""
    return {
        "name": "oven",
        "generic_asset_type_id": 1,
        "account_id": world.ids["account of Bakery"],
        "latitude": "52.1",
        "longitude": "4.5",
        "attributes": "{}",
    } | fields


def asset_named(db: SQLAlchemy, name: str) -> GenericAsset | None:
    db.session.rollback()
    return db.session.query(GenericAsset).filter_by(name=name).one_or_none()


def errors_at(page: TestResponse, field: str) -> list[str]:
    found = re.search(rf'<div id="{field}-errors">(.*?)</div>', page.text, re.DOTALL)
    return re.findall(r'<p class="field-error">(.*?)</p>', found[1]) if found else []


def rows_of(page: TestResponse) -> list[str]:
    return re.findall(r'<a href="(/assets/\d+/)">', page.text)


# Lists


def test_whose_assets_are_listed(visit: Visit, world: World) -> None:
    own, other, public = (
        f"/assets/{world.ids[f'asset of {owner}']}/" for owner in ("Bakery", "Mill", None)
    )
    assert rows_of(visit("member", "/assets/?filter=store")) == [own]
    for admin in ("admin", "admin-reader"):
        page = visit(admin, "/assets/?filter=store")
        assert rows_of(page) == [own, other, public]
        assert "PUBLIC" in page.text


def test_who_may_create_is_shown_how(visit: Visit) -> None:
    for name, may in {"member": False, "admin-reader": False, "account-admin": True}.items():
        assert ("Create new asset" in visit(name, "/assets/").text) is may


def test_assets_of_an_account(visit: Visit, world: World) -> None:
    bakery = world.ids["account of Bakery"]
    page = visit("member", f"/assets/owned_by/{bakery}/?filter=store")
    assert "Asset overview for account Bakery" in page.text
    assert rows_of(page) == [f"/assets/{world.ids['asset of Bakery']}/"]
    for unknown in ("123456", "nonsense", "99999999999999999999"):
        page = visit("member", f"/assets/owned_by/{unknown}/")
        assert f"Account {unknown} unknown." in page.text
        assert rows_of(page) == []


def test_names_are_escaped(visit: Visit, db: SQLAlchemy, store: GenericAsset) -> None:
    store.name, store.description = "<b>store</b>", "<script>"
    db.session.commit()
    for path in (
        "/assets/",
        f"/assets/{store.id}/",
        f"/assets/delete_with_data/{store.id}/",
        f"/assets/new/?parent_asset_id={store.id}",
    ):
        page = visit("account-admin", path).text
        assert "<b>store" not in page
        assert "&lt;b&gt;store" in page


def test_assets_by_account(site: Flask, world: World) -> None:
    """Plugins use it."""
    with site.test_request_context("/"):
        from flask_security.utils import login_user

        login_user(user_named("member"))
        own = get_assets_by_account(world.ids["account of Bakery"])
        assert world.ids["asset of Bakery"] in [asset.id for asset in own]
        assert {str(asset.owner and asset.owner.name) for asset in own} == {"Bakery"}
        assert get_assets_by_account(world.ids["account of Mill"]) == []
        assert [asset.owner for asset in get_assets_by_account(None)] == [None]
        assert get_assets_by_account("nonsense") == []


# One asset


def test_what_members_see_of_an_asset(visit: Visit, world: World, store: GenericAsset) -> None:
    page = visit("member", f"/assets/{store.id}/").text
    sensor = world.ids["sensor of Bakery"]
    for text in (
        "<title>store - FlexMeasures</title>",
        "All sensors for store",
        f":fm1.{sensor}</code>",
        f'href="/sensors/{sensor}/"',
        "15 minutes",
        "Owned by account: Bakery (ID: ",
        'value="52.3"',
        'id="sensorchart"',
        'id="datepicker"',
        'id="replay"',
        "LAT: 52.3000 LONG: 4.9000",
        "&#34;kept&#34;: [1, {&#34;a&#34;: &#34;ü&#34;}]",
    ):
        assert text in page
    assert "delete-asset-button" not in page
    assert "delete-asset-button" in visit("account-admin", f"/assets/{store.id}/").text


@pytest.mark.parametrize(
    ("name", "asset"), [("admin-reader", "asset of Bakery"), ("member", "asset of None")]
)
def test_who_may_only_read_gets_no_form(
    visit: Visit, world: World, store: GenericAsset, name: str, asset: str
) -> None:
    page = visit(name, f"/assets/{world.ids[asset]}/").text
    assert "All sensors for store" in page
    assert "edit-asset" not in page
    assert "delete-asset-button" not in page
    assert "Add a part" not in page


def test_parts(visit: Visit, db: SQLAlchemy, world: World, store: GenericAsset) -> None:
    """Those of other accounts are not shown, even if they are part of the same."""
    kind, mill = store.generic_asset_type, world.ids["account of Mill"]
    shelf = GenericAsset(name="shelf", generic_asset_type=kind, owner=store.owner)
    box = GenericAsset(name="box", generic_asset_type=kind, owner=store.owner, parent_asset=shelf)
    theirs = GenericAsset(name="theirs", generic_asset_type=kind, account_id=mill)
    shelf.parent_asset = theirs.parent_asset = store
    db.session.add_all([shelf, box, theirs])
    db.session.commit()
    assert rows_of(visit("member", f"/assets/{store.id}/")) == [f"/assets/{shelf.id}/"]
    assert rows_of(visit("member", f"/assets/{box.id}/")) == [
        f"/assets/{store.id}/",
        f"/assets/{shelf.id}/",
    ]
    page = visit("account-admin", f"/assets/delete_with_data/{store.id}/").text
    assert "<strong>3</strong> assets that are part of it" in page
    assert "<strong>1</strong> sensor" in page
    for asset in (box, theirs, shelf):
        db.session.delete(asset)
    db.session.commit()


def test_other_addresses_are_no_assets(visit: Visit) -> None:
    for id_ in ("0", "-1", "1.5", "nonsense", "99999999999999999999", "create", "²"):
        assert visit("admin", f"/assets/{id_}/").status_code == 404
        if id_ != "create":
            assert visit("admin", f"/assets/{id_}/", {"name": "x"}).status_code == 404
        assert visit("admin", f"/assets/delete_with_data/{id_}/").status_code == 404


# Editing


def test_editing(visit: Visit, db: SQLAlchemy, store: GenericAsset) -> None:
    form = {
        "name": " warehouse ",
        "latitude": "-52.1234567",
        "longitude": "4",
        "attributes": '{"capacity_in_mw": 0.5,\r\n "text": "a\\\\b"}',
        "flex_model": '{"soc-max": "40 kWh"}',
        "flex_context": "",
        "description": "Two\r\nlines",
        "external_id": "DE-1",
        "parent_asset_id": "",
        "nonsense": "ignored",
    }
    page = visit("member", f"/assets/{store.id}/", form)
    assert page.status_code == 200
    assert "Editing was successful." in page.text
    db.session.refresh(store)
    assert (store.name, store.latitude, store.longitude) == ("warehouse", -52.1234567, 4)
    assert store.attributes == {"capacity_in_mw": 0.5, "text": "a\\b"}
    assert (store.flex_model, store.flex_context) == ({"soc-max": "40 kWh"}, {})
    assert (store.description, store.external_id) == ("Two\nlines", "DE-1")


def test_what_is_not_sent_stays(visit: Visit, db: SQLAlchemy, store: GenericAsset) -> None:
    assert "successful" in visit("member", f"/assets/{store.id}/", {"name": "depot"}).text
    db.session.refresh(store)
    assert (store.name, store.latitude) == ("depot", 52.3)
    assert store.attributes == {"kept": [1, {"a": "ü"}]}


@pytest.mark.parametrize(
    ("field", "typed", "error"),
    [
        ("name", "", "Cannot be blank."),
        ("name", "x" * 81, "Longer than maximum length 80."),
        ("name", "a\x00b", "Cannot have control characters."),
        ("latitude", "", "Not a valid decimal value."),
        ("latitude", "north", "Not a valid decimal value."),
        ("latitude", "nan", "Not a valid decimal value."),
        ("longitude", "1e400", "Not a valid decimal value."),
        ("latitude", "91", "Latitude 91.0 exceeds the maximum latitude of 90 degrees."),
        ("longitude", "1.12345678", "Latitudes and longitudes are limited to 7 decimal places."),
        ("attributes", "{", "Not a valid JSON string. Line 1, column 2: "),
        ("attributes", '{"a": 1,\r\n "b" 2}', "Not a valid JSON string. Line 2, column 6: "),
        ("attributes", "[]", "Attributes should be a dict."),
        ("attributes", '{"a": NaN}', "Not a valid JSON string."),
        ("attributes", "[" * 100_000, "Not a valid JSON string."),
        ("attributes", '{"sensors_to_show": "all"}', ""),
        ("attributes", '{"custom-scheduler": {"module": "os"}}', "Only admins decide on"),
        ("flex_model", '{"soc-max": "40 apples"}', "soc-max: "),
        ("flex_model", '{"nonsense": 1}', "nonsense: Unknown field."),
        ("flex_context", '{"consumption-price": {"sensor": 123456}}', "consumption-price."),
        ("description", "a\x00b", "Cannot have NUL characters"),
        ("external_id", "x" * 256, "Longer than maximum length 255."),
        ("parent_asset_id", "x", "Not a valid integer."),
        ("parent_asset_id", "123456", "No asset found with id 123456."),
        ("parent_asset_id", "asset of Mill", "No asset found with id "),
        ("parent_asset_id", "asset of Bakery", "An asset cannot be part of itself."),
    ],
)
def test_what_cannot_be_stored_is_told_at_its_field(
    visit: Visit,
    db: SQLAlchemy,
    world: World,
    store: GenericAsset,
    field: str,
    typed: str,
    error: str,
) -> None:
    """What is valid beside it is not stored, either; and what was typed stays in the form."""
    typed = str(world.ids.get(typed, typed))
    beside = {"name": "renamed"} if field != "name" else {"external_id": "renamed"}
    page = visit("member", f"/assets/{store.id}/", beside | {field: typed})
    assert page.status_code == 200
    assert "Cannot edit asset." in page.text
    assert "successful" not in page.text
    (told,) = errors_at(page, field)
    assert told.startswith(error)
    assert 'value="renamed"' in page.text
    assert "left-sidepanel wide sidepanel-show" in page.text
    db.session.refresh(store)
    assert (store.name, store.external_id, store.latitude) == ("store", None, 52.3)
    assert store.attributes == {"kept": [1, {"a": "ü"}]}


def test_a_place_that_is_not_known_may_stay_unknown(
    visit: Visit, db: SQLAlchemy, store: GenericAsset
) -> None:
    store.latitude = store.longitude = None
    db.session.commit()
    form = {"name": "somewhere", "latitude": "", "longitude": ""}
    assert "successful" in visit("member", f"/assets/{store.id}/", form).text


def test_a_change_by_somebody_else_is_not_overwritten_unseen(
    visit: Visit, db: SQLAlchemy, store: GenericAsset
) -> None:
    def version(page: TestResponse) -> str:
        return re.findall('name="version" value="(.*?)"', page.text)[0]

    path = f"/assets/{store.id}/"
    opened = version(visit("member", path))
    visit("account-admin", path, {"description": "new"})
    form = {"name": "mine", "description": ""}
    refused = visit("member", path, form | {"version": opened})
    assert "Meanwhile this asset was changed by somebody else." in refused.text
    assert 'value="mine"' in refused.text
    db.session.refresh(store)
    assert (store.name, store.description) == ("store", "new")
    assert "successful" in visit("member", path, form | {"version": version(refused)}).text


def test_admins_choose_schedulers(visit: Visit, db: SQLAlchemy, store: GenericAsset) -> None:
    attributes = '{"custom-scheduler": {"module": "x", "class": "Y"}}'
    page = visit("admin", f"/assets/{store.id}/", {"attributes": attributes})
    assert "successful" in page.text
    # Others keep it while they change the rest.
    assert "successful" in visit("member", f"/assets/{store.id}/", {"name": "depot"}).text
    db.session.refresh(store)
    assert store.attributes == json.loads(attributes)


# New assets


def test_which_accounts_are_offered(visit: Visit) -> None:
    assert ">Mill</option>" in visit("admin", "/assets/new/").text
    page = visit("account-admin", "/assets/new/").text
    assert ">Mill</option>" not in page
    assert " selected>Bakery</option>" in page
    assert "the asset is public" not in page


def test_creating(visit: Visit, db: SQLAlchemy, world: World) -> None:
    page = visit("account-admin", "/assets/create/", new(world, nonsense="ignored"))
    assert page.status_code == 200
    assert "Creation was successful." in page.text
    assert "All sensors for oven" in page.text
    assert "There are no sensors yet." in page.text
    assert 'id="sensorchart"' not in page.text
    oven = asset_named(db, "oven")
    assert oven is not None
    assert (oven.latitude, oven.longitude) == (52.1, 4.5)
    assert oven.account_id == world.ids["account of Bakery"]
    again = visit("account-admin", "/assets/create/", new(world))
    assert "Cannot create asset." in again.text
    assert errors_at(again, "name") == [
        "An asset with the name oven already exists in this account."
    ]


@pytest.mark.parametrize(
    ("name", "owner"), [("admin", None), ("admin", "Mill"), ("account-admin", "Bakery")]
)
def test_for_whom(visit: Visit, db: SQLAlchemy, world: World, name: str, owner: str | None) -> None:
    account = -1 if owner is None else world.ids[f"account of {owner}"]
    title = f"by {name} for {owner}"
    assert (
        "successful"
        in visit(name, "/assets/create/", new(world, name=title, account_id=account)).text
    )
    asset = asset_named(db, title)
    assert asset is not None
    assert (asset.owner.name if asset.owner else None) == owner


@pytest.mark.parametrize(
    ("field", "typed", "error"),
    [
        ("account_id", "-1", "Please pick an existing account."),
        ("account_id", "account of Mill", "You are not allowed to create assets for this account."),
        ("account_id", "123456", "Account with Id 123456 doesn&#39;t exist."),
        ("account_id", "x", "Not a valid integer."),
        ("generic_asset_type_id", "-1", "Pick an existing asset type."),
        ("generic_asset_type_id", "99", "GenericAssetType with id 99 doesn&#39;t exist."),
        ("name", "", "Cannot be blank."),
        ("latitude", "", "Not a valid decimal value."),
        ("longitude", "x", "Not a valid decimal value."),
        ("attributes", "x", "Not a valid JSON string. Line 1, column 1: "),
        ("attributes", '{"custom-scheduler": {}}', "Only admins decide on"),
        ("flex_model", "[]", ""),
    ],
)
def test_what_cannot_be_created(
    visit: Visit, db: SQLAlchemy, world: World, field: str, typed: str, error: str
) -> None:
    typed = str(world.ids.get(typed, typed))
    before = db.session.query(GenericAsset).count()
    form = new(world, name="refused") | {field: typed}
    page = visit("account-admin", "/assets/create/", form)
    assert page.status_code == 200
    assert "Cannot create asset." in page.text
    (told,) = errors_at(page, field)
    assert told.startswith(error)
    assert 'value="4.5"' in page.text or field == "longitude"
    assert db.session.query(GenericAsset).count() == before


def test_everything_wrong_is_told_at_once(visit: Visit) -> None:
    page = visit("account-admin", "/assets/create/", {"name": "x" * 81, "latitude": "91"})
    for field in ("name", "generic_asset_type_id", "account_id", "latitude", "longitude"):
        assert len(errors_at(page, field)) == 1


def test_members_add_parts_to_assets_of_their_account(
    visit: Visit, db: SQLAlchemy, world: World, store: GenericAsset
) -> None:
    page = visit("member", f"/assets/new/?parent_asset_id={store.id}")
    assert f'name="parent_asset_id" value="{store.id}"' in page.text
    part = new(world, name="part", parent_asset_id=store.id)
    del part["account_id"]
    assert "successful" in visit("member", "/assets/create/", part).text
    added = asset_named(db, "part")
    assert added is not None
    assert (added.parent_asset_id, added.account_id) == (store.id, store.account_id)
    other = world.ids["asset of Mill"]
    for path in (f"/assets/new/?parent_asset_id={other}", "/assets/new/?parent_asset_id=x"):
        assert visit("member", path).status_code == 403
    part["parent_asset_id"] = other
    assert visit("member", "/assets/create/", part).status_code == 403
    assert errors_at(visit("account-admin", "/assets/create/", part), "account_id") == []
    refused = visit("account-admin", "/assets/create/", part)
    assert f"No asset found with id {other}." in refused.text


# Deleting


def test_deleting(visit: Visit, db: SQLAlchemy, world: World) -> None:
    visit("account-admin", "/assets/create/", new(world, name="doomed"))
    doomed = asset_named(db, "doomed")
    assert doomed is not None
    path = f"/assets/delete_with_data/{doomed.id}/"
    page = visit("account-admin", path).text
    assert "Delete doomed?" in page
    assert "<strong>0</strong> values" in page
    assert asset_named(db, "doomed") is not None
    answer = visit("account-admin", path, {})
    assert (answer.status_code, answer.location) == (303, "/assets/")
    assert asset_named(db, "doomed") is None


# Effort


@pytest.fixture
def many(db: SQLAlchemy, world: World) -> Iterator[GenericAsset]:
    """A thousand assets in one, which has as many sensors."""
    bakery = world.ids["account of Bakery"]
    kind = db.session.query(GenericAssetType).filter_by(name="battery").one()
    top = GenericAsset(name="top", generic_asset_type=kind, account_id=bakery)
    db.session.add(top)
    db.session.flush()
    fields = {"generic_asset_type_id": kind.id, "account_id": bakery, "parent_asset_id": top.id}
    db.session.execute(
        insert(GenericAsset),
        [fields | {"name": f"part {n}", "attributes": {}} for n in range(1000)],
    )
    for n in range(1000):
        db.session.add(
            Sensor(f"sensor {n}", top, unit="kW", event_resolution=timedelta(minutes=15))
        )
    db.session.commit()
    yield top
    db.session.delete(top)
    db.session.commit()


@pytest.mark.parametrize("name", ["member", "admin"])
def test_statements_do_not_grow_with_assets(
    visit: Visit, db: SQLAlchemy, store: GenericAsset, many: GenericAsset, name: str
) -> None:
    few = statements(db, lambda: visit(name, "/assets/?filter=store"))
    assert statements(db, lambda: visit(name, "/assets/")) <= few
    page = statements(db, lambda: visit(name, f"/assets/{store.id}/"))
    assert statements(db, lambda: visit(name, f"/assets/{many.id}/?per-page=100")) == page
    assert page < 20
