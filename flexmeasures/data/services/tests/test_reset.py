from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text

from flexmeasures.data.services import reset
from flexmeasures.data.services.tables import revision_of, row_counts, tables_of
from flexmeasures.data.services.tests.full_database import world
from flexmeasures.tests.permissions.world import World

__all__ = ["world"]


@pytest.fixture
def db(fresh_db: SQLAlchemy) -> Iterator[SQLAlchemy]:
    """Without the note on the revision in the end, as other tests expect it."""
    yield fresh_db
    fresh_db.session.rollback()
    fresh_db.session.execute(text("DROP TABLE IF EXISTS alembic_version"))
    fresh_db.session.commit()


def test_from_anything_to_the_data_model(db: SQLAlchemy, world: World) -> None:
    for statement in (
        "DROP TABLE annotations_sensors",
        "ALTER TABLE sensor DROP COLUMN unit",
        "CREATE TABLE of_a_plugin AS SELECT 1 AS id",
        'CREATE TABLE "Odd ""name" (user_id int REFERENCES fm_user)',
        "CREATE VIEW names AS SELECT name FROM account",
        "CREATE TABLE alembic_version AS SELECT 'd814c0688ae0' AS version_num",
    ):
        db.session.execute(text(statement))
    db.session.commit()
    reset.drop_everything()
    assert tables_of(db.session.connection()) == []
    reset.create_everything()
    db.session.commit()
    with db.engine.connect() as connection:
        assert set(tables_of(connection)) == {*db.metadata.tables, "alembic_version"}
        assert compare_metadata(MigrationContext.configure(connection), db.metadata) == []
        assert (revision_of(connection) or "").startswith("0")
        extensions = connection.scalars(text("SELECT extname FROM pg_extension")).all()
        assert "earthdistance" in extensions
    assert row_counts() == {}


def test_all_or_nothing(db: SQLAlchemy, world: World) -> None:
    before = row_counts()
    assert before["account"] == 3
    reset.drop_everything()
    reset.create_everything()
    db.session.rollback()
    assert row_counts() == before
    assert "alembic_version" not in tables_of(db.session.connection())
