"""Each request has an id, and where profiles are wanted, the log tells how long it took."""

from __future__ import annotations

import logging
import time

from flask import Flask, Response, g, request

from flexmeasures.utils import tracing

log = logging.getLogger(__name__)

HEADER = "X-Request-ID"


def set_up_request_ids(app: Flask) -> None:
    """Before all else that is done about a request, so that all its log lines have it."""
    app.before_request(_begin)
    app.after_request(_tell_id)
    app.teardown_request(_end)


def _begin() -> None:
    tracing.request_id.set(tracing.id_of_request(request.headers.get(HEADER)))
    g.started = time.perf_counter()


def _tell_id(response: Response) -> Response:
    if (known := tracing.request_id.get()) is not None:
        response.headers[HEADER] = known
    return response


def _end(error: BaseException | None) -> None:
    tracing.request_id.set(None)


def set_up_profiles(app: Flask) -> None:
    """With FLEXMEASURES_PROFILE_REQUESTS, which is looked up anew with each request."""

    @app.teardown_request
    def tell_time(error: BaseException | None) -> None:
        started = g.get("started")
        if started is None or not app.config["FLEXMEASURES_PROFILE_REQUESTS"]:
            return
        if "/static" not in request.url and "favicon.ico" not in request.url:
            seconds = time.perf_counter() - started
            log.info("[PROFILE] %6.2f seconds to serve %s.", seconds, request.url)
