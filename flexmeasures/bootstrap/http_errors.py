"""What is answered when something goes wrong: JSON for programs, a page for people.

401 and 403 are told by `flexmeasures.auth.error_handling`.
"""

from __future__ import annotations

import logging
from typing import Any

from flask import current_app, jsonify, make_response, request
from jinja2 import TemplateNotFound
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnectionError
from werkzeug import Response
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    InternalServerError,
    NotFound,
    RequestEntityTooLarge,
    SecurityError,
    ServiceUnavailable,
)

from flexmeasures.auth.error_handling import wants_json
from flexmeasures.bootstrap.application import FlexMeasures

logger = logging.getLogger(__name__)

_RETRY_AFTER = 10  # seconds
# Classes of PostgreSQL's errors that are of no request's making and may pass: transactions that
# were rolled back for others' sake, insufficient resources, intervention, system errors.
_PASSING = ("40", "53", "57", "58")
# What clients are told in place of the number.
_NAMED_STATUSES = {413: "PAYLOAD_TOO_LARGE", 429: "TOO_MANY_REQUESTS"}
# In place of what only concerns us, and might tell secrets.
_INTERNAL = "The server met a problem that it did not expect. Its log tells more."


def set_up_error_handlers(app: FlexMeasures) -> None:
    """An HTTP error keeps its status and text. What else goes wrong is 500, or 503 if a server that
    we need does not answer; the log gets the details.

    Pages come from functions on the app: `<ExceptionClass>_handler_html`, or for all other errors
    `HttpException_handler_html`.
    """
    app.register_error_handler(HTTPException, _answer)
    app.register_error_handler(SecurityError, _refuse_host)
    app.register_error_handler(Exception, _explain)


def _explain(error: Exception) -> Any:
    if (unavailable := _unavailable(error)) is not None:
        # A line will do: while a server is away, there is one with every request.
        logger.error("%s on %s %s: %s", *_what_and_where(error), " ".join(str(error).split()))
        # The answer must not need the database: who is asking does not matter to it.
        current_app.extensions["security"].login_manager._update_request_context_with_user()
        return _answer(unavailable)
    if isinstance(error, UnicodeEncodeError):
        return _answer(BadRequest("The request has characters that are none (surrogates)."))
    if current_app.debug and not current_app.testing:
        raise error  # into the debugger
    _log(error)
    if isinstance(error, TemplateNotFound):
        return _answer(NotFound() if wants_json() else error)
    code = getattr(error, "code", None)
    known = isinstance(code, int) and 400 <= code < 500
    return _answer(error if known else InternalServerError(_INTERNAL, original_exception=error))


def _unavailable(error: Exception) -> ServiceUnavailable | None:
    what = None
    if isinstance(error, NoFreeConnectionError) or (
        isinstance(error, DBAPIError)
        and (
            error.connection_invalidated
            or (isinstance(error, OperationalError) and error.statement is None)
            or (getattr(error.orig, "pgcode", None) or "").startswith(_PASSING)
        )
    ):
        what = "database"
    elif isinstance(error, (RedisConnectionError, RedisTimeoutError)):
        what = "job queue"
    if what is None:
        return None
    return ServiceUnavailable(
        f"The {what} does not answer. Please try again later.", retry_after=_RETRY_AFTER
    )


def _refuse_host(error: Exception) -> Response:
    """In plain words: a page has links, and which host could these name?"""
    return Response("This server does not answer to that host name.", 400, mimetype="text/plain")


def _answer(error: Exception) -> Any:
    code = getattr(error, "code", None) or 500
    text = _text(error)
    if wants_json():
        body = {"message": text, "status": _NAMED_STATUSES.get(code, code)}
        response = make_response(jsonify(body), code)
    else:
        page = _page(error, text)
        response = make_response(page) if isinstance(page, tuple) else make_response(page, code)
    if isinstance(error, HTTPException):
        _keep_headers(error, response)
    return response


def _text(error: Exception) -> str:
    text = getattr(error, "description", None) or str(error)
    if isinstance(error, RequestEntityTooLarge) and text == RequestEntityTooLarge.description:
        return f"The body exceeds the limit of {request.max_content_length} bytes."
    return text


def _page(error: Exception, text: str) -> Any:
    name = type(error).__name__
    own = getattr(current_app, f"{name}_handler_html", None)
    handler = own or getattr(current_app, "HttpException_handler_html", None)
    return handler(error) if handler else f"{name}:{text}"


def _keep_headers(error: HTTPException, response: Response) -> None:
    """Such as Retry-After, Allow and Location."""
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value


def _log(error: Exception) -> None:
    logger.error("%s on %s %s", *_what_and_where(error), exc_info=error)


def _what_and_where(error: Exception) -> tuple[str, str, str]:
    return type(error).__name__, request.method, request.path
