"""What pages remember of a user's session, and how they forget it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import current_app, request, session
from werkzeug.exceptions import BadRequest

from flexmeasures.auth.sessions import remember_time_range
from flexmeasures.utils.time_utils import (
    as_utc,
    get_default_end_time,
    get_default_start_time,
    server_now,
)

_KEPT = {"_fresh", "_id", "_user_id", "csrf_token", "fs_cc", "fs_paa"}
_WINDOWS = (("event_starts_after", "event_ends_before"), ("start_time", "end_time"))
_TEXTS = ("resolution", "forecast_horizon")


def clear_session() -> None:
    """Forget all that a session remembers, but who is logged in."""
    for name in set(session) - _KEPT:
        del session[name]


def set_time_range_for_session() -> None:
    """Remember the windows that the request asks for: `event_starts_after`, `event_ends_before`
    (forgotten, if it does not ask), `start_time`, `end_time`; also `resolution` and
    `forecast_horizon`.

    In demo mode, `start_time` and `end_time` move to the current year. Raises BadRequest for what
    is no moment, and for a window that ends before it starts.
    """
    asked = {name: _asked(name) for window in _WINDOWS for name in window}
    for first, last in _WINDOWS:
        start, end = asked[first], asked[last]
        if start is not None and end is not None and start >= end:
            raise BadRequest(f"Start time {start} is not after end time {end}.")
    remember_time_range(asked["event_starts_after"], asked["event_ends_before"])
    start, end = asked["start_time"], asked["end_time"]
    if current_app.config["FLEXMEASURES_MODE"] == "demo" and start and end:
        start, end = sorted(map(_in_current_year, (start, end)))
    for name, moment in (("start_time", start), ("end_time", end)):
        if moment is not None:
            session[name] = moment.isoformat()
    session.update({name: request.values[name] for name in _TEXTS if name in request.values})


def session_variables() -> dict[str, Any]:
    """What templates can use of that."""
    return {
        "event_starts_after": _moment(session.get("event_starts_after")),
        "event_ends_before": _moment(session.get("event_ends_before")),
        "start_time": _moment(session.get("start_time")) or get_default_start_time(),
        "end_time": _moment(session.get("end_time")) or get_default_end_time(),
        "resolution": session.get("resolution", ""),
        "resolution_human": session.get("resolution", ""),
        "horizon_human": session.get("forecast_horizon", ""),
    }


def _asked(name: str) -> datetime | None:
    text = request.values.get(name)
    moment = _moment(text)
    if text and moment is None:
        raise BadRequest(f"{name}: expected a moment, such as 2026-01-31T00:00:00+01:00.")
    return moment


def _moment(text: Any) -> datetime | None:
    """Aware; without an offset, in UTC."""
    try:
        return as_utc(datetime.fromisoformat(str(text).replace("Z", "+00:00")))
    except (ValueError, OverflowError):
        return None


def _in_current_year(moment: datetime) -> datetime:
    year = server_now().year
    try:
        return moment.replace(year=year)
    except ValueError:  # on February 29
        return moment.replace(year=year, day=28)
