"""What everybody may ask: which versions of the API there are, and what they offer."""

from __future__ import annotations

from typing import Any

from flask import current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.routing import Rule

import flexmeasures
from flexmeasures.api.common.describe import answers
from flexmeasures.api.common.responses import request_processed, with_status
from flexmeasures.api.openapi.operations import Documentation

VERSIONS = ["v3_0"]

_TEXT = {"type": "string"}
_SERVICE = {
    "type": "object",
    "properties": {"url": _TEXT, "name": _TEXT, "description": _TEXT},
    "required": ["url", "name", "description"],
}


@answers(
    200,
    {
        "type": "object",
        "properties": {
            "message": _TEXT,
            "versions": {"type": "array", "items": _TEXT},
            "flexmeasures_version": _TEXT,
        },
        "required": ["message", "versions", "flexmeasures_version"],
    },
    "The versions.",
    repeats_status=True,
)
def list_versions() -> ResponseReturnValue:
    """Which versions of the API there are.

    .. :quickref: Public; List available API versions
    """
    return with_status(
        {
            "message": (
                "For these API versions a public endpoint is available, listing its service. For"
                " example: /api/v3_0. An authentication token can be requested at:"
                " /api/requestAuthToken"
            ),
            "versions": VERSIONS,
            "flexmeasures_version": flexmeasures.__version__,
        }
    )


@answers(
    200,
    {
        "type": "object",
        "properties": {
            "message": _TEXT,
            "status": _TEXT,
            "version": _TEXT,
            "services": {"type": "array", "items": _SERVICE},
        },
        "required": ["message", "status", "version", "services"],
    },
    "One entry for each path and method.",
)
def list_services() -> ResponseReturnValue:
    """The endpoints of this version, those of plugins included.

    .. :quickref: Public; Obtain a service listing for this version
    """
    body, code = request_processed()
    return body | {"version": "3.0", "services": _services("/api/v3_0")}, code


def _services(prefix: str) -> list[dict[str, str]]:
    """Path, method and short description of all routes at and below a path, in this order."""
    root = request.url_root.rstrip("/")
    found = [
        {
            "url": root + _pattern(rule),
            "name": f"{method} {_pattern(rule).removeprefix(prefix)}",
            "description": _description(rule, method),
        }
        for rule in current_app.url_map.iter_rules()
        if rule.rule == prefix or rule.rule.startswith(f"{prefix}/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    ]
    return sorted(found, key=lambda service: (service["url"], service["name"]))


def _pattern(rule: Rule) -> str:
    """The rule's path, with our ids as they are documented."""
    return rule.rule.replace("<id:id>", "<id>")


def _description(rule: Rule, method: str) -> str:
    """What the tag in the documentation of a view says; empty without one."""
    view: Any = current_app.view_functions.get(rule.endpoint)
    of_class = getattr(getattr(view, "view_class", None), method.lower(), None)
    return Documentation.of(of_class or view).short
