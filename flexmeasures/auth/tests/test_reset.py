"""New passwords, by mail that really travels."""

from __future__ import annotations

import re
import time
from email.message import Message

import pytest
import time_machine

from flexmeasures.auth.tests.conftest import (
    ANN,
    BOB,
    PASSWORD,
    Mailbox,
    csrf_token,
    is_logged_in,
    log_in,
)
from flexmeasures.auth.tests.test_tokens import status, token_of
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.data.config import db
from flexmeasures.data.models.user import User

NEW = "staple-correct"
DAY = 24 * 3600


def ask(site: FlexMeasures, email: str = ANN) -> str:
    client = site.test_client()
    token = csrf_token(client.get("/reset"))
    answer = client.post("/reset", data={"email": email, "csrf_token": token})
    assert answer.status_code == 200
    return answer.text


def letters(mailbox: Mailbox, number: int) -> list[Message]:
    """Wait for so many."""
    for _ in range(500):
        if len(mailbox.letters) >= number:
            break
        time.sleep(0.01)
    time.sleep(0.05)  # if there are too many
    assert len(mailbox.letters) == number
    return mailbox.letters


def link_in(letter: Message) -> str:
    text = next(part for part in letter.walk() if part.get_content_type() == "text/plain")
    body = text.get_payload(decode=True)
    assert isinstance(body, bytes)
    lines = body.decode().replace("\r", "").split("\n")
    place = lines.index("Click the link below to reset your password:")
    assert lines[place + 1] == ""
    return lines[place + 2].removeprefix("http://localhost")


def choose(
    site: FlexMeasures, link: str, password: str, again: str | None = None
) -> tuple[int, str, str]:
    """Status, location and page after the form was filled in."""
    client = site.test_client()
    page = client.get(link)
    if page.status_code == 302:
        return 302, page.location, ""
    again = password if again is None else again
    form = {"password": password, "password_confirm": again, "csrf_token": csrf_token(page)}
    answer = client.post(link, data=form)
    return answer.status_code, answer.location or "", answer.text


def test_from_the_link_on_the_log_in_page_to_a_new_password(
    site: FlexMeasures, mailbox: Mailbox
) -> None:
    elsewhere = site.test_client()
    log_in(elsewhere, remember="y")
    token = token_of(site)
    assert f"Instructions to reset your password have been sent to {ANN}." in ask(site)

    (letter,) = letters(mailbox, 1)
    assert letter["To"] == ANN
    assert letter["Subject"] == "Password reset instructions for your FlexMeasures account."
    link = link_in(letter)
    client = site.test_client()
    page = client.get(link)
    assert "Reset password - FlexMeasures" in page.text
    form = {"password": NEW, "password_confirm": NEW, "csrf_token": csrf_token(page)}
    answer = client.post(link, data=form)
    assert (answer.status_code, answer.location) == (302, "/")
    assert is_logged_in(client)

    notice = letters(mailbox, 2)[1]
    assert notice["Subject"] == "Your FlexMeasures password has been reset."
    assert "user ann has been reset" in notice.as_string()
    assert not is_logged_in(elsewhere), "sessions go on"
    assert status(site, token) == 401
    assert log_in(site.test_client(), password=PASSWORD).status_code == 200
    assert log_in(site.test_client(), password=NEW).status_code == 302
    assert choose(site, link, "another-battery") == (302, "/reset", "")


def test_links_expire(site: FlexMeasures, mailbox: Mailbox) -> None:
    ask(site)
    link, now = link_in(letters(mailbox, 1)[0]), time.time()
    with time_machine.travel(now + 5 * DAY + 60):
        assert choose(site, link, NEW) == (302, "/reset", "")
    with time_machine.travel(now + 5 * DAY - 60):
        assert choose(site, link, NEW)[:2] == (302, "/")


@pytest.mark.parametrize("link", ["/reset/x", "/reset/..", "/reset/e30.e30.e30"])
def test_links_that_we_did_not_send(site: FlexMeasures, link: str) -> None:
    assert choose(site, link, NEW) == (302, "/reset", "")
    assert site.test_client().post(link, data={"password": NEW}).location == "/reset"


@pytest.mark.parametrize(
    ("password", "again"),
    [
        ("short1!", None),
        ("password1", None),
        ("12345678", None),
        ("aaaaaaaaaaaa", None),
        ("ann@example.com", None),
        ("x" * 72 + "y", None),
        ("long-battery-horse" * 20, None),
        (NEW, NEW + "x"),
        ("", None),
    ],
)
def test_passwords_that_are_refused(
    site: FlexMeasures, mailbox: Mailbox, password: str, again: str | None
) -> None:
    ask(site)
    link = link_in(letters(mailbox, 1)[0])
    code, _, page = choose(site, link, password, again)
    assert code == 200
    assert "field-error" in page
    assert log_in(site.test_client()).status_code == 302


def test_nobody_learns_which_addresses_are_known(
    site: FlexMeasures, users: dict[str, User], mailbox: Mailbox
) -> None:
    users[BOB].active = False
    db.session.commit()
    pages = {
        re.sub(r'value="[^"]{40,}"', "", ask(site, email)).replace(email, "you")
        for email in (ANN, BOB, "x@example.com")
    }
    assert len(pages) == 1
    assert [letter["To"] for letter in letters(mailbox, 1)] == [ANN]


def test_nobody_is_flooded_with_mail(site: FlexMeasures, mailbox: Mailbox) -> None:
    for _ in range(5):
        ask(site)
    client = site.test_client()
    token = csrf_token(client.get("/reset"))
    answer = client.post("/reset", data={"email": ANN.upper(), "csrf_token": token})
    assert answer.status_code == 429
    assert "Retry-After" in answer.headers
    letters(mailbox, 5)


@pytest.mark.parametrize("email", ["ann@example.com\nBcc: eve@example.com", "ann", "", "a@b@c"])
def test_addresses_that_are_none(site: FlexMeasures, mailbox: Mailbox, email: str) -> None:
    assert "field-error" in ask(site, email)
    letters(mailbox, 0)


def test_a_colleague_resets_a_password(
    site: FlexMeasures, users: dict[str, User], mailbox: Mailbox
) -> None:
    bobs_token = token_of(site, BOB)
    url = f"/api/v3_0/users/{users[BOB].id}/password-reset"
    answer = site.test_client().patch(url, headers={"Authorization": token_of(site)})
    assert (answer.status_code, answer.get_json()) == (200, {"status": 200})
    subjects = {letter["Subject"]: letter for letter in letters(mailbox, 2)}
    assert status(site, bobs_token) == 401
    assert log_in(site.test_client(), BOB).status_code == 200
    link = link_in(subjects["Password reset instructions for your FlexMeasures account."])
    assert choose(site, link, NEW)[:2] == (302, "/")


def test_without_a_mail_server_passwords_stay(site: FlexMeasures, users: dict[str, User]) -> None:
    mail = site.extensions["mail"]
    mail.server, mail.port, mail.suppress = "127.0.0.1", 1, False
    url = f"/api/v3_0/users/{users[BOB].id}/password-reset"
    answer = site.test_client().patch(url, headers={"Authorization": token_of(site)})
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert log_in(site.test_client(), BOB).status_code == 302
    ask(site)  # tells nothing


def test_links_lead_to_ourselves(production: FlexMeasures) -> None:
    production.config["FLEXMEASURES_HOSTS_AND_AUTH_START"] = {"fm.example": "2026-01"}
    statuses = {}
    for host in ("fm.example", "www.fm.example", "evil.example", "fm.example.evil.example"):
        client, base = production.test_client(), f"https://{host}"
        token = csrf_token(client.get("/reset", base_url=base))
        form = {"email": "nobody@example.com", "csrf_token": token}
        answer = client.post("/reset", data=form, base_url=base, headers={"Referer": base})
        statuses[host] = answer.status_code
    assert statuses == {
        "fm.example": 200,
        "www.fm.example": 200,
        "evil.example": 400,
        "fm.example.evil.example": 400,
    }
