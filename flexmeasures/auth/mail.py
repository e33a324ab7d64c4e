"""Mail is sent beside the requests: how long that takes tells strangers something."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from flask import Flask, current_app, g
from flask_mail import Message
from flask_security import MailUtil

logger = logging.getLogger(__name__)

CLERKS = 2
_clerks = ThreadPoolExecutor(CLERKS, thread_name_prefix="mail")


def do_later(task: Callable[[], Any], failure: str) -> Future[Any]:
    """Do this in another thread, with an app context. Log failures, beginning with this text."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    return _clerks.submit(_do, app, task, failure)


def _do(app: Flask, task: Callable[[], Any], failure: str) -> Any:
    with app.app_context():
        try:
            return task()
        except Exception:
            logger.exception(failure)
            raise  # to whom waits for it, if anybody


class LaterMail(MailUtil):
    """Writes letters at once, and sends them later."""

    def send_mail(
        self,
        template: str,
        subject: str,
        recipient: str | tuple[str, str],
        sender: str | tuple[str, str],
        body: str | None,
        html: str | None,
        **kwargs: Any,
    ) -> None:
        message = Message(subject, [recipient], body, html, sender=sender)
        send = partial(current_app.mail.send, message)  # type: ignore[attr-defined]
        letter = do_later(send, "A mail could not be sent.")
        g.setdefault("letters", []).append(letter)


def wait_for_letters() -> None:
    """Until all mail of this request is sent. Raises what went wrong with it: OSError, mostly."""
    letters: list[Future[None]] = g.pop("letters", [])
    for letter in letters:
        letter.result()
