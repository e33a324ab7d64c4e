"""Round trips, and what must leave the database as it is."""

from __future__ import annotations

import gzip
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text

from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.user import Account
from flexmeasures.data.services import backups
from flexmeasures.data.services.backups import BackupError, UnrecognizedBackup
from flexmeasures.data.services.tests.full_database import Contents, contents, empty, world
from flexmeasures.tests.permissions.world import World

__all__ = ["world"]


@pytest.fixture
def saved(fresh_db: SQLAlchemy, world: World, tmp_path: Path) -> tuple[Path, Contents]:
    """A complete backup, and what is in it."""
    folder = tmp_path / "spring"
    backups.save(folder)
    return folder, contents(fresh_db)


def test_world_is_complete(fresh_db: SQLAlchemy, world: World) -> None:
    assert [name for name, rows in contents(fresh_db).items() if not rows] == []


@pytest.mark.parametrize("work", [backups.load, backups.restore])
def test_into_an_empty_database(
    fresh_db: SQLAlchemy, saved: tuple[Path, Contents], work: Callable[[Path], Any]
) -> None:
    folder, before = saved
    empty(fresh_db)
    work(folder)
    fresh_db.session.commit()
    assert contents(fresh_db) == before
    new = Account(name="newcomer")
    fresh_db.session.add(new)
    fresh_db.session.commit()
    assert new.id == len(before["account"]) + 1


def change(db: SQLAlchemy) -> None:
    """One row more, one less and one that differs."""
    account = db.session.query(Account).filter_by(name="Mill").one()
    account.name = "Windmill"
    db.session.add(Account(name="newcomer"))
    db.session.execute(text("DELETE FROM timed_belief WHERE event_value < 0"))
    db.session.commit()


def test_restore_makes_it_as_it_was(fresh_db: SQLAlchemy, saved: tuple[Path, Contents]) -> None:
    folder, before = saved
    change(fresh_db)
    backups.restore(folder)
    fresh_db.session.commit()
    assert contents(fresh_db) == before


def test_load_keeps_what_is_new(fresh_db: SQLAlchemy, saved: tuple[Path, Contents]) -> None:
    folder, before = saved
    change(fresh_db)
    backups.load(folder)
    fresh_db.session.commit()
    after = contents(fresh_db)
    assert [row for row in after["account"] if "newcomer" in row] != []
    after["account"] = [row for row in after["account"] if "newcomer" not in row]
    assert after == before


def test_rows_in_chunks_are_saved(fresh_db: SQLAlchemy, world: World, tmp_path: Path) -> None:
    """As TimescaleDB keeps them: in tables that inherit, elsewhere."""
    before = contents(fresh_db)["timed_belief"]
    with fresh_db.engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA chunks"))
        connection.execute(text("CREATE TABLE chunks.one () INHERITS (timed_belief)"))
        connection.execute(text("INSERT INTO chunks.one SELECT * FROM timed_belief"))
        connection.execute(text("DELETE FROM ONLY timed_belief"))
    try:
        backups.save(tmp_path / "spring")
    finally:
        with fresh_db.engine.begin() as connection:
            connection.execute(text("DROP SCHEMA chunks CASCADE"))
    assert contents(fresh_db)["timed_belief"] == []
    backups.load(tmp_path / "spring")
    fresh_db.session.commit()
    assert contents(fresh_db)["timed_belief"] == before != []


def test_parts(fresh_db: SQLAlchemy, world: World, tmp_path: Path) -> None:
    before = contents(fresh_db)
    names = backups.save(tmp_path / "structure", data=False)
    assert "timed_belief" not in names and {"account", "annotation", "sensor"} <= set(names)
    assert backups.save(tmp_path / "data", structure=False) == ["timed_belief"]
    assert {path.name for path in (tmp_path / "data").iterdir()} == {"timed_belief.obj"}
    empty(fresh_db)
    backups.load(tmp_path / "structure", data=False)
    backups.load(tmp_path / "data", structure=False)
    fresh_db.session.commit()
    assert contents(fresh_db) == before


def test_only_its_owner_may_read_a_backup(saved: tuple[Path, Contents]) -> None:
    assert saved[0].stat().st_mode & 0o777 == 0o700


def test_what_is_only_of_the_moment_stays(
    fresh_db: SQLAlchemy, saved: tuple[Path, Contents]
) -> None:
    ended = "INSERT INTO ended_log_in (id, expires_at) VALUES ('x', now())"
    fresh_db.session.execute(text(ended))
    fresh_db.session.commit()
    backups.restore(saved[0])
    fresh_db.session.commit()
    assert fresh_db.session.scalar(text("SELECT count(*) FROM ended_log_in")) == 1


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def garble(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


def rewrite(**changes: Any) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        header, _, rows = gzip.decompress(path.read_bytes()).partition(b"\n")
        changed = json.dumps(json.loads(header) | changes).encode()
        path.write_bytes(gzip.compress(changed + b"\n" + rows))

    return write


def header_only(content: bytes) -> Callable[[Path], Any]:
    return lambda path: path.write_bytes(gzip.compress(content))


class Bomb:
    def __reduce__(self) -> Any:
        return pytest.fail, ("A backup must not run code.",)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (Path.unlink, "Can't load table, because filename sensor does not exist."),
        (truncate, "ended before"),
        (garble, "because of the following error"),
        (lambda path: path.write_bytes(b""), "not of this table|Expecting value"),
        (lambda path: path.write_bytes(pickle.dumps([Bomb()])), "Not a gzipped file"),
        (header_only(pickle.dumps([Bomb()])), "decode"),
        (header_only(b"[1]"), "not of this table"),
        (header_only(b"[" * 60_000), "following error"),
        (rewrite(table="account"), "not of this table"),
        (rewrite(columns=None), "does not name its columns"),
        (rewrite(columns=["id"]), "extra data after last expected column"),
        (rewrite(columns=["id\") FROM PROGRAM 'touch /tmp/x' --"]), "has no column"),
        (rewrite(columns=[["id"]]), "has no column"),
    ],
)
@pytest.mark.parametrize("work", [backups.load, backups.restore])
def test_broken_backups_change_nothing(
    fresh_db: SQLAlchemy,
    saved: tuple[Path, Contents],
    work: Callable[[Path], Any],
    spoil: Callable[[Path], Any],
    reason: str,
) -> None:
    folder, _ = saved
    change(fresh_db)
    before = contents(fresh_db)
    spoil(folder / "sensor.obj")
    with pytest.raises(UnrecognizedBackup, match=reason):
        work(folder)
    fresh_db.session.rollback()
    assert contents(fresh_db) == before
    account = Account(name="next")
    fresh_db.session.add(account)
    fresh_db.session.commit()  # the ids of newcomers do not clash


def test_clashes_of_names_change_nothing(
    fresh_db: SQLAlchemy, saved: tuple[Path, Contents]
) -> None:
    fresh_db.session.execute(text("UPDATE generic_asset SET name = 'other'"))
    kind = fresh_db.session.query(GenericAsset).filter_by(account_id=None).one().generic_asset_type
    owner = fresh_db.session.query(Account).filter_by(name="Bakery").one()
    fresh_db.session.add(GenericAsset(name="store", generic_asset_type=kind, owner=owner))
    fresh_db.session.commit()
    before = contents(fresh_db)
    with pytest.raises(UnrecognizedBackup, match=r"generic_asset because of .* already exists"):
        backups.load(saved[0])
    assert contents(fresh_db) == before


def test_missing_folder(fresh_db: SQLAlchemy, tmp_path: Path) -> None:
    with pytest.raises(UnrecognizedBackup, match=r"directory .*none does not exist"):
        backups.load(tmp_path / "none")


def test_no_backup_is_overwritten(fresh_db: SQLAlchemy, tmp_path: Path) -> None:
    backups.save(tmp_path / "spring")
    files = sorted((tmp_path / "spring").iterdir())
    with pytest.raises(BackupError, match="spring already exists"):
        backups.save(tmp_path / "spring")
    assert sorted((tmp_path / "spring").iterdir()) == files


def test_failed_saving_leaves_nothing(
    fresh_db: SQLAlchemy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backups, "copy", fail)
    with pytest.raises(BackupError, match=r"Can't save table \w+ .*No space left"):
        backups.save(tmp_path / "spring")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("work", [backups.load, backups.restore])
def test_interrupted_loading_changes_nothing(
    fresh_db: SQLAlchemy,
    saved: tuple[Path, Contents],
    monkeypatch: pytest.MonkeyPatch,
    work: Callable[[Path], Any],
) -> None:
    def interrupt(file: gzip.GzipFile, size: int = -1) -> bytes:
        raise KeyboardInterrupt

    change(fresh_db)
    before = contents(fresh_db)
    monkeypatch.setattr(gzip.GzipFile, "read", interrupt)
    with pytest.raises(KeyboardInterrupt):
        work(saved[0])
    assert contents(fresh_db) == before


def test_interrupted_saving_leaves_nothing(
    fresh_db: SQLAlchemy, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(file: gzip.GzipFile, data: bytes) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(gzip.GzipFile, "write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        backups.save(tmp_path / "spring")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../spring",
        "/etc",
        "a/b",
        "a\\b",
        "a\0b",
        "a\nb",
        "\ud800",
        "x" * 256,
        "ü" * 200,
    ],
)
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnrecognizedBackup, match="name of a folder"):
        backups.folder_of(tmp_path, name)
