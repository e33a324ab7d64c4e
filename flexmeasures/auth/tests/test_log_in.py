"""Logging in: with the right password only, and not by trying for long."""

from __future__ import annotations

import logging
import time
from typing import Any
from urllib.parse import urljoin

import pytest
import time_machine
from werkzeug.test import TestResponse

from flexmeasures.app import create
from flexmeasures.auth.tests.conftest import ANN, BOB, PASSWORD, csrf_token, is_logged_in, log_in
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.data.config import db
from flexmeasures.data.models.attempts import Attempts
from flexmeasures.data.models.user import User

EVIL = "evil.example"


def ask_for_token(
    site: FlexMeasures, email: str, password: str, address: str = "1.1.1.1", **more: Any
) -> TestResponse:
    body = {"email": email, "password": password}
    return site.test_client().post(
        "/api/requestAuthToken", json=body, environ_base={"REMOTE_ADDR": address}, **more
    )


def test_the_page(site: FlexMeasures) -> None:
    client = site.test_client()
    page = client.get("/login").text
    assert "Please log in - FlexMeasures" in page
    assert all(f'name="{name}"' in page for name in ("email", "password", "remember", "next"))
    assert 'value="Login"' in page
    answer = log_in(client)
    assert (answer.status_code, answer.location) == (302, "/")
    assert client.get("/", follow_redirects=True).status_code == 200


def test_case_of_the_address_does_not_matter(site: FlexMeasures) -> None:
    assert log_in(site.test_client(), ANN.upper()).status_code == 302


def test_deactivated_users_stay_outside(site: FlexMeasures, users: dict[str, User]) -> None:
    users[ANN].active = False
    db.session.commit()
    client = site.test_client()
    assert log_in(client).status_code == 200
    assert not is_logged_in(client)


def test_nothing_tells_whether_an_address_is_known(
    site: FlexMeasures, users: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    users[BOB].active = False
    db.session.commit()
    work: list[str] = []
    context = site.extensions["security"].pwd_context
    for name in ("hash", "verify"):
        original = getattr(context, name)

        def counted(*args: Any, original: Any = original, **kwargs: Any) -> Any:
            work.append("bcrypt")
            return original(*args, **kwargs)

        monkeypatch.setattr(context, name, counted)
    seen = set()
    for email, password in (
        (ANN, "wrong"),
        (BOB, PASSWORD),
        (BOB, "wrong"),
        ("x@example.com", "wrong"),
    ):
        client = site.test_client()
        page = log_in(client, email, password)
        texts = [line.strip() for line in page.text.splitlines() if "error" in line]
        seen.add((page.status_code, tuple(texts), len(work)))
        work.clear()
    assert len(seen) == 1
    ((status, shown, effort),) = seen
    assert (status, effort) == (200, 1)
    assert shown

    answers = [ask_for_token(site, email, "wrong") for email in (ANN, "x@example.com")]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].data == answers[1].data
    assert answers[0].get_json() == {"errors": ["User password does not match."], "status": 401}
    assert len(work) == 2


def test_a_thousand_wrong_passwords(site: FlexMeasures) -> None:
    other_worker = create(env="testing")
    answers = [
        ask_for_token((site, other_worker)[i % 2], ANN, f"wrong {i}", f"9.9.9.{i % 200}")
        for i in range(1000)
    ]
    assert [answer.status_code for answer in answers].count(401) == 100
    last = answers[-1]
    assert last.status_code == 429
    assert 0 < int(last.headers["Retry-After"]) <= 900
    assert last.get_json()["status"] == "TOO_MANY_REQUESTS"
    # Nor does the right one help from now on, until some time has passed.
    assert ask_for_token(site, ANN, PASSWORD).status_code == 429
    assert ask_for_token(site, BOB, PASSWORD).status_code == 200
    with time_machine.travel(time.time() + 901):
        assert ask_for_token(site, ANN, PASSWORD).status_code == 200


def test_the_form_counts_too(site: FlexMeasures) -> None:
    client = site.test_client()
    answers = [log_in(client, password="wrong") for _ in range(12)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 2
    assert "Too many attempts" in answers[-1].text
    assert "Retry-After" in answers[-1].headers
    assert log_in(client).status_code == 429
    assert ask_for_token(site, ANN, PASSWORD, "127.0.0.1").status_code == 429


def test_an_attacker_locks_out_only_the_attackers_side(site: FlexMeasures) -> None:
    for _ in range(20):
        ask_for_token(site, ANN, "wrong", "9.9.9.9")
    assert ask_for_token(site, ANN, PASSWORD, "9.9.9.9").status_code == 429
    assert ask_for_token(site, ANN, PASSWORD, "8.8.8.8").status_code == 200


def test_one_side_cannot_try_all_users(site: FlexMeasures) -> None:
    statuses = [
        ask_for_token(site, f"user{i}@example.com", "wrong", f"2001:db8:1:1::{i:x}").status_code
        for i in range(110)
    ]
    assert statuses == [401] * 100 + [429] * 10


def test_right_passwords_do_not_count(site: FlexMeasures) -> None:
    for _ in range(3):
        for _ in range(9):
            assert ask_for_token(site, ANN, "wrong").status_code == 401
        assert ask_for_token(site, ANN, PASSWORD).status_code == 200


def test_clients_of_an_unknown_proxy_do_not_lock_each_other_out(site: FlexMeasures) -> None:
    headers = {"X-Forwarded-For": "7.7.7.7"}
    for i in range(110):
        ask_for_token(site, f"user{i}@example.com", "wrong", "10.0.0.1", headers=headers)
    assert ask_for_token(site, ANN, PASSWORD, "10.0.0.1", headers=headers).status_code == 200


def test_the_header_of_proxies_is_no_way_out(site: FlexMeasures) -> None:
    statuses = [
        ask_for_token(
            site, f"u{i}@example.com", "wrong", "9.9.9.9", headers={"X-Forwarded-For": f"1.2.3.{i}"}
        ).status_code
        for i in range(110)
    ]
    assert statuses[-1] == 429


def test_no_limit_if_a_setting_says_so(site: FlexMeasures) -> None:
    site.config["FLEXMEASURES_LOG_IN_ATTEMPTS"] = None
    assert {ask_for_token(site, ANN, "wrong").status_code for _ in range(15)} == {401}


def test_what_is_counted_is_forgotten(site: FlexMeasures) -> None:
    ask_for_token(site, "x@example.com", "wrong")
    with time_machine.travel(time.time() + 3600):
        ask_for_token(site, "y@example.com", "wrong", "2.2.2.2")
    assert db.session.query(Attempts).count() == 3


@pytest.mark.parametrize(
    "next_",
    [
        f"https://{EVIL}/",
        f"//{EVIL}",
        f"///{EVIL}",
        f"/\\{EVIL}",
        f"\\\\{EVIL}",
        f" //{EVIL}",
        f"\t//{EVIL}",
        f"http:{EVIL}",
        f"http:///{EVIL}",
        f"https://localhost@{EVIL}",
        f"https://{EVIL}\\@localhost",
        "javascript:alert(1)",
        "data:text/html,x",
    ],
)
@pytest.mark.parametrize("place", ["form", "query"])
def test_redirects_stay_at_home(site: FlexMeasures, next_: str, place: str) -> None:
    client = site.test_client()
    if place == "form":
        answer = log_in(client, next=next_)
    else:
        token = csrf_token(client.get("/login"))
        form = {"email": ANN, "password": PASSWORD, "csrf_token": token}
        answer = client.post("/login", query_string={"next": next_}, data=form)
    assert answer.status_code == 302
    # as a browser reads it: backslashes are slashes, blanks and control characters are dropped
    seen = "".join(c for c in answer.location.replace("\\", "/") if c > " ")
    assert urljoin("http://localhost/login", seen).startswith("http://localhost/")


def test_back_to_where_one_came_from(site: FlexMeasures) -> None:
    client = site.test_client()
    asked = client.get("/logged-in-user?tab=roles")
    assert asked.location == "/login?next=/logged-in-user?tab%3Droles"
    page = client.get(asked.location).text
    assert "Please log in to access this page." in page
    assert log_in(client, next="/logged-in-user?tab=roles").location == "/logged-in-user?tab=roles"


@pytest.mark.parametrize("text", ["/x\r\nSet-Cookie: a=b", "/x?\r\nSet-Cookie: a=b", "/x#\n\nbody"])
def test_no_headers_by_way_of_redirects(site: FlexMeasures, text: str) -> None:
    answer = log_in(site.test_client(), next=text)
    assert answer.status_code == 302
    assert not any("a=b" in cookie for cookie in answer.headers.getlist("Set-Cookie"))
    assert "\n" not in answer.location
    page = site.test_client().get("/logged-in-user", query_string={"x": text})
    assert "\n" not in page.location


def test_no_secrets_in_logs_and_answers(
    site: FlexMeasures, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = site.test_client()
    secret = "Secret-of-Ann-1"
    texts = [log_in(client, password=secret).text, ask_for_token(site, ANN, secret).text]
    token = ask_for_token(site, ANN, PASSWORD).get_json()["auth_token"]
    texts.append(client.get(f"/api/v3_0/users/99?auth_token={token}").text)
    texts.append(client.get(f"/nope?auth_token={token}").text)
    hidden = [secret, token, site.config["SECRET_KEY"], PASSWORD]
    assert not [text for text in hidden if text in caplog.text + "".join(texts)]
