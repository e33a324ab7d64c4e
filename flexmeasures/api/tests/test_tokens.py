from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from werkzeug.test import TestResponse

from flexmeasures.app import create
from flexmeasures.tests.permissions.world import PASSWORD, World, build_world, user_named

EMAIL = "member@example.com"


@pytest.fixture(scope="module")
def world(db: SQLAlchemy) -> World:
    return build_world()


@pytest.fixture(scope="module")
def site(app: Flask) -> Flask:
    return create(env="testing")


def ask(site: Flask, **kwargs: Any) -> TestResponse:
    return site.test_client().post("/api/requestAuthToken", **kwargs)


def test_a_token(site: Flask, world: World) -> None:
    answer = ask(site, json={"email": EMAIL, "password": PASSWORD})
    body = answer.get_json()
    assert (answer.status_code, body["status"]) == (200, 200)
    assert body["user_id"] == world.users["member"]
    headers = {"Authorization": body["auth_token"]}
    assert site.test_client().get("/api/v3_0/users", headers=headers).status_code == 200
    assert user_named("member").login_count is None


@pytest.mark.parametrize(
    ("kwargs", "status", "error"),
    [
        ({"data": {"email": EMAIL}}, 400, "Content-type of request must be application/json"),
        ({"json": {}}, 400, "Please provide the 'email' parameter."),
        ({"json": {"email": 5}}, 400, "Please provide the 'email' parameter."),
        ({"json": {"email": EMAIL}}, 400, "Please provide the 'password' parameter."),
        ({"json": {"email": EMAIL, "password": 5}}, 400, "Please provide the 'password'"),
        ({"json": {"email": EMAIL, "password": "no"}}, 401, "User password does not match."),
        ({"json": {"email": "x@y.z", "password": "no"}}, 401, "User password does not match."),
        ({"json": {"email": EMAIL, "password": "x" * 100_000}}, 401, "User password does not"),
        ({"json": {"email": "\x00", "password": "no"}}, 401, "User password does not match."),
        ({"json": {"email": EMAIL, "password": "\x00"}}, 401, "User password does not match."),
        ({"json": []}, 400, "no JSON object"),
        ({"data": "{", "content_type": "application/json"}, 400, "no JSON object"),
    ],
)
def test_refusals(
    site: Flask, world: World, kwargs: dict[str, Any], status: int, error: str
) -> None:
    answer = ask(site, **kwargs)
    body = answer.get_json()
    assert (answer.status_code, body["status"]) == (status, status)
    assert error in body["errors"][0]


def test_deactivated_users_get_nothing_from_it(site: Flask, world: World) -> None:
    body = ask(site, json={"email": "deactivated@example.com", "password": PASSWORD}).get_json()
    headers = {"Authorization": body["auth_token"]}
    assert site.test_client().get("/api/v3_0/users", headers=headers).status_code == 401
