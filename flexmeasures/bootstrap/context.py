"""What pure helpers may ask: they know no web framework, this module does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import current_app, has_request_context, request

from flexmeasures.utils import ask_app


def answer_helpers() -> None:
    """Let helpers ask for settings, host and timezone of whatever app and request is at work."""
    ask_app.answer_with(settings=_settings, host=_host, user_timezone=_user_timezone)


def _settings() -> Mapping[str, Any]:
    return current_app.config if current_app else {}


def _host() -> str | None:
    return request.host if has_request_context() else None


def _user_timezone() -> str | None:
    if not has_request_context():
        return None
    from flask_security import current_user

    return current_user.timezone if current_user.is_authenticated else None
