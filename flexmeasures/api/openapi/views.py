"""The API's description, for programs and for people."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from flask import Blueprint, Response, current_app, jsonify, render_template, send_from_directory
from flask.typing import ResponseReturnValue

from flexmeasures.api.common.describe import answers
from flexmeasures.api.openapi import describe_api

docs = Blueprint("docs", __name__, template_folder="templates")

_KEY = "flexmeasures.openapi"
# Swagger UI comes with a package; nothing is fetched from elsewhere.
_SWAGGER_UI = {"swagger-ui.css", "swagger-ui-bundle.js"}


@docs.get("/openapi.json")
@answers(200, {"type": "object"}, "A description in the form of OpenAPI 3.1.")
def openapi() -> Response:
    """This description.

    It is made from what the endpoints check and answer.

    .. :quickref: Public; Get a description of the API
    """
    if _KEY not in current_app.extensions:
        current_app.extensions[_KEY] = describe_api(current_app)
    return jsonify(current_app.extensions[_KEY])


@docs.get("/docs")
def page() -> str:
    """Pages that show the description, on which requests can be tried.

    .. :quickref: Public; Read about the API
    """
    return render_template("docs.html")


@docs.get("/docs/<filename>")
def file(filename: str) -> ResponseReturnValue:
    """Scripts and styles of these pages."""
    if filename in _SWAGGER_UI:
        return send_from_directory(_swagger_ui(), filename, max_age=86_400)
    return send_from_directory(Path(__file__).parent / "static", filename)


def _swagger_ui() -> Path:
    found = find_spec("flask_swagger_ui")
    assert found is not None and found.origin is not None
    return Path(found.origin).parent / "dist"
