"""Ctrl+C and SIGTERM while a command is at work: a word, a code, and nothing half-written."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text

from flexmeasures.cli.conftest import PROGRAM

# Interrupted in the middle of its transaction. The tests' database is named by a variable.
CODE = """
import sys, time
from flexmeasures.__main__ import flexmeasures_cli
from flexmeasures.data.services import accounts
create = accounts.create_account
def create_slowly(*args):
    account = create(*args)
    print("created", flush=True)
    time.sleep(60)
    return account
accounts.create_account = create_slowly
sys.argv = ["flexmeasures", "add", "account", "--name", "Half"]
flexmeasures_cli(prog_name="flexmeasures")
"""


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 1, "Aborted!"), (signal.SIGTERM, -signal.SIGTERM, "")],
)
def test_in_the_middle_of_a_transaction(
    fresh_db: SQLAlchemy,
    tmp_path: Path,
    test_database_uri: str,
    number: signal.Signals,
    code: int,
    said: str,
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", CODE],
        env={
            "HOME": str(tmp_path),
            "PATH": str(PROGRAM.parent),
            "FLASK_ENV": "development",
            "SECRET_KEY": "key",
            "SQLALCHEMY_DATABASE_URI": test_database_uri,
        },
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline() == "created\n", process.stderr.read()
    process.send_signal(number)
    out, errors = process.communicate(timeout=30)
    assert process.returncode == code, errors
    assert out == ""
    assert said in errors and "Traceback" not in errors
    assert fresh_db.session.scalar(text("SELECT count(*) FROM account")) == 0
