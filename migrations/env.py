"""How Alembic finds the database and the models: both belong to the running app."""

from __future__ import annotations

import logging

from alembic import context
from flask import current_app
from sqlalchemy import Engine

import flexmeasures.data.models  # noqa: F401  # fills the metadata

# Whatever the log level, people want to see which migrations run.
logging.getLogger("alembic.runtime.migration").setLevel(logging.INFO)


def get_engine() -> Engine:
    return current_app.extensions["migrate"].db.engine


def run_migrations_offline() -> None:
    """Write SQL instead of running it."""
    context.configure(
        url=get_engine().url.render_as_string(hide_password=False),
        target_metadata=current_app.extensions["migrate"].db.metadata,
        literal_binds=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def run_migrations_online() -> None:
    """Run all missing migrations in one transaction: the database changes wholly or not at all."""
    with get_engine().connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=current_app.extensions["migrate"].db.metadata,
            **current_app.extensions["migrate"].configure_args,
        )
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_migrations_offline()
else:
    run_migrations_online()
