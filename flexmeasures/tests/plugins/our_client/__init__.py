"""A plugin in a folder: pages, a command, styles, an icon and settings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from flask import Blueprint, current_app, send_from_directory
from flask.cli import with_appcontext
from flask.typing import ResponseReturnValue
from flask_security import login_required

from flexmeasures.ui.utils.view_utils import render_flexmeasures_template

sys.path.insert(0, str(Path(__file__).resolve().parent))

from meetings import schedule_meeting  # type: ignore[import-not-found]

__version__ = "2.0"
__settings__ = {
    "OUR_CLIENT_URL": {"description": "Where our client is.", "level": "error"},
    "OUR_CLIENT_TOKEN": {
        "description": "Opens our client's doors.",
        "level": "warning",
        "message_if_missing": "Without it, doors stay closed.",
        "parse_as": str,
    },
    "OUR_CLIENT_COLOR": {"descripton": "a key that is misspelt", "level": "info"},
    "OUR_CLIENT_AGE": {"level": "colossal"},
}

our_client_bp = Blueprint(
    "our-client", __name__, template_folder="templates", static_folder="static"
)
our_client_bp.cli.help = "Our client commands"
our_client_bp.cli.add_command(schedule_meeting)


@our_client_bp.route("/")
@our_client_bp.route("/my-page")
@login_required
def my_page() -> str:
    return render_flexmeasures_template("my_page.html", message="I am a plugin & proud of it.")


@our_client_bp.route("/dashboard")
def dashboard() -> str:
    return "our dashboard"


@our_client_bp.route("/favicon.ico")
def favicon() -> ResponseReturnValue:
    assert our_client_bp.static_folder is not None
    return send_from_directory(our_client_bp.static_folder, "img/favicon.png", mimetype="image/png")


@our_client_bp.cli.command("test")
@with_appcontext
def our_client_test() -> None:
    print(f"I am a command of a plugin in {current_app}")


@our_client_bp.record_once
def show_our_page_in_the_menu(state: Any) -> None:
    state.app.config["FLEXMEASURES_MENU_LISTED_VIEWS"] = ["dashboard", "my-page"]
    state.app.config["FLEXMEASURES_MENU_LISTED_VIEW_TITLES"] = {"my-page": "Our page"}
    state.app.config["SECURITY_LOGIN_USER_TEMPLATE"] = "our_login.html"
