"""Sending mail."""

from __future__ import annotations

import smtplib
import ssl

from flask import current_app
from flask_mail import Connection, Mail

from flexmeasures.bootstrap.application import FlexMeasures

_TIMEOUT = 10  # seconds; a server that does not answer must not hold up requests for ever


class _Connection(Connection):
    """Gives up on servers that do not answer, and speaks TLS only with whom it knows."""

    def configure_host(self) -> smtplib.SMTP | smtplib.SMTP_SSL:
        server, port = self.mail.server, self.mail.port
        context = ssl.create_default_context()
        host: smtplib.SMTP | smtplib.SMTP_SSL
        if self.mail.use_ssl:
            host = smtplib.SMTP_SSL(server, port, timeout=_TIMEOUT, context=context)
        else:
            host = smtplib.SMTP(server, port, timeout=_TIMEOUT)
        host.set_debuglevel(int(self.mail.debug))
        if self.mail.use_tls:
            host.starttls(context=context)
        if self.mail.username and self.mail.password:
            host.login(self.mail.username, self.mail.password)
        return host


class _Mail(Mail):
    def connect(self) -> Connection:
        return _Connection(current_app.extensions["mail"])


def set_up_mail(app: FlexMeasures) -> None:
    """Offer the app's way to send mail; tests send none, unless they say so."""
    app.mail = _Mail(app)
