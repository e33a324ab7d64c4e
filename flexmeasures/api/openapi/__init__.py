"""The API's description (OpenAPI 3.1), and pages that show it."""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from flask import Flask

import flexmeasures
from flexmeasures.api.openapi.fields import Json, plugin, teach
from flexmeasures.api.openapi.operations import Operations, is_described, methods_of, path_of

__all__ = ["describe_api"]

_ABOUT = """\
Meters, markets and weather services send time series. FlexMeasures stores each value as a *belief*
(who said so, when, about which event), and plans when flexible assets should run.

**Authentication.** Get a token from `/api/requestAuthToken` with an e-mail address and a password,
and send it along in the header `{header}` (the token alone, without a word before it).

**Time.** Moments are ISO 8601 with an offset, such as `2026-01-01T00:00:00+01:00`; durations are
ISO 8601, too, such as `PT15M`.

**Keys** are accepted with hyphens or underscores, in singular or plural. Query parameters that are
not known are ignored; keys in bodies that are not known are refused.

**Errors** say what is wrong, by location and field, and what would be right.
"""


def describe_api(app: Flask) -> dict[str, Any]:
    """The description of all endpoints under /api that say what they answer."""
    header = app.config["SECURITY_TOKEN_AUTHENTICATION_HEADER"]
    marshmallow = plugin()
    spec = APISpec(
        title="FlexMeasures",
        version=flexmeasures.__version__,
        openapi_version="3.1.0",
        plugins=[marshmallow],
        info={
            "description": _ABOUT.format(header=header),
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
    )
    spec.components.security_scheme("token", {"type": "apiKey", "in": "header", "name": header})
    spec.components.security_scheme(
        "session",
        {"type": "apiKey", "in": "cookie", "name": app.config["SESSION_COOKIE_NAME"]},
    )
    assert marshmallow.converter is not None
    teach(marshmallow.converter)

    def add_component(name: str, schema: Json) -> Json:
        if spec.components.schemas.setdefault(name, schema) != schema:
            raise ValueError(f"Two schemas are called {name}. Give one of them another name.")
        return {"$ref": f"#/components/schemas/{name}"}

    operations = Operations(marshmallow.converter, add_component)
    paths: dict[str, Json] = {}
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if rule.rule.startswith("/api/") and is_described(view):
            described = paths.setdefault(path_of(rule), {})
            for method in methods_of(rule):
                described[method.lower()] = operations.operation(rule, method, view)
    for path in sorted(paths):
        spec.path(path, operations=paths[path])
    return spec.to_dict()
