"""How clients prefer to be answered (RFC 7240), when the answer takes time."""

from __future__ import annotations

from flask import current_app, request

_RESPOND_ASYNC = "respond-async"


def prefers_async() -> bool:
    """Does the client want 202 where something is still to be done?"""
    named = (
        item.partition(";")[0].strip().lower()
        for header in request.headers.getlist("Prefer")
        for item in header.split(",")
    )
    return _RESPOND_ASYNC in named


def takes_async() -> bool:
    """The same, or is it the server's way?"""
    return prefers_async() or bool(current_app.config["FLEXMEASURES_RESPOND_ASYNC"])
