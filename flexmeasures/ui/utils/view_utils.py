"""What all pages share."""

from __future__ import annotations

from typing import Any

from flask import current_app, render_template
from flask_security import current_user

import flexmeasures
from flexmeasures.ui.utils.settings import first_applicable


def render_flexmeasures_template(html_filename: str, **variables: Any) -> str:
    """A page of our own look, with these variables besides those of `page_variables`."""
    return render_template(html_filename, **variables)


def page_variables() -> dict[str, Any]:
    """Variables that every template can use."""
    logged_in = bool(current_user and current_user.is_authenticated)
    return {
        "platform_name": first_applicable("FLEXMEASURES_PLATFORM_NAME") or "FlexMeasures",
        "extra_css": current_app.config["FLEXMEASURES_EXTRA_CSS_PATH"],
        "flexmeasures_version": flexmeasures.__version__,
        "user_is_logged_in": logged_in,
        "user_name": current_user.username if logged_in else "",
        "user_email": current_user.email if logged_in else "",
        "demo_credentials": _demo_credentials(),
    }


def _demo_credentials() -> tuple[str, str] | None:
    demo = current_app.config["FLEXMEASURES_MODE"] == "demo"
    return current_app.config["FLEXMEASURES_PUBLIC_DEMO_CREDENTIALS"] if demo else None
