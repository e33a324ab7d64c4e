from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text

from flexmeasures.cli.conftest import Invoke
from flexmeasures.cli.db_ops import load, save
from flexmeasures.data.models.user import Account
from flexmeasures.data.services.toy_account import ToyAccount

WORKS = pytest.mark.parametrize("command", [save, load])


@pytest.fixture(autouse=True)
def backups(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all backups."""
    folder = tmp_path / "dumps"
    monkeypatch.setitem(app.config, "FLEXMEASURES_DB_BACKUP_PATH", str(folder))
    return folder


def test_round_trip(invoke: Invoke, toy: ToyAccount, fresh_db: SQLAlchemy, backups: Path) -> None:
    name = toy.account.name
    saved = invoke(save, "--name", "spring", "--data").stdout
    assert "Successfully saved spring/account.\n" in saved
    assert "Successfully saved spring/timed_belief.\n" in saved
    assert (backups / "spring" / "fm_user.obj").is_file()

    fresh_db.session.execute(text("UPDATE account SET name = 'changed'"))
    fresh_db.session.commit()
    loaded = invoke(load, "--name", "spring", "--data").stdout
    assert loaded == saved.replace("saved", "loaded")
    fresh_db.session.expire_all()
    assert [account.name for account in fresh_db.session.query(Account)] == [name]


def test_structure_is_the_default(invoke: Invoke, toy: ToyAccount, tmp_path: Path) -> None:
    place = ("--name", "spring", "--dir", str(tmp_path / "elsewhere"))
    saved = invoke(save, *place).stdout
    assert "spring/sensor." in saved and "timed_belief" not in saved
    assert invoke(load, *place).stdout == saved.replace("saved", "loaded")
    failed = invoke(load, *place, "--data", exit_code=1)
    assert "Can't load table, because filename timed_belief does not exist." in failed.stderr
    assert failed.stdout == ""


def test_beliefs_only(invoke: Invoke, toy: ToyAccount) -> None:
    done = invoke(save, "--name", "spring", "--data", "--no-structure")
    assert done.stdout == "Successfully saved spring/timed_belief.\n"


def test_no_name(invoke: Invoke) -> None:
    failed = invoke(save, exit_code=1).stderr
    assert "You must specify a unique name for the backup: --name <unique name>" in failed
    failed = invoke(load, exit_code=1).stderr
    assert "You must specify the name of the backup: --name <unique name>" in failed


@WORKS
def test_names_that_lead_elsewhere(invoke: Invoke, command: Invoke, tmp_path: Path) -> None:
    failed = invoke(command, "--name", "../spring", exit_code=1)
    assert "The name of a backup is the name of a folder." in failed.stderr
    assert list(tmp_path.iterdir()) == []


def test_existing_and_missing_folders(invoke: Invoke, toy: ToyAccount, backups: Path) -> None:
    failed = invoke(load, "--name", "spring", exit_code=1).stderr
    assert f"Can't load backup, because directory {backups}/spring does not exist." in failed
    invoke(save, "--name", "spring")
    failed = invoke(save, "--name", "spring", exit_code=1).stderr
    assert f"Can't save backup, because directory {backups}/spring already exists." in failed
    assert (backups / "spring").is_dir()


def test_failure_while_saving(
    invoke: Invoke, toy: ToyAccount, backups: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("flexmeasures.data.services.backups.copy", fail)
    failed = invoke(save, "--name", "spring", exit_code=1).stderr
    assert "because of the following error: [Errno 28] No space left on device" in failed
    assert f"Removed directory {backups}/spring." in failed
    assert not (backups / "spring").exists()
