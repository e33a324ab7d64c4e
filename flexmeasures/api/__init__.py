"""The API over HTTP."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, request

import flexmeasures
from flexmeasures.api import sunset
from flexmeasures.api.common.parsing import IdConverter, JobIdConverter
from flexmeasures.api.dev import dev
from flexmeasures.api.metrics import for_prometheus
from flexmeasures.api.ops import ops
from flexmeasures.api.play import play
from flexmeasures.api.public import list_versions
from flexmeasures.api.tokens import request_auth_token
from flexmeasures.api.v3_0 import v3_0

flexmeasures_api = Blueprint("flexmeasures_api", __name__, url_prefix="/api")
flexmeasures_api.get("/")(list_versions)
flexmeasures_api.post("/requestAuthToken")(request_auth_token)


def register_at(app: Flask) -> None:
    app.url_map.converters["id"] = IdConverter
    app.url_map.converters["job"] = JobIdConverter
    app.register_blueprint(flexmeasures_api)
    app.register_blueprint(dev)
    app.register_blueprint(for_prometheus)
    app.register_blueprint(ops)
    app.register_blueprint(v3_0)
    for version in sunset.blueprints():
        app.register_blueprint(version)
    if app.config["FLEXMEASURES_MODE"] == "play":
        app.register_blueprint(play)
    app.after_request(_label)


def _label(response: Response) -> Response:
    """Say which version answers; clients choose their ways by it. All answers are JSON, also those
    without a body: clients look at the type before they look at the status."""
    path = request.path
    if path.startswith("/api/"):
        response.headers["FlexMeasures-Version"] = flexmeasures.__version__
        if path.startswith(v3_0.url_prefix or ""):
            response.headers["API-Version"] = v3_0.name
        if response.status_code == 204:
            response.content_type = "application/json"
    return response
