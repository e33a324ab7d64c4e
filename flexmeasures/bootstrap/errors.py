"""One sentence for people about errors: what is wrong, and what to do about it."""

from __future__ import annotations

import errno

from flask import current_app
from marshmallow import ValidationError
from redis import exceptions as redis
from sqlalchemy.exc import DBAPIError, OperationalError

from flexmeasures.cli.utils import is_for_people
from flexmeasures.data.config import db

# PostgreSQL's error codes
_UNDEFINED_TABLE, _UNDEFINED_COLUMN, _TOO_LONG = "42P01", "42703", "22001"


def explain(error: Exception) -> str | None:
    """The sentence, without credentials; None if the error is not a known one."""
    if isinstance(error, ValidationError):
        return f"Bad input: {_sentence(error.messages)}"
    if isinstance(error, (redis.ConnectionError, redis.TimeoutError)):
        remedy = _remedy("the settings FLEXMEASURES_REDIS_... are right")
        reason = str(error).rstrip(".")
        return f"Cannot connect to the server of the job queues: {reason}. {remedy}"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"Cannot write{f' to {error.filename}' if error.filename else ''}: {error.strerror}."
    if not isinstance(error, DBAPIError) or not current_app:
        return str(error) if is_for_people(error) else None
    reason = (str(error.orig).strip() or "no reason given").splitlines()[0]
    if isinstance(error, OperationalError) and error.statement is None:
        remedy = _remedy("SQLALCHEMY_DATABASE_URI is right")
        return f"Cannot connect to the database {_database()}: {reason}. {remedy}"
    if error.connection_invalidated:
        return f"The connection to the database {_database()} was lost: {reason}."
    code = getattr(error.orig, "pgcode", None)
    if code == _TOO_LONG:
        return f"A text is too long to be stored ({reason}). Use a shorter one."
    if code in (_UNDEFINED_TABLE, _UNDEFINED_COLUMN):
        return (
            f"The tables of the database {_database()} are missing or not up to date ({reason})."
            " Run `flexmeasures db upgrade` first."
        )
    return None


def _sentence(messages: object) -> str:
    """What a schema found wrong, by field: `a: this. b: 0: that.`"""
    if isinstance(messages, dict):
        return " ".join(f"{field}: {_sentence(found)}" for field, found in messages.items())
    if isinstance(messages, list):
        return " ".join(map(_sentence, messages))
    return str(messages)


def _remedy(settings: str) -> str:
    if current_app and current_app.config["LOCAL_MODE"]:
        return "See what `flexmeasures local status` says."
    return f"Check that its server runs and that {settings}."


def _database() -> str:
    """Name and host of the app's database."""
    if current_app.config["LOCAL_MODE"]:
        return "of local mode"
    url = db.engine.url
    host = f"{url.host or 'this machine'}{f':{url.port}' if url.port else ''}"
    return f"{url.database} on {host}"
