"""Views that fail, in an app of a plugin."""

from __future__ import annotations

import pytest
from flask import Flask

from flexmeasures import User
from flexmeasures.app import create
from flexmeasures.testing.errors import add_error_endpoints


@pytest.fixture(scope="module")
def site(app: Flask) -> Flask:
    site = create(env="testing")
    add_error_endpoints(site)
    return site


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        ("server_error", 500, "InternalServerError Test Message"),
        ("bad_request", 400, "BadRequest Test Message"),
        ("gone", 410, "Gone Test Message"),
        ("forbidden", 403, "cannot be authorized"),
        ("unauthorized", 401, "not be properly authenticated"),
        ("nothing", 200, "Nothing bad happened."),
    ],
)
def test_errors(site: Flask, kind: str, status: int, text: str) -> None:
    told = site.test_client().get(f"/raise-error?type={kind}", content_type="application/json")
    assert told.status_code == status
    assert text in told.text


def test_for_admins_only(site: Flask, setup_roles_users: dict[str, User]) -> None:
    status = {}
    for name in ("Test Admin User", "Test Prosumer User"):
        headers = {"Authorization": setup_roles_users[name].get_auth_token()}
        client = site.test_client()
        answer = client.get("/protected-endpoint-only-for-admins", headers=headers)
        status[name] = answer.status_code
    assert status == {"Test Admin User": 200, "Test Prosumer User": 403}
    assert site.test_client().get("/protected-endpoint-only-for-admins").status_code in (302, 401)
