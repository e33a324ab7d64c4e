"""What all pages share."""

from __future__ import annotations

import json
import logging
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import humanize
from flask import current_app, render_template
from flask_security import current_user

import flexmeasures
from flexmeasures.auth.policy import user_has_admin_access
from flexmeasures.data.config import db
from flexmeasures.data.models.user import Account, User
from flexmeasures.ui.menu import menu_entries
from flexmeasures.ui.utils.chart_defaults import chart_options
from flexmeasures.ui.utils.revision import get_git_description
from flexmeasures.ui.utils.session import (
    clear_session,
    session_variables,
    set_time_range_for_session,
)
from flexmeasures.ui.utils.settings import first_applicable
from flexmeasures.utils.time_utils import server_now

__all__ = [
    "accountname",
    "asset_icon_name",
    "clear_session",
    "get_git_description",
    "render_flexmeasures_template",
    "set_time_range_for_session",
    "username",
]

logger = logging.getLogger(__name__)

DOCUMENTATION = "documentation/html/index.html"  # below the static files, if it was built

_WITH_DATEPICKER = {"analytics", "portfolio"}
_STATIC = Path(__file__).parents[1] / "static"


def render_flexmeasures_template(html_filename: str, **variables: Any) -> str:
    """A page of our own look, with these variables and those of `page_variables`.

    The latter win, apart from `show_datepicker`.
    """
    page = PurePosixPath(html_filename).stem
    variables.setdefault("show_datepicker", page in _WITH_DATEPICKER)
    return render_template(html_filename, **(variables | page_variables() | {"page": page}))


def page_variables() -> dict[str, Any]:
    """Variables that every template can use."""
    return _variables_of_server() | _variables_of_user() | session_variables()


def _variables_of_server() -> dict[str, Any]:
    config = current_app.config
    git_version, git_commits_since, git_hash = get_git_description()
    plugins = config.get("LOADED_PLUGINS") or {}
    platform = first_applicable("FLEXMEASURES_PLATFORM_NAME") or "FlexMeasures"
    now = server_now()
    return {
        "platform_name": platform,
        "FLEXMEASURES_PLATFORM_NAME": platform,
        "menu_logo": config["FLEXMEASURES_MENU_LOGO_PATH"],
        "extra_css": config["FLEXMEASURES_EXTRA_CSS_PATH"],
        "documentation_exists": documentation_exists(),
        "flexmeasures_version": flexmeasures.__version__,
        "git_version": git_version,
        "git_commits_since": git_commits_since,
        "git_hash": git_hash,
        "app_running_since": humanize.naturaltime(now - config["START_TIME"]),
        "current_year": now.year,
        "loaded_plugins": ", ".join(f"{name} (v{version})" for name, version in plugins.items()),
        "js_versions": config["FLEXMEASURES_JS_VERSIONS"],
        "chart_options": json.dumps(chart_options),
        "demo_credentials": _demo_credentials(),
    }


def _variables_of_user() -> dict[str, Any]:
    known = bool(current_user and current_user.is_authenticated)
    is_admin = known and user_has_admin_access(current_user, "update")
    show_queues = known and (is_admin or current_app.config["FLEXMEASURES_MODE"] == "demo")
    return {
        "user_is_logged_in": known,
        "user_is_admin": is_admin,
        "user_has_admin_reader_rights": known and user_has_admin_access(current_user, "read"),
        "user_is_anonymous": known and current_user.has_role("anonymous"),
        "user_name": current_user.username if known else "",
        "user_email": current_user.email if known else "",
        "show_queues": show_queues,
        "menu": menu_entries(show_queues),
    }


@cache
def documentation_exists() -> bool:
    """Was the documentation built into the static files, when the server started?"""
    return (_STATIC / DOCUMENTATION).is_file()


_ICONS = {
    "evse": "icon-charging_station",
    "irradiance": "wi wi-horizon-alt",
    "temperature": "wi wi-thermometer",
    "wind direction": "wi wi-wind-direction",
    "wind speed": "wi wi-strong-wind",
    "renewables": "icon-wind",
}


def asset_icon_name(asset_type_name: str) -> str:
    """CSS classes of the icon of an asset type.

    >>> asset_icon_name("wind speed"), asset_icon_name("one-way_evse"), asset_icon_name("battery")
    ('wi wi-strong-wind', 'icon-charging_station', 'icon-battery')
    """
    known = (icon for part, icon in _ICONS.items() if part in asset_type_name.lower())
    return next(known, f"icon-{asset_type_name}")


def username(user_id: int) -> str:
    """The name of a user; empty if there is none."""
    user = db.session.get(User, user_id)
    return "" if user is None else user.username


def accountname(account_id: int) -> str:
    """The name of an account; empty, and noted in the log, if there is none."""
    account = db.session.get(Account, account_id)
    if account is None:
        logger.warning("There is no account with id %s.", account_id)
        return ""
    return account.name


def _demo_credentials() -> tuple[str, str] | None:
    demo = current_app.config["FLEXMEASURES_MODE"] == "demo"
    return current_app.config["FLEXMEASURES_PUBLIC_DEMO_CREDENTIALS"] if demo else None
