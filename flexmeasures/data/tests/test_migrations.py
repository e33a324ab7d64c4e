"""Migrations and models describe the same database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, text

from flexmeasures.data.config import db

# What the comparison of models and database does not look at.
KEY_OF_BELIEFS = text("SELECT pg_get_indexdef('timed_belief_pkey'::regclass)")
STORAGE_OF_BELIEFS = text("SELECT reloptions FROM pg_class WHERE relname = 'timed_belief'")


@pytest.fixture
def empty_database(app: Flask) -> Iterator[None]:
    db.session.remove()
    db.drop_all()
    yield
    downgrade(revision="base")
    with db.engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    db.create_all()


def _facts() -> list[object]:
    with db.engine.connect() as connection:
        return [connection.scalar(KEY_OF_BELIEFS), connection.scalar(STORAGE_OF_BELIEFS)]


def test_models_and_migrations_are_equal(app: Flask, empty_database: None) -> None:
    db.create_all()
    facts_of_models = _facts()
    db.drop_all()
    upgrade()
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, db.metadata) == []
    assert _facts() == facts_of_models
    assert "INCLUDE (event_value)" in str(facts_of_models[0])


def test_upgrading_again_changes_nothing(app: Flask, empty_database: None) -> None:
    upgrade()
    with db.engine.begin() as connection:
        connection.execute(text("INSERT INTO account (name) VALUES ('Orchard Ltd')"))
    upgrade()
    with db.engine.connect() as connection:
        assert connection.scalar(text("SELECT name FROM account")) == "Orchard Ltd"


def test_downgrading_leaves_nothing_behind(app: Flask, empty_database: None) -> None:
    upgrade()
    downgrade(revision="base")
    assert inspect(db.engine).get_table_names() == ["alembic_version"]
    assert inspect(db.engine).get_enums() == []  # type: ignore[attr-defined]  # PostgreSQL's
    upgrade()
    assert "timed_belief" in inspect(db.engine).get_table_names()


def test_children_become_assets_like_others(app: Flask, empty_database: None) -> None:
    """Without trees, names have to be unique per account again."""
    upgrade()
    with db.engine.begin() as connection:
        connection.execute(text("INSERT INTO account (name) VALUES ('Orchard Ltd')"))
        connection.execute(text("INSERT INTO generic_asset_type (name) VALUES ('building')"))
        for name, parent in (("shed", "NULL"), ("lamp", "1"), ("barn", "NULL"), ("lamp", "3")):
            connection.execute(
                text(
                    "INSERT INTO generic_asset"
                    " (name, account_id, generic_asset_type_id, attributes, parent_asset_id)"
                    f" VALUES ('{name}', 1, 1, '{{}}', {parent})"
                )
            )
    downgrade(revision="0003")
    with db.engine.connect() as connection:
        names = connection.scalars(text("SELECT name FROM generic_asset ORDER BY id")).all()
    assert names == ["shed", "lamp (2)", "barn", "lamp (4)"]
    upgrade()
