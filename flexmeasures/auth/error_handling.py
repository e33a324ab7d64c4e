"""What callers are told whom we do not know (401), or who may not do what they ask for (403).

The app may have own answers: functions `unauthenticated_handler_api` and `unauthorized_handler_api`
for programs, `unauthenticated_handler_html` and `unauthorized_handler_html` for people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import current_app, flash, jsonify, redirect, request, url_for
from werkzeug.exceptions import Forbidden, Unauthorized

from flexmeasures.utils.flexmeasures_inflection import join_words_into_a_list

if TYPE_CHECKING:
    from flask import Flask
    from flask.typing import ResponseReturnValue
    from werkzeug import Response

UNAUTH_STATUS_CODE = 401
UNAUTH_ERROR_CLASS = "Unauthorized"
UNAUTH_ERROR_STATUS = "UNAUTHORIZED"
UNAUTH_MSG = "You could not be properly authenticated for this content or functionality."
FORBIDDEN_STATUS_CODE = 403
FORBIDDEN_ERROR_CLASS = "InvalidSender"
FORBIDDEN_ERROR_STATUS = "INVALID_SENDER"
FORBIDDEN_MSG = "You cannot be authorized for this content or functionality."

LOG_IN_FIRST = "Please log in to access this page."


def wants_json(otherwise: bool = False) -> bool:
    """Does a program ask (JSON), or a person (a page)?

    otherwise : the answer if neither path nor headers tell
    """
    if request.path.startswith("/api/") or request.is_json:
        return True
    accepted = request.accept_mimetypes
    if "text/html" in accepted.values():  # named as such, as browsers do
        return False
    return otherwise or bool(accepted and not accepted.accept_html)


def unauthenticated_handler(mechanisms: Any = None, headers: Any = None) -> Any:
    """Answer 401. There is no redirect, and no request for HTTP authentication."""
    if _no_page_wanted():
        if handler := _own_handler("unauthenticated_handler_api"):
            return handler()
        return jsonify(message=UNAUTH_MSG, status=UNAUTH_ERROR_STATUS), UNAUTH_STATUS_CODE
    if handler := _own_handler("unauthenticated_handler_html"):
        return handler()
    return f"{UNAUTH_ERROR_CLASS}:{UNAUTH_MSG}", UNAUTH_STATUS_CODE


def unauthorized_handler(func: Any = None, params: Iterable[str] | None = None) -> Any:
    """Answer 403. `params` are what it would have taken: names of roles or permissions."""
    required = list(params or ())
    if _no_page_wanted():
        if handler := _own_handler("unauthorized_handler_api"):
            return handler(*required)
        message = FORBIDDEN_MSG
        if required:
            message += f" It requires {join_words_into_a_list(required)} permission(s)."
        body = {"result": "Rejected", "status": FORBIDDEN_ERROR_STATUS, "message": message}
        return jsonify(body), FORBIDDEN_STATUS_CODE
    if handler := _own_handler("unauthorized_handler_html"):
        return handler()
    return f"{FORBIDDEN_ERROR_CLASS}:{FORBIDDEN_MSG}", FORBIDDEN_STATUS_CODE


def ask_to_log_in() -> ResponseReturnValue:
    """Send people to the log-in page, and from there back; tell programs 401."""
    if wants_json():
        return unauthenticated_handler()
    flash(LOG_IN_FIRST)
    return _to_login_page()


def _to_login_page() -> Response:
    here = request.full_path if request.query_string else request.path
    return redirect(url_for("security.login", next=here))


def add_handlers(app: Flask) -> None:
    """Answer 401 and 403 in this way wherever a view raises them."""
    app.register_error_handler(Unauthorized, lambda error: unauthenticated_handler())
    app.register_error_handler(Forbidden, lambda error: unauthorized_handler())


def _no_page_wanted() -> bool:
    # Documented: a request that does not say what it contains comes from a program.
    return wants_json(otherwise=not request.mimetype)


def _own_handler(name: str) -> Callable[..., Any] | None:
    return getattr(current_app, name, None)
