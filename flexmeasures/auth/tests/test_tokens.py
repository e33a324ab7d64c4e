"""Access tokens: good ones, and all others."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.app import create
from flexmeasures.auth.tests.conftest import ANN, BOB, PASSWORD, log_in
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.data.models.user import User
from flexmeasures.data.services import users as service
from flexmeasures.utils.config_defaults import TestingConfig

USERS = "/api/v3_0/users"


def token_of(site: FlexMeasures, email: str = ANN) -> str:
    answer = site.test_client().post(
        "/api/requestAuthToken", json={"email": email, "password": PASSWORD}
    )
    assert answer.status_code == 200, answer.text
    return str(answer.get_json()["auth_token"])


def status(site: FlexMeasures, token: str, **headers: str) -> int:
    client = site.test_client()
    return client.get(USERS, headers={"Authorization": token} | headers).status_code


def test_header_query_and_body(site: FlexMeasures) -> None:
    token = token_of(site)
    client = site.test_client()
    assert client.get(USERS, headers={"Authorization": token}).status_code == 200
    assert client.get(f"{USERS}?auth_token={token}").status_code == 200
    assert client.get(USERS, json={"auth_token": token}).status_code == 200
    bad = {"Authorization": "bad"}
    assert client.get(f"{USERS}?auth_token={token}", headers=bad).status_code == 200
    assert (
        client.get(f"{USERS}?auth_token=bad", headers={"Authorization": token}).status_code == 401
    )
    assert client.get(f"{USERS}?auth_token=bad", json={"auth_token": token}).status_code == 200
    assert client.get(f"{USERS}?auth_token={token}", json={"auth_token": "bad"}).status_code == 401


def test_name_of_the_header(site: FlexMeasures) -> None:
    token = token_of(site)
    site.config["SECURITY_TOKEN_AUTHENTICATION_HEADER"] = "X-Token"
    assert status(site, token) == 401
    assert status(site, "", **{"X-Token": token}) == 200


def test_tampered(site: FlexMeasures) -> None:
    token = token_of(site)
    for place in range(0, len(token) - 1, 7):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert status(site, changed) == 401, changed


@pytest.mark.parametrize(
    "token",
    ["", " ", ".", "..", "Bearer x", "a.b.c", "\x7f", "e30.e30.e30", "é", "A" * 100_000],
    ids=lambda token: repr(token[:12]),
)
def test_garbage(site: FlexMeasures, token: str) -> None:
    assert status(site, token) == 401


@pytest.mark.parametrize("token", [5, None, [], {}, True, ["x"]])
def test_garbage_in_bodies(site: FlexMeasures, token: Any) -> None:
    assert site.test_client().get(USERS, json={"auth_token": token}).status_code == 401


def test_expired(site: FlexMeasures) -> None:
    token, now = token_of(site), time.time()
    with time_machine.travel(now + 6 * 3600 - 10):
        assert status(site, token) == 200
    with time_machine.travel(now + 6 * 3600 + 10):
        assert status(site, token) == 401


def test_other_servers_with_the_same_key(site: FlexMeasures) -> None:
    assert status(create(env="testing"), token_of(site)) == 200


def test_foreign_key(site: FlexMeasures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TestingConfig, "SECRET_KEY", "of-somebody-else")
    foreign = create(env="testing")
    assert status(site, token_of(foreign)) == 401
    assert status(foreign, token_of(site)) == 401


def test_several_at_once(site: FlexMeasures) -> None:
    tokens = [token_of(site) for _ in range(3)]
    assert [status(site, token) for token in tokens] == [200] * 3


def _deactivate(user: User) -> None:
    user.active = False


def _new_password(user: User) -> None:
    service.set_random_password(user)


@pytest.mark.parametrize(
    "end", [_deactivate, _new_password, service.remove_cookie_and_token_access]
)
def test_ended(
    site: FlexMeasures,
    users: dict[str, User],
    fresh_db: SQLAlchemy,
    end: Callable[[User], None],
) -> None:
    token = token_of(site)
    client = site.test_client()
    log_in(client)
    assert status(site, token) == client.get(USERS).status_code == 200
    end(users[ANN])
    fresh_db.session.commit()
    assert status(site, token) == client.get(USERS).status_code == 401


def test_a_token_goes_before_the_session(site: FlexMeasures, users: dict[str, User]) -> None:
    client = site.test_client()
    log_in(client, ANN)
    answer = client.get("/logged-in-user", headers={"Authorization": token_of(site, BOB)})
    assert BOB in answer.text
    assert ANN not in answer.text
    assert ANN in client.get("/logged-in-user", headers={"Authorization": "bad"}).text
