"""The API over HTTP."""

from __future__ import annotations

from flask import Blueprint, Flask

from flexmeasures.api.tokens import request_auth_token
from flexmeasures.api.v3_0 import v3_0

flexmeasures_api = Blueprint("flexmeasures_api", __name__, url_prefix="/api")
flexmeasures_api.post("/requestAuthToken")(request_auth_token)


def register_at(app: Flask) -> None:
    app.register_blueprint(flexmeasures_api)
    app.register_blueprint(v3_0)
