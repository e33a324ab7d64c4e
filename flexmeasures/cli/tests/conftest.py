"""A real conversation with a mail server, and what reaches Sentry."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
import sentry_sdk
from aiosmtpd.controller import Controller
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

OPERATORS = ["fred@one.example", "wilma@two.example"]
Letter = tuple[list[str], EmailMessage]


@dataclass
class Mailbox:
    """What a mail server got, and for whom; it takes no mail for those it does not know."""

    letters: list[Letter] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address in self.unknown:
            return "550 No such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        letter = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.letters.append((envelope.rcpt_tos, letter))
        return "250 OK"

    def to_operators(self) -> list[tuple[str, str]]:
        """Subject and text of each letter."""
        return [told(letter) for to, letter in self.letters if sorted(to) == OPERATORS]


def told(letter: EmailMessage) -> tuple[str, str]:
    text = letter.get_content().replace("\r\n", "\n")
    return letter["Subject"], text


@pytest.fixture
def mailbox(app: Flask, monkeypatch: pytest.MonkeyPatch, fresh_db: SQLAlchemy) -> Iterator[Mailbox]:
    mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(mailbox, hostname="127.0.0.1", port=port)
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    server.start()
    for name, value in {"server": "127.0.0.1", "port": port, "suppress": False}.items():
        monkeypatch.setattr(app.extensions["mail"], name, value)
    monkeypatch.setitem(app.config, "FLEXMEASURES_MONITORING_MAIL_RECIPIENTS", OPERATORS)
    yield mailbox
    server.stop()


@pytest.fixture
def sentry() -> Iterator[list[dict[str, Any]]]:
    """Events that reached Sentry's door."""
    events: list[dict[str, Any]] = []

    class Door(Transport):
        def capture_envelope(self, envelope: Envelope) -> None:
            event = envelope.get_event()
            if event is not None:
                events.append(dict(event))

    before = sentry_sdk.get_global_scope().client
    sentry_sdk.init(dsn="https://key@sentry.invalid/1", transport=Door, default_integrations=False)
    yield events
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(before)
