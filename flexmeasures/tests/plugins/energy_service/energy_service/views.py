"""An endpoint and a page."""

from __future__ import annotations

from flask_json import JsonError, as_json
from flask_security import auth_token_required, login_required

from flexmeasures.ui.utils.view_utils import render_flexmeasures_template

from . import api_bp, pages_bp


@api_bp.get("/somedata")
@auth_token_required
@as_json
def somedata() -> dict[str, str]:
    return {"data": "some"}


@api_bp.get("/nodata")
@as_json
def nodata() -> dict[str, str]:
    raise JsonError(status_=418, message="short and stout")


@pages_bp.get("/")
@pages_bp.get("/dashboard")
@login_required
def dashboard() -> str:
    return render_flexmeasures_template("energy_service_dashboard.html", message="Saving energy")
