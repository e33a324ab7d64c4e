"""One log-in of a user: from the password until logging out.

Session cookies, and those that remember users, name the user and the log-in. Logging out ends the
log-in, so that copies of its cookies are worth nothing; other log-ins of the user go on.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from flask import current_app, session
from flask_security.utils import set_request_attr
from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from flexmeasures.data.config import db
from flexmeasures.data.models.log_ins import EndedLogIn
from flexmeasures.data.models.user import User
from flexmeasures.utils.time_utils import server_now

_USER = "_user_id"  # where Flask-Login keeps whom it knows, in both cookies


def begin_log_in(user: User) -> None:
    """Let the session name this log-in, besides the user."""
    session[_USER] = f"{user.fs_uniquifier}.{secrets.token_hex(16)}"


def end_log_in() -> None:
    """Let no cookie of the log-in at work be valid any more. Committed at once."""
    _, _, log_in = session.get(_USER, "").partition(".")
    if not log_in:
        return
    lifetimes = current_app.permanent_session_lifetime, _remembered()
    now = server_now()
    ended = insert(EndedLogIn).values(id=log_in, expires_at=now + max(lifetimes))
    with db.engine.begin() as connection:
        connection.execute(delete(EndedLogIn).where(EndedLogIn.expires_at <= now))
        connection.execute(ended.on_conflict_do_nothing())


def user_of_session(name: str | None) -> User | None:
    """The active user whom a cookie names, if the log-in goes on; read in one statement."""
    uniquifier, _, log_in = (name or "").partition(".")
    if not uniquifier:
        return None
    datastore = current_app.extensions["security"].datastore
    user: User | None = datastore.find_user_of_log_in(uniquifier, log_in)
    if user is None or not user.active:
        return None
    set_request_attr("fs_authn_via", "session")
    set_request_attr("fs_paa", session.get("fs_paa", 0))
    return user


def _remembered() -> timedelta:
    duration = current_app.config.get("REMEMBER_COOKIE_DURATION", timedelta(days=365))
    return duration if isinstance(duration, timedelta) else timedelta(seconds=duration)
