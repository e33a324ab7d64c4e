"""Requests that change something and come with a session: do they come from our own pages?

A browser sends its cookies with whatever page makes it do so. We believe a request if

- the browser says that a page of ours sent it (`Sec-Fetch-Site`, `Origin`; no page can forge that),
- or it carries the token of the session, in a form field `csrf_token` or a header `X-CSRFToken`.

Requests with an access token need neither: no browser adds those by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, current_app, request
from flask_security import current_user
from flask_wtf.csrf import generate_csrf, validate_csrf
from werkzeug.exceptions import BadRequest
from wtforms import ValidationError

from flexmeasures.auth.tokens import user_of_token

View = TypeVar("View", bound=Callable[..., Any])

_SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
_HEADERS = ("X-CSRFToken", "X-CSRF-Token")


def exempt_from_csrf(view: View) -> View:
    """For views with which another site's page cannot do harm."""
    view.exempt_from_csrf = True  # type: ignore[attr-defined]
    return view


def set_up_csrf(app: Flask) -> None:
    app.jinja_env.globals["csrf_token"] = generate_csrf
    app.before_request(_refuse_other_sites)


def _refuse_other_sites() -> None:
    if request.method in _SAFE or not current_app.config.get("WTF_CSRF_ENABLED", True):
        return
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or hasattr(view, "exempt_from_csrf"):
        return
    if not current_user.is_authenticated or user_of_token(request) is not None:
        return
    if not (_sent_by_own_page() or _has_token()):
        raise BadRequest(
            "This request may come from another site. Send the session's CSRF token along, in the"
            f" form field csrf_token or the header {_HEADERS[0]}."
        )


def _sent_by_own_page() -> bool:
    if site := request.headers.get("Sec-Fetch-Site"):
        return site == "same-origin"
    return urlsplit(request.headers.get("Origin", "")).netloc == request.host


def _has_token() -> bool:
    sent = [request.form.get("csrf_token"), *map(request.headers.get, _HEADERS)]
    for token in filter(None, sent):
        try:
            validate_csrf(token)
        except ValidationError:
            continue
        return True
    return False
