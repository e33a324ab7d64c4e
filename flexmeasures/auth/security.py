"""Flask-Security-Too: users, roles, password hashes, sessions, tokens and the pages about them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import flask_security
from flask import Flask, current_app, g, redirect, render_template, request
from flask_security import Security, current_user, password_reset
from flask_security.utils import login_user

from flexmeasures.auth import acl
from flexmeasures.auth.activity import set_up_activity
from flexmeasures.auth.csrf import set_up_csrf
from flexmeasures.auth.datastore import UserDatastore
from flexmeasures.auth.error_handling import (
    add_handlers,
    ask_to_log_in,
    unauthenticated_handler,
    unauthorized_handler,
    wants_json,
)
from flexmeasures.auth.forms import ForgotPasswordForm, LoginForm, VerifyForm
from flexmeasures.auth.log_ins import end_log_in, user_of_session
from flexmeasures.auth.mail import LaterMail
from flexmeasures.auth.passwords import PasswordRules
from flexmeasures.auth.reset import forgot_password
from flexmeasures.auth.tokens import user_of_token
from flexmeasures.data.config import db
from flexmeasures.data.models.user import Role, User

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue


def set_up_security(app: Flask) -> Security:
    """Know users by session or token, mount the pages to log in, log out and reset passwords.

    Before each request, in this order: a token decides who is asking; requests that other sites'
    pages make in a user's name are refused; the user is noted as seen.
    """
    app.config["SECURITY_LOGOUT_METHODS"] = ["GET", "POST"]
    app.before_request(_let_token_decide)
    _spell_durations(app)
    security = Security(
        app,
        UserDatastore(db, User, Role),
        login_form=LoginForm,
        verify_form=VerifyForm,
        forgot_password_form=ForgotPasswordForm,
        password_util_cls=PasswordRules,
        mail_util_cls=LaterMail,
    )
    security.unauthn_handler(unauthenticated_handler)
    security.unauthz_handler(unauthorized_handler)
    security.want_json(lambda _: wants_json())
    security.login_manager.unauthorized_handler(ask_to_log_in)
    security.login_manager.request_loader(user_of_token)
    security.login_manager.user_loader(user_of_session)
    add_handlers(app)
    app.view_functions["security.forgot_password"] = forgot_password
    app.view_functions["security.logout"] = _ask_before(app.view_functions["security.logout"])
    set_up_csrf(app)
    set_up_activity(app)
    password_reset.connect(_log_in_after_reset, app)
    acl.find_viewer_with(_viewer)
    return security


def _spell_durations(app: Flask) -> None:
    """Before version 5.9 (the newest on Python 3.10 is older), the library reads them as texts."""
    if [int(part) for part in flask_security.__version__.split(".")[:2]] >= [5, 9]:
        return
    for name, value in list(app.config.items()):
        if name.endswith("_WITHIN") and isinstance(value, timedelta):
            app.config[name] = f"{value // timedelta(seconds=1)} seconds"


def _let_token_decide() -> None:
    """Who sends a valid token is the user of that token, whatever cookies come along."""
    g.pop("_login_user", None)  # of an earlier request, in tests that keep an app context
    login_manager = current_app.extensions["security"].login_manager
    if f".{request.endpoint}".endswith(".static"):
        # Scripts and styles are for everybody; a page has many, and none needs the database.
        login_manager._update_request_context_with_user()
        return
    user = user_of_token(request)
    if user is not None:
        login_manager._update_request_context_with_user(user)


def _ask_before(log_out: Any) -> Any:
    """Following a link changes nothing: whoever comes by one gets a button instead."""

    def logout() -> ResponseReturnValue:
        if request.method == "POST":
            end_log_in()
            return log_out()
        if not current_user.is_authenticated:
            return redirect("/")
        return render_template("admin/logout.html")

    return logout


def _log_in_after_reset(app: Flask, user: User, **_: Any) -> None:
    if user.active:
        login_user(user, authn_via=["reset"])


def _viewer() -> acl.Caller | None:
    return current_user if current_user and current_user.is_authenticated else None
