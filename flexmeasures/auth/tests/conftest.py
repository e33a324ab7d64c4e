"""A site with two users, a browser that logs in, and a mail server."""

from __future__ import annotations

import logging
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from werkzeug.test import TestResponse

from flexmeasures.app import create
from flexmeasures.auth import mail
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.bootstrap.tests.conftest import home, logging_state
from flexmeasures.data.models.user import User
from flexmeasures.data.services.users import create_user

__all__ = ["home", "logging_state"]

PASSWORD = "battery-horse"
ANN, BOB = "ann@example.com", "bob@example.com"


@pytest.fixture
def users(fresh_db: SQLAlchemy) -> dict[str, User]:
    """Ann is account-admin at the bakery, where Bob works, too."""
    found = {
        email: create_user(
            email=email,
            password=PASSWORD,
            account_name="Bakery",
            user_roles=roles,
            check_email_deliverability=False,
        )
        for email, roles in ((ANN, ["account-admin"]), (BOB, []))
    }
    fresh_db.session.commit()
    return found


@pytest.fixture
def site(app: Flask, users: dict[str, User]) -> FlexMeasures:
    """An app of its own, whose settings a test may change, with forms protected."""
    site = create(env="testing")
    site.config["WTF_CSRF_ENABLED"] = True
    return site


@pytest.fixture
def production(
    home: Path,
    logging_state: None,
    users: dict[str, User],
    test_database_uri: str,
    monkeypatch: pytest.MonkeyPatch,
) -> FlexMeasures:
    """The same site in the production environment."""
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", test_database_uri)
    monkeypatch.setenv("SECRET_KEY", "key-of-production")
    monkeypatch.setenv("SECURITY_PASSWORD_SALT", "$2b$19$abcdefghijklmnopqrstuv")
    return create(env="production")


def csrf_token(page: TestResponse) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def log_in(
    client: FlaskClient, email: str = ANN, password: str = PASSWORD, **more: Any
) -> TestResponse:
    """Fill in the form."""
    kwargs = {
        name: more.pop(name) for name in ("headers", "base_url", "environ_base") if name in more
    }
    token = csrf_token(client.get("/login", **kwargs))
    form = {"email": email, "password": password, "csrf_token": token} | more
    return client.post("/login", data=form, **kwargs)


def is_logged_in(client: FlaskClient, **kwargs: Any) -> bool:
    return client.get("/api/v3_0/accounts", **kwargs).status_code == 200


@dataclass
class Mailbox:
    """What a mail server got."""

    port: int = 0
    letters: list[Message] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.letters.append(message_from_bytes(envelope.content))
        return "250 OK"


@pytest.fixture
def mailbox(site: FlexMeasures) -> Iterator[Mailbox]:
    """A mail server to which the site sends its mail, by a real SMTP conversation."""
    mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        mailbox.port = free.getsockname()[1]
    server = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port)
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    server.start()
    settings = site.extensions["mail"]
    settings.server, settings.port, settings.suppress = "127.0.0.1", mailbox.port, False
    yield mailbox
    # Wait for letters that are still under way: until all who send some have nothing to do.
    done = threading.Barrier(mail.CLERKS + 1, timeout=10)
    for _ in range(mail.CLERKS):
        mail._clerks.submit(done.wait)
    done.wait()
    server.stop()
