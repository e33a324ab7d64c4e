"""Users and accounts by page, filtered and sorted."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

import pytest
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.api.v3_0.tests.conftest import Call, statements
from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.user import Account, AccountRole, User
from flexmeasures.tests.permissions.world import World, user_named

BAKERS = ["member", "account-admin", "colleague", "admin of the bakery"]
ALL = ["other", "member", "account-admin", "admin-reader", "admin", *BAKERS[2:]]


def entries(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    body = answer.get_json()
    return list(body if isinstance(body, list) else body["data"])


def usernames(answer: Any) -> list[str]:
    return [user["username"] for user in entries(answer)]


def account_names(answer: Any) -> list[str]:
    return [account["name"] for account in entries(answer)]


# --- Users ---


@pytest.mark.parametrize("who", ["admin", "admin-reader"])
def test_who_reads_everything_lists_all_on_request(call: Call, world: World, who: str) -> None:
    own = ["admin-reader", "admin"]
    assert usernames(call(who, "GET", "users")) == own
    assert usernames(call(who, "GET", "users?filter=o&sort_by=username")) == own[::-1]
    assert usernames(call(who, "GET", "users?all_accessible=True")) == ALL
    paged = call(who, "GET", "users?page=1&per-page=50")
    assert usernames(paged) == ALL
    assert paged.get_json()["data"][0]["account"] == {
        "id": world.ids["account of Mill"],
        "name": "Mill",
    }


def test_members_list_their_own_account_whatever_they_ask(call: Call) -> None:
    for query in ("", "?all_accessible=true", "?page=1", "?page=1&all_accessible=1"):
        assert usernames(call("member", "GET", f"users{query}")) == BAKERS


def test_users_of_an_account(call: Call, world: World) -> None:
    mill = world.ids["account of Mill"]
    for key in ("account", "account_id", "account-id"):
        assert usernames(call("admin", "GET", f"users?{key}={mill}&page=1")) == ["other"]
        assert call("member", "GET", f"users?{key}={mill}&page=1").status_code == 403


def test_a_page_of_users(call: Call) -> None:
    body = call("admin", "GET", "users?page=2&per-page=3&include_inactive=on").get_json()
    assert (body["num-records"], body["filtered-records"], len(body["data"])) == (8, 8, 3)
    body = call("admin", "GET", "users?page=1&filter=bak col").get_json()
    assert (body["num-records"], body["filtered-records"]) == (7, 1)
    assert [user["username"] for user in body["data"]] == ["colleague"]
    assert call("admin", "GET", "users?page=4&per-page=3").status_code == 404


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ("BAKERY", BAKERS),
        ("admin bakery", ["account-admin", "admin of the bakery"]),
        ("'of the'", ["admin of the bakery"]),
        ("colleague@", ["colleague"]),
        ("mill other", ["other"]),
        ("mill member", []),
        ("_", []),
        ("%25", []),
        ("1", []),  # no id of a user
    ],
)
def test_filtering_users(call: Call, terms: str, expected: list[str]) -> None:
    assert usernames(call("admin", "GET", f"users?page=1&filter={terms}")) == expected


def test_sorting_users(call: Call) -> None:
    for name, day in (("colleague", 2), ("other", 3)):
        user_named(name).last_login_at = datetime(2026, 3, day)
        user_named(name).last_seen_at = datetime(2026, 3, 5 - day)
    db.session.commit()

    def by(key: str, direction: str = "asc") -> list[str]:
        url = f"users?page=1&sort-by={key}&sort_dir={direction}"
        return usernames(call("admin", "GET", url))

    assert by("username") == sorted(ALL)
    assert by("username", "desc") == sorted(ALL, reverse=True)
    assert by("lastLogin")[:2] == ["colleague", "other"]
    assert by("lastLogin", "desc")[:2] == ["other", "colleague"], "empty ones come last"
    seen = by("lastSeen")
    assert seen[:3] == ["other", "colleague", "admin"]
    addresses = [user["email"] for user in entries(call("admin", "GET", "users?sort_by=email"))]
    assert addresses == sorted(addresses)


@pytest.mark.parametrize("path", ["users", "accounts"])
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("sort-by=password", "sort-by"),
        ("sort_by=" + "x" * 1000, "sort-by"),
        ("sort-dir=up", "sort-dir"),
        ("page=0", "page"),
        ("page=1.5", "page"),
        ("per-page=99999999999999999999", "per-page"),
        ("per-page=1&per_page=1", "per-page"),
        ("filter=%22open", "filter"),
        ("filter=%00", "filter"),
    ],
)
def test_bad_queries(call: Call, path: str, query: str, field: str) -> None:
    answer = call("member", "GET", f"{path}?{query}")
    assert answer.status_code == 422, answer.text
    assert set(answer.get_json()["message"]["query"]) == {field}


@pytest.mark.parametrize("query", ["role=%00", "role=" + "x" * 81])
def test_bad_roles(call: Call, query: str) -> None:
    answer = call("admin", "GET", f"accounts?{query}")
    assert set(answer.get_json()["message"]["query"]) == {"role"}


# --- Accounts ---


def test_accounts_by_page_have_numbers(call: Call) -> None:
    body = call("admin", "GET", "accounts?page=1").get_json()
    numbers = {
        account["name"]: (account["user_count"], account["asset_count"]) for account in body["data"]
    }
    assert numbers == {"Bakery": (5, 1), "Mill": (1, 1), "Server Room": (2, 0)}
    assert (body["num-records"], body["filtered-records"]) == (3, 3)
    plain = entries(call("admin", "GET", "accounts?filter=mill&sort_by=users"))
    assert [set(account) for account in plain] == [{"id", "name", "account_roles"}]


def test_others_see_their_own_account_only(call: Call) -> None:
    body = call("member", "GET", "accounts?page=1&filter=mill bakery").get_json()
    assert [account["name"] for account in body["data"]] == ["Bakery"]
    assert (body["num-records"], body["filtered-records"]) == (1, 1)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("filter=MILL bak", ["Bakery", "Mill"]),
        ("filter='server room'", ["Server Room"]),
        ("filter=1", []),
        ("role=Prosumer", ["Bakery"]),
        ("role=prosumer", []),
        ("roles=nobody", []),
        ("sort-by=id&sort-dir=desc", ["Server Room", "Mill", "Bakery"]),
        ("sort-by=name&sort-dir=desc", ["Server Room", "Mill", "Bakery"]),
        ("sort-by=users", ["Mill", "Server Room", "Bakery"]),
        ("sort-by=assets", ["Server Room", "Bakery", "Mill"]),
        ("sort-by=assets&sort-dir=desc", ["Bakery", "Mill", "Server Room"]),
        ("page=2&per-page=2", ["Server Room"]),
    ],
)
def test_filtering_and_sorting_accounts(
    call: Call, world: World, query: str, expected: list[str]
) -> None:
    ids = [world.ids[f"account of {name}"] for name in ("Bakery", "Mill", "Server Room")]
    assert ids == sorted(ids)
    assert account_names(call("admin", "GET", f"accounts?{query}")) == expected


# --- Both ---


def test_statements_do_not_grow(call: Call, world: World, db: SQLAlchemy) -> None:
    def numbers() -> list[int]:
        queries = (
            "users?all_accessible=1",
            "users?page=1&per-page=500&filter=a",
            "accounts",
            "accounts?page=1&per-page=500&filter=a&sort-by=users",
        )
        return [statements(db, partial(call, "admin", "GET", query)) for query in queries]

    call("admin", "GET", "users")
    few = numbers()
    store = db.session.get(GenericAsset, world.ids["asset of Bakery"])
    assert store is not None
    for number in range(100):
        account = Account(name=f"a{number}", account_roles=[AccountRole(name=f"r{number}")])
        db.session.add(
            User(
                email=f"a{number}@example.com",
                username=f"a{number}",
                password="x",
                fs_uniquifier=f"{number}",
                active=True,
                account=account,
                flexmeasures_roles=list(user_named("account-admin").flexmeasures_roles),
            )
        )
        db.session.add(
            GenericAsset(name="a", owner=account, generic_asset_type=store.generic_asset_type)
        )
    db.session.commit()
    assert numbers() == few
