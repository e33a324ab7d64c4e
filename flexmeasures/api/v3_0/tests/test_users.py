from __future__ import annotations

from typing import Any

import pytest

from flexmeasures.api.v3_0.tests.conftest import Call
from flexmeasures.data.config import db
from flexmeasures.data.models.user import Role, User
from flexmeasures.tests.permissions.world import World, user_named


def role_id(name: str) -> int:
    role = db.session.query(Role).filter_by(name=name).one_or_none() or Role(name=name)
    db.session.add(role)
    db.session.commit()
    return role.id


def stored(world: World, name: str) -> User:
    db.session.rollback()
    db.session.expire_all()
    user = db.session.get(User, world.users[name])
    assert user is not None
    return user


def test_users_of_the_account(call: Call, world: World) -> None:
    users = call("member", "GET", "users").get_json()
    names = [user["username"] for user in users]
    assert names == ["member", "account-admin", "colleague", "admin of the bakery"]
    assert users[1] == {
        "id": world.users["account-admin"],
        "email": "account-admin@example.com",
        "username": "account-admin",
        "account_id": world.ids["account of Bakery"],
        "active": True,
        "timezone": "Europe/Amsterdam",
        "flexmeasures_roles": [role_id("account-admin")],
        "last_login_at": None,
        "last_seen_at": None,
    }
    assert users[0]["last_seen_at"].count("T") == 1
    assert "+" not in users[0]["last_seen_at"]


@pytest.mark.parametrize("text", ["true", "True", "1", "yes", "on", "t", "y"])
def test_inactive_users_on_request(call: Call, text: str) -> None:
    users = call("member", "GET", f"users?include_inactive={text}").get_json()
    assert "deactivated" in [user["username"] for user in users]


def test_bad_queries(call: Call) -> None:
    answer = call("admin", "GET", "users?account_id=x&include_inactive=maybe&other=1")
    assert answer.status_code == 422
    assert answer.get_json() == {
        "message": {
            "query": {
                "account_id": ["Not a valid integer."],
                "include_inactive": ["Not a valid boolean."],
            }
        },
        "result": "Rejected",
        "status": "UNPROCESSABLE_ENTITY",
    }


def test_one_user(call: Call, world: World) -> None:
    id_ = world.users["colleague"]
    user = call("member", "GET", f"users/{id_}").get_json()
    assert (user["username"], user["status"]) == ("colleague", 200)
    missing = call("member", "GET", "users/9999")
    assert missing.get_json() == {"message": "User 9999 not found", "status": 404}


def test_changing_oneself(call: Call, world: World) -> None:
    changes = {"email": "New.Name@EXAMPLE.com", "username": "new name", "timezone": "Asia/Seoul"}
    id_ = world.users["member"]
    answer = call("member", "PATCH", f"users/{id_}", json=changes)
    assert answer.status_code == 200
    user = stored(world, "member")
    assert (user.email, user.username, user.timezone) == (
        "New.Name@example.com",
        "new name",
        "Asia/Seoul",
    )
    assert answer.get_json()["email"] == user.email


def test_sending_back_what_one_got(call: Call, world: World) -> None:
    id_ = world.users["colleague"]
    got = call("account-admin", "GET", f"users/{id_}").get_json()
    changeable = {key: got[key] for key in got if key not in ("id", "account_id", "status")} | {
        "last_seen_at": "whatever"
    }
    assert call("account-admin", "PATCH", f"users/{id_}", json=changeable).status_code == 200
    assert stored(world, "colleague").last_seen_at is None


@pytest.mark.parametrize("who", ["member", "account-admin", "admin"])
@pytest.mark.parametrize("changes", [{"active": False}, {"flexmeasures_roles": []}])
def test_nobody_decides_on_the_own_activation_and_roles(
    call: Call, world: World, who: str, changes: dict[str, Any]
) -> None:
    answer = call(who, "PATCH", f"users/{world.users[who]}", json=changes)
    assert (answer.status_code, answer.get_json()["status"]) == (403, "INVALID_SENDER")
    assert stored(world, who).active


def test_account_admins_decide_on_roles_within_the_account(call: Call, world: World) -> None:
    url = f"users/{world.users['colleague']}"
    trader, account_admin = role_id("trader"), role_id("account-admin")
    changes = {"flexmeasures_roles": [trader, account_admin]}
    assert call("account-admin", "PATCH", url, json=changes).status_code == 200
    assert stored(world, "colleague").has_role("trader")
    for role in ("admin", "admin-reader", "task-runner"):
        changes = {"flexmeasures_roles": [role_id(role)]}
        assert call("account-admin", "PATCH", url, json=changes).status_code == 403
    assert stored(world, "colleague").has_role("trader")
    assert call("admin", "PATCH", url, json=changes).status_code == 200
    assert stored(world, "colleague").has_role("task-runner")
    # and whoever has such a role is beyond them
    assert call("account-admin", "PATCH", url, json={"flexmeasures_roles": []}).status_code == 403


def test_deactivation_ends_sessions_and_tokens(call: Call, world: World) -> None:
    before = stored(world, "colleague").fs_uniquifier
    url = f"users/{world.users['colleague']}"
    assert call("account-admin", "PATCH", url, json={"active": False}).status_code == 200
    assert stored(world, "colleague").fs_uniquifier != before
    assert call("colleague", "GET", "users").status_code == 401
    assert call("account-admin", "PATCH", url, json={"active": True}).status_code == 200
    assert call("colleague", "GET", "users").status_code == 200


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"id": 1}, "id", "Unknown field."),
        ({"account_id": 1}, "account_id", "Unknown field."),
        ({"password": "x"}, "password", "Unknown field."),
        ({"email": "ann"}, "email", "Not a valid email address"),
        ({"email": "a@example.com\nBcc: x@example.com"}, "email", "Not a valid email address"),
        ({"email": 5}, "email", "Not a valid string."),
        ({"email": None}, "email", "Field may not be null."),
        ({"username": ""}, "username", "Length must be between 1 and 80."),
        ({"username": "a\nb"}, "username", "control characters"),
        ({"username": "a\x00b"}, "username", "control characters"),
        ({"timezone": "Mars"}, "timezone", "Timezone Mars doesn't exist."),
        ({"active": "maybe"}, "active", "Not a valid boolean."),
        ({"flexmeasures_roles": "admin"}, "flexmeasures_roles", "Not a valid list."),
        ({"flexmeasures_roles": [999]}, "flexmeasures_roles", "No role found with id 999."),
        ({"flexmeasures_roles": [9] * 1000}, "flexmeasures_roles", "Longer than maximum length"),
    ],
)
def test_bad_changes(
    call: Call, world: World, changes: dict[str, Any], field: str, message: str
) -> None:
    answer = call("admin", "PATCH", f"users/{world.users['colleague']}", json=changes)
    assert answer.status_code == 422, answer.text
    body = answer.get_json()
    assert (body["result"], body["status"]) == ("Rejected", "UNPROCESSABLE_ENTITY")
    assert message in str(body["message"]["json"][field])


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "member@example.com"},
        {"email": "MEMBER@example.com"},
        {"username": "member"},
        {"email": "new@example.com", "username": "other"},
    ],
)
def test_duplicates(call: Call, world: World, changes: dict[str, str]) -> None:
    answer = call("admin", "PATCH", f"users/{world.users['colleague']}", json=changes)
    assert answer.status_code == 400
    body = answer.get_json()
    assert (body["message"], body["status"]) == ("Duplicate user already exists", 400)
    assert "already exists." in body["detail"]
    assert user_named("colleague").email == "colleague@example.com"


def test_bodies_that_are_none(call: Call, world: World) -> None:
    url = f"users/{world.users['member']}"
    broken = call("member", "PATCH", url, data="{", content_type="application/json")
    assert (broken.status_code, broken.get_json()["status"]) == (400, 400)
    listed = call("member", "PATCH", url, json=[])
    assert listed.get_json()["message"] == {"json": {"_schema": ["Invalid input type."]}}
    form = call("member", "PATCH", url, data={"username": "new"})
    assert (form.status_code, form.get_json()["username"]) == (200, "member")
