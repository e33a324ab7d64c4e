"""Tables as they are at first: empty, and as the data model says."""

from __future__ import annotations

from flask import current_app
from sqlalchemy import Connection, text

from flexmeasures.data.config import db
from flexmeasures.data.services.tables import explained, listed, tables_of

# A running server holds locks for moments only; whoever holds one for longer should be asked first.
_PATIENCE = text("SET LOCAL lock_timeout = '20s'")


class ResetError(Exception):
    """Tables cannot be dropped or made anew."""


def drop_everything() -> None:
    """Drop all tables, also those that are not ours, and what depends on them. Does not commit.

    Raises ResetError, for example if somebody works with the tables; then roll back.
    """
    connection = db.session.connection()
    with explained("drop the tables", ResetError):
        connection.execute(_PATIENCE)
        names = tables_of(connection)
        if names:
            connection.execute(text(f"DROP TABLE {listed(names)} CASCADE"))
        db.metadata.drop_all(connection)  # types of columns are left


def create_everything() -> None:
    """Create the tables of the data model, and note their revision. Does not commit."""
    connection = db.session.connection()
    with explained("create the tables", ResetError):
        db.metadata.create_all(connection)
        _stamp(connection)
    db.session.expire_all()


def empty_everything() -> None:
    """Delete all rows of all tables. Does not commit."""
    connection = db.session.connection()
    connection.execute(_PATIENCE)
    names = tables_of(connection, with_revision=False)
    if names:
        connection.execute(text(f"TRUNCATE {listed(names)} RESTART IDENTITY"))
    db.session.expire_all()


def _stamp(connection: Connection) -> None:
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(current_app.extensions["migrate"].directory)
    MigrationContext.configure(connection).stamp(scripts, "head")
