"""Views that fail, to see how an app tells of it."""

from __future__ import annotations

from flask import Flask, request
from werkzeug.exceptions import BadRequest, Forbidden, Gone, InternalServerError, Unauthorized

from flexmeasures.auth.decorators import roles_required
from flexmeasures.auth.policy import ADMIN_ROLE

_ERRORS = {
    "server_error": InternalServerError,
    "bad_request": BadRequest,
    "gone": Gone,
    "unauthorized": Unauthorized,
    "forbidden": Forbidden,
}


def add_error_endpoints(app: Flask) -> None:
    """Add `/raise-error?type=...` and a view for admins only. Before the first request."""

    @app.get("/raise-error")
    def raise_error() -> str:
        error = _ERRORS.get(request.args.get("type", ""))
        if error is not None:
            raise error(f"{error.__name__} Test Message")
        return "Nothing bad happened."

    @app.get("/protected-endpoint-only-for-admins")
    @roles_required(ADMIN_ROLE)
    def for_admins() -> str:
        return "Nothing bad happened."
