"""What a session remembers of its user, besides who that is."""

from __future__ import annotations

from datetime import datetime

from flask import session


def remember_time_range(start: datetime | None, end: datetime | None) -> None:
    """Note which window the caller looks at, so that other pages open with it.

    Callers with a token have no session, and get none. Without ends the memory is emptied.
    """
    if "_user_id" not in session:
        return
    for name, moment in (("event_starts_after", start), ("event_ends_before", end)):
        text = None if moment is None else moment.isoformat()
        if name not in session or session[name] != text:
            session[name] = text
