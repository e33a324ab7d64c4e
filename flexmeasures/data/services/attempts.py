"""Count attempts, so that nobody can guess for long."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import case, delete, func, update
from sqlalchemy.dialects.postgresql import insert

from flexmeasures.data.config import db
from flexmeasures.data.models.attempts import Attempts
from flexmeasures.utils.time_utils import server_now


@dataclass(frozen=True)
class Limit:
    """At most so many attempts within a period, which begins with the first one.

    who : what identifies the party, such as an e-mail address
    """

    kind: str
    who: tuple[str, ...]
    number: int
    period: timedelta

    @property
    def key(self) -> str:
        text = "\n".join([self.kind, *self.who])
        return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def count_attempt(limits: Iterable[Limit]) -> timedelta:
    """Count one attempt under all these limits. How long to wait, because one is exceeded (or 0).

    Committed at once, on a connection of its own: concurrent attempts count one by one, whatever
    becomes of the request.
    """
    # Always in the same order, so that two attempts at once do not wait for each other.
    by_key = {limit.key: limit for limit in sorted(limits, key=lambda limit: limit.key)}
    now = server_now()
    rows = [
        {"key": key, "number": 1, "expires_at": now + limit.period} for key, limit in by_key.items()
    ]
    new = insert(Attempts).values(rows)
    over = Attempts.expires_at <= now
    counted = new.on_conflict_do_update(
        index_elements=[Attempts.key],
        set_={
            "number": case((over, 1), else_=Attempts.number + 1),
            "expires_at": case((over, new.excluded.expires_at), else_=Attempts.expires_at),
        },
    ).returning(Attempts.key, Attempts.number, Attempts.expires_at)
    with db.engine.begin() as connection:
        found = connection.execute(counted).all()
        if any(number == 1 for _, number, _ in found):
            connection.execute(delete(Attempts).where(over))
    waits = [ends - now for key, number, ends in found if number > by_key[key].number]
    return max(waits, default=timedelta(0))


def forgive_attempt(limits: Iterable[Limit]) -> None:
    """Take back one attempt, since it was a good one. Committed at once."""
    keys = sorted(limit.key for limit in limits)
    less = func.greatest(Attempts.number - 1, 0)
    with db.engine.begin() as connection:
        connection.execute(update(Attempts).where(Attempts.key.in_(keys)).values(number=less))


def forget_attempts(limits: Iterable[Limit]) -> None:
    """Start counting anew. Committed at once."""
    with db.engine.begin() as connection:
        connection.execute(delete(Attempts).where(Attempts.key.in_([lim.key for lim in limits])))
