"""Refuse those who try too often: to log in, or to have mail sent."""

from __future__ import annotations

import ipaddress
from datetime import timedelta

from flask import current_app, request
from werkzeug.exceptions import TooManyRequests

from flexmeasures.data.services.attempts import (
    Limit,
    count_attempt,
    forget_attempts,
    forgive_attempt,
)

_LOG_IN_PERIOD = timedelta(minutes=15)
_RESET_PERIOD = timedelta(hours=1)
_RESETS_PER_USER = 5
_TIMES_MORE = 10  # that many times more attempts from all sides on one user, or by one side on all


class LogInAttempt:
    """An attempt to show that one is the user with this e-mail address.

    It counts before the password is looked at, so that many attempts at once do not help. Raises
    TooManyRequests, whether or not there is such a user.
    """

    def __init__(self, email: str) -> None:
        self._limits: list[Limit] = []
        allowed = current_app.config["FLEXMEASURES_LOG_IN_ATTEMPTS"]
        if allowed is None:
            return
        user, side = _normalised(email), side_of_caller()
        self._near = Limit("log in as from", (user, side or ""), allowed, _LOG_IN_PERIOD)
        self._limits = [self._near]
        self._limits.append(Limit("log in as", (user,), allowed * _TIMES_MORE, _LOG_IN_PERIOD))
        if side is not None:
            most = allowed * _TIMES_MORE
            self._limits.append(Limit("log in from", (side,), most, _LOG_IN_PERIOD))
        _refuse_if_too_many(self._limits)

    def succeeded(self) -> None:
        """It was right: it does not count, nor do wrong ones before from the same side."""
        if self._limits:
            forgive_attempt(self._limits)
            forget_attempts([self._near])


def count_reset_request(email: str) -> None:
    """Raise TooManyRequests if this address or this side asked for too many mails lately."""
    limits = [Limit("reset as", (_normalised(email),), _RESETS_PER_USER, _RESET_PERIOD)]
    if (side := side_of_caller()) is not None:
        limits.append(Limit("reset from", (side,), _RESETS_PER_USER * _TIMES_MORE, _RESET_PERIOD))
    _refuse_if_too_many(limits)


def _refuse_if_too_many(limits: list[Limit]) -> None:
    wait = count_attempt(limits)
    if wait:
        seconds = int(wait.total_seconds()) + 1
        raise TooManyRequests(
            f"Too many attempts. Please try again in {-(-seconds // 60)} minutes.",
            retry_after=seconds,
        )


def _normalised(email: str) -> str:
    return email.strip().lower()


def side_of_caller() -> str | None:
    """Where the request comes from; None if only an unknown proxy of ours could tell.

    Networks count instead of single machines for IPv6, where everybody has many addresses.
    """
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return None
    # Without FLEXMEASURES_PROXIES, all clients of a proxy look alike: one must not lock out all.
    if not address.is_global and "X-Forwarded-For" in request.headers:
        return None
    if address.version == 6:
        return str(ipaddress.ip_network((int(address), 64), strict=False))
    return str(address)
