"""Where decorators look for what a view is about, and what they tell those who may not see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Response
from flask_security.utils import login_user
from flask_sqlalchemy import SQLAlchemy
from werkzeug.exceptions import Forbidden

from flexmeasures.auth.decorators import (
    account_roles_accepted,
    account_roles_required,
    permission_required_for_context,
    roles_accepted,
    roles_required,
)
from flexmeasures.data.models.user import Account, User
from flexmeasures.data.services.accounts import create_account
from flexmeasures.data.services.users import create_user


@pytest.fixture
def people(fresh_db: SQLAlchemy) -> dict[str, User]:
    create_account("Bakery", ["Prosumer", "ESCO"])
    roles = {"chef": ["chef"], "waiter": ["waiter", "chef"], "guest": [], "admin": ["admin"]}
    found = {
        name: create_user(
            email=f"{name}@example.com",
            password="battery-horse",
            account_name="Bakery" if name != "guest" else "Mill",
            user_roles=roles_of,
            check_email_deliverability=False,
        )
        for name, roles_of in roles.items()
    }
    fresh_db.session.commit()
    return found


@pytest.fixture
def request_context(app: Flask) -> Iterator[None]:
    with app.app_context(), app.test_request_context(content_type="application/json"):
        yield


@pytest.mark.parametrize(
    ("where", "args", "kwargs"),
    [
        ({}, ["account"], {}),
        ({"arg_pos": 1}, [None, "account"], {}),
        ({"arg_name": "account"}, [], {"account": "account"}),
        ({"arg_pos": 0, "arg_name": "account"}, [{"account": "account"}], {}),
        ({"arg_loader": "account"}, [], {}),
        ({"arg_loader": "account", "arg_name": "other"}, [], {"other": None}),
    ],
    ids=str,
)
def test_where_the_object_is(
    request_context: None, people: dict[str, User], where: Any, args: Any, kwargs: Any
) -> None:
    account: Account = people["chef"].account

    def put(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: put(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [put(inner) for inner in value]
        return account if value == "account" else value

    if "arg_loader" in where:
        where = where | {"arg_loader": lambda: account}

    @permission_required_for_context("read", **where)
    def view(*args: Any, **kwargs: Any) -> str:
        return "seen"

    login_user(people["chef"])
    assert view(*put(args), **put(kwargs)) == "seen"
    login_user(people["guest"])
    with pytest.raises(Forbidden):
        view(*put(args), **put(kwargs))


@pytest.mark.parametrize(
    ("decorator", "passing"),
    [
        (roles_required("chef"), {"chef", "waiter", "admin"}),
        (roles_required("chef", "waiter"), {"waiter", "admin"}),
        (roles_accepted("chef", "waiter"), {"chef", "waiter", "admin"}),
        (roles_accepted("admin"), {"admin"}),
        (account_roles_required("Prosumer", "ESCO"), {"chef", "waiter", "admin"}),
        (account_roles_required("Prosumer", "MDC"), {"admin"}),
        (account_roles_accepted("Prosumer", "MDC"), {"chef", "waiter", "admin"}),
        (account_roles_accepted("MDC"), {"admin"}),
    ],
)
def test_roles(
    request_context: None, people: dict[str, User], decorator: Any, passing: set[str]
) -> None:
    view = decorator(lambda: ({"seen": True}, 201))
    statuses = {"stranger": view()[1]}
    for name, user in people.items():
        login_user(user)
        statuses[name] = view()[1]
    assert statuses.pop("stranger") == 401
    assert {name for name, status in statuses.items() if status == 201} == passing
    assert {status for name, status in statuses.items() if name not in passing} <= {403}


def test_what_it_would_have_taken(request_context: None, people: dict[str, User]) -> None:
    login_user(people["guest"])
    view: Any = roles_required("chef", "waiter")(lambda: "")
    assert view()[0].get_json() == {
        "result": "Rejected",
        "status": "INVALID_SENDER",
        "message": "You cannot be authorized for this content or functionality. It requires chef"
        " and waiter permission(s).",
    }


@pytest.mark.parametrize(
    ("returned", "body", "status"),
    [
        ({"a": 1}, {"a": 1, "status": 200}, 200),
        (({"a": 1}, 201), {"a": 1, "status": 201}, 201),
        (({"a": 1, "status": "OK"}, 201), {"a": 1, "status": "OK"}, 201),
        ([1, 2], [1, 2], 200),
        (("text", 404, {"X-More": "1"}), "text", 404),
        (Response("page"), None, 200),
    ],
    ids=str,
)
def test_json_of_account_roles_accepted(
    app: Flask, people: dict[str, User], returned: Any, body: Any, status: int
) -> None:
    with app.app_context(), app.test_request_context():
        login_user(people["admin"])
        response = app.make_response(account_roles_accepted("MDC")(lambda: returned)())
    assert response.status_code == status
    if body is None:
        assert response.get_data() == b"page"
    else:
        assert response.get_json() == body
