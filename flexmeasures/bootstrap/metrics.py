"""Each request is counted; `/metrics` tells."""

from __future__ import annotations

import ipaddress
import logging
import time

from flask import Flask, Response, g, request

from flexmeasures.bootstrap.exceptions import ConfigurationError
from flexmeasures.utils import metrics

log = logging.getLogger(__name__)

_ADDRESSES = "FLEXMEASURES_METRICS_ADDRESSES"


def set_up_metrics(app: Flask) -> None:
    """Right after requests have ids, to see answers as they leave. Raises ConfigurationError."""
    for text in app.config[_ADDRESSES]:
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError as error:
            raise ConfigurationError(
                f"{_ADDRESSES} names {text!r}, which is neither an address nor a network."
            ) from error
    app.after_request(_count)


def _count(response: Response) -> Response:
    started = g.get("started")
    if started is not None:
        seconds = time.perf_counter() - started
        try:
            metrics.requests().count(
                request.endpoint, request.method, response.status_code, seconds
            )
        except OSError as error:  # of files that processes share; no reason to refuse an answer
            log.warning("A request could not be counted: %s", error)
    return response
