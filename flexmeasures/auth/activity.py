"""When users logged in and were last seen."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Flask, g, session
from flask_security import current_user, user_authenticated
from sqlalchemy import func, update

from flexmeasures.auth.log_ins import begin_log_in
from flexmeasures.data.config import db
from flexmeasures.data.models.user import User
from flexmeasures.utils.time_utils import naive_utc_from, server_now

# Whoever asks more often than that costs no extra statement.
LAST_SEEN_PRECISION = timedelta(minutes=1)

# What the libraries keep in a session about the log-in itself.
_ABOUT_LOG_IN = {"_fresh", "_id", "_permanent", "_remember", "_remember_seconds", "_user_id"}
_ABOUT_LOG_IN |= {"fs_cc", "fs_paa"}


def set_up_activity(app: Flask) -> None:
    user_authenticated.connect(_welcome, app)
    app.before_request(_note_presence)


def _welcome(app: Flask, user: User, **_: Any) -> None:
    """Note the log-in (the view commits), and begin a session of which nobody else knows.

    What a stranger could have planted goes, above all the token that protects forms.
    """
    user.last_login_at = _now()
    user.login_count = func.coalesce(User.login_count, 0) + 1
    for key in set(session) - _ABOUT_LOG_IN:
        del session[key]
    g.pop("csrf_token", None)
    begin_log_in(user)


def _note_presence() -> None:
    if not current_user.is_authenticated:
        return
    now, before = _now(), current_user.last_seen_at
    if before is not None and now - before < LAST_SEEN_PRECISION:
        return
    session_ = db.session()
    seen = update(User).where(User.id == current_user.id).values(last_seen_at=now)
    session_.execute(seen)
    # The user was just read: no need to read it again.
    session_.expire_on_commit = False
    session_.commit()
    session_.expire_on_commit = True


def _now() -> datetime:
    return naive_utc_from(server_now())
