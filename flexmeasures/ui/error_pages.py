"""Pages that say what went wrong. Plugins may put own ones in their place."""

from __future__ import annotations

from flask import Flask
from flask.typing import ResponseReturnValue

from flexmeasures.auth.error_handling import (
    FORBIDDEN_ERROR_CLASS,
    FORBIDDEN_MSG,
    FORBIDDEN_STATUS_CODE,
    UNAUTH_ERROR_CLASS,
    UNAUTH_MSG,
    UNAUTH_STATUS_CODE,
)
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template


def add_error_pages(app: Flask) -> None:
    """Each is an attribute of the app, which is looked up when an error occurs."""
    pages = {
        "InternalServerError_handler_html": _internal_error,
        "BadRequest_handler_html": _bad_request,
        "NotFound_handler_html": _not_found,
        "TemplateNotFound_handler_html": _not_found,
        "HttpException_handler_html": _any_error,
        "unauthenticated_handler_html": _unauthenticated,
        "unauthorized_handler_html": _unauthorized,
    }
    for name, page in pages.items():
        if not hasattr(app, name):
            setattr(app, name, page)


def _internal_error(error: Exception) -> ResponseReturnValue:
    return _page("We encountered an internal problem.", "InternalServerError", error), 500


def _bad_request(error: Exception) -> ResponseReturnValue:
    return _page("We encountered a bad request.", "BadRequest", error), 400


def _not_found(error: Exception) -> ResponseReturnValue:
    return _page("The page you are looking for cannot be found.", "", error), 404


def _any_error(error: Exception) -> ResponseReturnValue:
    code = getattr(error, "code", None)
    page = _page("We encountered an Http exception.", type(error).__name__, error)
    return page, code if isinstance(code, int) else 500


def _unauthenticated() -> ResponseReturnValue:
    return _page("", UNAUTH_ERROR_CLASS, UNAUTH_MSG), UNAUTH_STATUS_CODE


def _unauthorized() -> ResponseReturnValue:
    return _page("", FORBIDDEN_ERROR_CLASS, FORBIDDEN_MSG), FORBIDDEN_STATUS_CODE


def _page(description: str, name: str, error: Exception | str) -> str:
    return render_flexmeasures_template(
        "error.html",
        error_class=name,
        error_description=description,
        error_message=getattr(error, "description", None) or str(error),
    )
