"""Sessions: where they begin and end, and what is kept of them."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event

from flexmeasures.auth.tests.conftest import ANN, BOB, csrf_token, is_logged_in, log_in
from flexmeasures.auth.tests.test_tokens import token_of
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.user import User
from flexmeasures.data.services.users import find_user_by_email

SECURE = "https://localhost"


def utc(timestamp: int) -> datetime:
    """As it is stored: without saying that it is UTC."""
    return datetime.fromtimestamp(timestamp, timezone.utc).replace(tzinfo=None)


def cookies(client: FlaskClient) -> dict[str, Any]:
    found = [client.get_cookie(name) for name in ("session", "remember_token")]
    return {cookie.key: cookie for cookie in found if cookie is not None}


def test_what_was_planted_before_the_log_in_is_gone(site: FlexMeasures) -> None:
    client = site.test_client()
    planted = csrf_token(client.get("/login"))
    with client.session_transaction() as session:
        session["planted"] = "by an attacker"
    log_in(client)
    with client.session_transaction() as session:
        assert "planted" not in session
    assert is_logged_in(client)
    assert client.post("/logout", data={"csrf_token": planted}).status_code == 400
    assert is_logged_in(client)


def test_cookies_in_production(production: FlexMeasures) -> None:
    client = production.test_client()
    answer = log_in(client, base_url=SECURE, headers={"Referer": SECURE}, remember="y")
    sent = answer.headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in sent} == {"session", "remember_token"}
    for cookie in sent:
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


def test_cookies_in_development_work_without_https(site: FlexMeasures) -> None:
    client = site.test_client()
    log_in(client, remember="y")
    assert not any(cookie.secure for cookie in cookies(client).values())
    assert all(cookie.http_only for cookie in cookies(client).values())


def test_being_remembered(site: FlexMeasures, users: dict[str, User]) -> None:
    client = site.test_client()
    log_in(client, remember="y")
    client.delete_cookie("session")
    assert is_logged_in(client)
    users[ANN].active = False
    db.session.commit()
    client.delete_cookie("session")
    assert not is_logged_in(client)


def test_not_being_remembered(site: FlexMeasures) -> None:
    client = site.test_client()
    log_in(client)
    client.delete_cookie("session")
    assert not is_logged_in(client)


def test_copies_of_cookies_end_with_the_log_in(site: FlexMeasures) -> None:
    client, other, thief = site.test_client(), site.test_client(), site.test_client()
    log_in(client, remember="y")
    log_in(other)
    stolen = cookies(client)
    token = token_of(site)

    def steal(name: str) -> bool:
        for known in ("session", "remember_token"):
            thief.delete_cookie(known)
        thief.set_cookie(name, stolen[name].value)
        return is_logged_in(thief)

    assert [steal(name) for name in stolen] == [True, True]
    client.post("/logout", data={"csrf_token": csrf_token(client.get("/logout"))})
    assert [steal(name) for name in stolen] == [False, False]
    assert is_logged_in(other)
    assert is_logged_in(thief, headers={"Authorization": token})


@pytest.mark.parametrize("change", ["x", "", "AAAA"])
def test_tampered_cookies(site: FlexMeasures, change: str) -> None:
    client = site.test_client()
    log_in(client, remember="y")
    for name, cookie in cookies(client).items():
        client.set_cookie(name, change + cookie.value[len(change) :][:-1] + change)
    assert not is_logged_in(client)


def test_log_ins_are_noted(site: FlexMeasures) -> None:
    assert (stored().last_login_at, stored().login_count) == (None, None)
    first = int(time.time()) + 60
    with time_machine.travel(first, tick=False):
        log_in(site.test_client())
    assert stored().login_count == 1
    assert stored().last_login_at == utc(first)
    log_in(site.test_client())
    assert stored().login_count == 2
    log_in(site.test_client(), password="wrong")
    token_of(site)
    assert stored().login_count == 2


def test_last_seen_is_kept_to_the_minute(site: FlexMeasures) -> None:
    token = token_of(site)
    assert stored().last_seen_at is None
    client = site.test_client()
    start = int(time.time()) + 60
    seen = []
    for seconds in (0, 59, 61):
        with time_machine.travel(start + seconds, tick=False):
            client.get("/api/v3_0/accounts", headers={"Authorization": token})
        seen.append(stored().last_seen_at)
    assert seen == [utc(start), utc(start), utc(start + 61)]


def stored() -> User:
    db.session.rollback()
    db.session.expire_all()
    user = find_user_by_email(ANN)
    assert user is not None
    return user


@pytest.mark.parametrize("way", ["token", "session"])
@pytest.mark.parametrize("number_of_assets", [1, 300])
def test_knowing_who_asks_takes_one_statement(
    site: FlexMeasures,
    fresh_db: SQLAlchemy,
    users: dict[str, User],
    number_of_assets: int,
    way: str,
) -> None:
    kind = GenericAssetType(name="battery")
    fresh_db.session.add_all(
        GenericAsset(name=f"store {i}", generic_asset_type=kind, owner=users[ANN].account)
        for i in range(number_of_assets)
    )
    fresh_db.session.commit()
    client = site.test_client()
    headers = {"Authorization": token_of(site)} if way == "token" else {}
    if way == "session":
        log_in(client)
    account, bob = f"accounts/{users[ANN].account_id}", f"users/{users[BOB].id}"
    sent = {}
    for path in ("accounts", account, bob, "users"):
        client.get(f"/api/v3_0/{path}", headers=headers)  # notes the user as seen
        sent[path] = statements(site, lambda p=path: client.get(f"/api/v3_0/{p}", headers=headers))
    # The user with account and roles; then what is asked for, and what belongs to it.
    assert sent == {"accounts": 3, account: 3, bob: 3, "users": 3}


def statements(site: FlexMeasures, request: Any) -> int:
    sent: list[str] = []

    def note(*arguments: Any) -> None:
        sent.append(arguments[2])

    with site.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    assert request().status_code == 200
    event.remove(engine, "before_cursor_execute", note)
    return len(sent)
