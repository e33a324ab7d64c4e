"""Requests that other sites' pages make in a user's name are refused."""

from __future__ import annotations

import pytest

from flexmeasures.auth.tests.conftest import ANN, BOB, PASSWORD, csrf_token, is_logged_in, log_in
from flexmeasures.auth.tests.test_tokens import token_of
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.data.models.user import User

OWN = "http://localhost"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),
        ({"Origin": OWN}, 200),
        ({"Origin": "http://evil.example"}, 400),
        ({"Origin": "http://localhost.evil.example"}, 400),
        ({"Origin": "null"}, 400),
        ({"Referer": OWN}, 400),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 400),
        ({"Sec-Fetch-Site": "cross-site"}, 400),
        ({"Sec-Fetch-Site": "none"}, 400),
        ({"Sec-Fetch-Site": "cross-site", "Origin": OWN}, 400),
        ({"X-CSRFToken": "guess"}, 400),
        ({"X-Requested-With": "XMLHttpRequest"}, 400),
    ],
)
def test_api_calls_with_a_session(
    site: FlexMeasures, users: dict[str, User], headers: dict[str, str], status: int
) -> None:
    client = site.test_client()
    log_in(client)
    url = f"/api/v3_0/users/{users[BOB].id}"
    answer = client.patch(url, json={"timezone": "Europe/Paris"}, headers=headers)
    assert answer.status_code == status
    if status == 400:
        assert "CSRF token" in answer.get_json()["message"]
        assert client.get(url).get_json()["timezone"] == "Europe/Amsterdam"


@pytest.mark.parametrize("header", ["X-CSRFToken", "X-CSRF-Token"])
def test_the_token_of_the_session(site: FlexMeasures, users: dict[str, User], header: str) -> None:
    client = site.test_client()
    log_in(client)
    token = csrf_token(client.get("/logged-in-user"))
    url = f"/api/v3_0/users/{users[BOB].id}"
    assert client.patch(url, json={}, headers={header: token}).status_code == 200
    other = site.test_client()
    log_in(other)
    assert other.patch(url, json={}, headers={header: token}).status_code == 400


def test_calls_with_an_access_token_need_none(site: FlexMeasures, users: dict[str, User]) -> None:
    client = site.test_client()
    url = f"/api/v3_0/users/{users[BOB].id}"
    headers = {"Authorization": token_of(site)}
    assert client.patch(url, json={}, headers=headers).status_code == 200


def test_an_attackers_access_token_does_not_open_a_victims_session(
    site: FlexMeasures, users: dict[str, User]
) -> None:
    client = site.test_client()
    log_in(client, ANN)
    token = token_of(site, BOB)
    url = f"/api/v3_0/users/{users[ANN].id}?auth_token={token}"
    headers = {"Origin": "http://evil.example"}
    answer = client.patch(url, json={"timezone": "Europe/Paris"}, headers=headers)
    assert answer.status_code == 403  # as Bob, who may not change Ann


def test_forms_to_log_in_and_out(site: FlexMeasures) -> None:
    client = site.test_client()
    form = {"email": ANN, "password": PASSWORD}
    client.post("/login", data=form)
    assert not is_logged_in(client)
    client.post("/login", json=form)
    assert not is_logged_in(client)
    log_in(client)
    assert client.post("/logout").status_code == 400
    client.get("/logout")
    assert is_logged_in(client)
    token = csrf_token(client.get("/logout"))
    assert client.post("/logout", data={"csrf_token": token}).location == "/"
    assert not is_logged_in(client)


def test_logging_in_by_json(site: FlexMeasures) -> None:
    client = site.test_client()
    token = csrf_token(client.get("/login"))
    form = {"email": ANN, "password": PASSWORD, "csrf_token": token}
    answer = client.post("/login?include_auth_token", json=form)
    assert answer.status_code == 200
    token = answer.get_json()["response"]["user"]["authentication_token"]
    assert is_logged_in(site.test_client(), headers={"Authorization": token})


def test_asking_for_an_access_token_is_open(site: FlexMeasures) -> None:
    client = site.test_client()
    log_in(client)
    answer = client.post("/api/requestAuthToken", json={"email": ANN})
    assert answer.status_code == 200
    assert client.post("/api/requestAuthToken", json={"email": BOB}).status_code == 400
