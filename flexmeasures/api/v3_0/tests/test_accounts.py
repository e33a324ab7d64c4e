from __future__ import annotations

import pytest

from flexmeasures.api.v3_0.tests.conftest import Call
from flexmeasures.tests.permissions.world import World


@pytest.mark.parametrize("who", ["member", "account-admin"])
def test_members_see_their_account(call: Call, world: World, who: str) -> None:
    (account,) = call(who, "GET", "accounts").get_json()
    assert account["name"] == "Bakery"
    assert account["id"] == world.ids["account of Bakery"]
    assert [role["name"] for role in account["account_roles"]] == ["Prosumer"]
    assert set(account) == {"id", "name", "account_roles"}
    one = call(who, "GET", f"accounts/{account['id']}").get_json()
    assert one == account | {"status": 200}


@pytest.mark.parametrize("who", ["admin", "admin-reader"])
def test_admins_see_all(call: Call, who: str) -> None:
    names = [account["name"] for account in call(who, "GET", "accounts").get_json()]
    assert names == ["Bakery", "Mill", "Server Room"]


@pytest.mark.parametrize("id_", ["99", "0", "-1", "abc", "1.5", "99999999999999999999", "٣", "%20"])
def test_no_such_account(call: Call, world: World, id_: str) -> None:
    answer = call("admin", "GET", f"accounts/{id_}")
    assert answer.status_code == 404
    body = answer.get_json()
    assert body["status"] == 404
    assert id_ not in ("99", "0") or body["message"] == f"Account {id_} not found"


def test_trailing_slashes_matter(call: Call) -> None:
    assert call("admin", "GET", "accounts/").status_code == 404
