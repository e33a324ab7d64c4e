"""One sentence for people about errors that come from outside: what happened, and what to do."""

from __future__ import annotations

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError

_UNDEFINED_TABLE, _UNDEFINED_COLUMN = "42P01", "42703"  # PostgreSQL's error codes


def explain(error: Exception) -> str | None:
    """The sentence, without credentials; None if the error is not a known one."""
    if not isinstance(error, DBAPIError):
        return None
    reason = (
        str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no reason given"
    )
    if isinstance(error, OperationalError) and error.statement is None:
        return (
            f"Cannot connect to the database {_configured_database()}: {reason}."
            " Check that its server runs and that SQLALCHEMY_DATABASE_URI is right."
        )
    if error.connection_invalidated:
        return f"The connection to the database {_configured_database()} was lost: {reason}."
    if getattr(error.orig, "pgcode", None) in (_UNDEFINED_TABLE, _UNDEFINED_COLUMN):
        return (
            f"The tables of the database {_configured_database()} are missing or not up to date"
            f" ({reason}). Run `flexmeasures db upgrade` first."
        )
    return None


def _configured_database() -> str:
    """Name and host of the app's database."""
    from flexmeasures.data.config import db

    url: URL = db.engine.url
    return f"{url.database or 'of the current user'} on {url.host or 'this machine'}" + (
        f":{url.port}" if url.port else ""
    )
