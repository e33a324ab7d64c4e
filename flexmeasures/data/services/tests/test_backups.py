"""Round trips, and what must leave the database as it is."""

from __future__ import annotations

import gzip
import json
import pickle
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import insert, text

from flexmeasures.data.models.annotations import (
    AccountAnnotationRelationship,
    Annotation,
    GenericAssetAnnotationRelationship,
    SensorAnnotationRelationship,
)
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.task_runs import LatestTaskRun
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.models.user import Account
from flexmeasures.data.services import backups
from flexmeasures.data.services.backups import BackupError, UnrecognizedBackup
from flexmeasures.tests.permissions.world import World, build_world

MIDNIGHT = datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=1)))
Contents = dict[str, list[str]]


@pytest.fixture
def world(fresh_db: SQLAlchemy) -> World:
    """With something in every table."""
    world = build_world()
    session = fresh_db.session
    sensor = session.get_one(Sensor, world.ids["sensor of Bakery"])
    source = DataSource("meter \\ 'of' the\tbakery\n", type="meter")
    session.add(source)
    session.flush()
    values = [0.1, 1 / 3, -1e300, float("nan"), float("inf")]
    for hour, value in enumerate(values):
        belief = {
            "sensor_id": sensor.id,
            "source_id": source.id,
            "event_start": MIDNIGHT + timedelta(hours=hour),
            "belief_horizon": timedelta(days=-400, microseconds=hour),
            "cumulative_probability": 0.5,
            "event_value": value,
        }
        session.execute(insert(TimedBelief).values(**belief))
    note = Annotation(
        content="Oven ☃ broken",
        start=MIDNIGHT,
        end=MIDNIGHT + timedelta(days=1),
        source=source,
        type="alert",
    )
    session.add(note)
    session.flush()
    asset = sensor.generic_asset
    session.add(SensorAnnotationRelationship(sensor_id=sensor.id, annotation_id=note.id))
    session.add(
        GenericAssetAnnotationRelationship(generic_asset_id=asset.id, annotation_id=note.id)
    )
    session.add(AccountAnnotationRelationship(account_id=asset.account_id, annotation_id=note.id))
    asset.attributes = {"quote": 'a "\\N" b', "list": [1, None]}
    LatestTaskRun.record_run("import", True)
    session.commit()
    return world


def contents(db: SQLAlchemy) -> Contents:
    db.session.rollback()
    with db.engine.connect() as connection:
        return {
            table.name: sorted(connection.scalars(text(f'SELECT t::text FROM "{table.name}" t')))
            for table in backups.tables()
        }


def empty(db: SQLAlchemy) -> None:
    names = ", ".join(table.name for table in backups.tables())
    db.session.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
    db.session.commit()


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

    monkeypatch.setattr(backups, "_copy", fail)
    with pytest.raises(BackupError, match=r"Can't save table \w+ .*No space left"):
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
