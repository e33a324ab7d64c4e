"""What pure helpers ask the running app.

Helpers know no web framework, yet a few of them depend on where they run: on a setting, on the host
that was called, on whose eyes will read. The app factory answers these questions by calling
`answer_with`. Without an app the documented defaults of the settings hold, and there is neither a
host nor a user.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def _no_settings() -> Mapping[str, Any]:
    return {}


def _nobody() -> str | None:
    return None


_settings: Callable[[], Mapping[str, Any]] = _no_settings
_host: Callable[[], str | None] = _nobody
_user_timezone: Callable[[], str | None] = _nobody


def answer_with(
    *,
    settings: Callable[[], Mapping[str, Any]] | None = None,
    host: Callable[[], str | None] | None = None,
    user_timezone: Callable[[], str | None] | None = None,
) -> None:
    """Say who answers from now on; each answer is asked for anew at every question.

    settings : the config of the app at work; an empty mapping outside of any app
    host : the host name of the request at work, port allowed; None outside of requests
    user_timezone : the IANA name of the current user's timezone; None if nobody is logged in
    """
    global _settings, _host, _user_timezone
    _settings = settings or _settings
    _host = host or _host
    _user_timezone = user_timezone or _user_timezone


def setting(name: str) -> Any:
    """The value of a setting in the app at work, or its documented default."""
    settings = _settings()
    if name in settings:
        return settings[name]
    from flexmeasures.utils.config_defaults import Config

    return getattr(Config, name)


def host() -> str | None:
    """The host name that the request at work was sent to; None outside of requests."""
    return _host()


def user_timezone() -> str | None:
    """The IANA name of the current user's timezone; None without a user."""
    return _user_timezone()
