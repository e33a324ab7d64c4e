"""`flexmeasures add beliefs` ended in the middle: nothing is stored, and a second run completes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text

from flexmeasures.cli.conftest import PROGRAM
from flexmeasures.data.services.toy_account import ToyAccount

ROWS = 1000
# The program, with less of a file in memory than usual.
CODE = """
import sys
from flexmeasures.data.services.file_import.beliefs import FileOfBeliefs
from flexmeasures.__main__ import flexmeasures_cli
read = FileOfBeliefs.read_in_parts
FileOfBeliefs.read_in_parts = lambda self, size, progress: read(self, 100, progress)
sys.argv[0] = "flexmeasures"
flexmeasures_cli(prog_name="flexmeasures")
"""
HALFWAY = """
    INSERT INTO timed_belief (sensor_id, event_start, source_id, belief_horizon,
        cumulative_probability, event_value)
    VALUES (:sensor, :event, :source, interval '0', 0.5, 0)
"""
# A program that waits for another transaction holds its lock until the server sees it gone.
OTHERS = """
    SELECT count(*) FILTER (WHERE wait_event_type = 'Lock'), count(*) FROM pg_stat_activity
    WHERE application_name = 'test of interruption'
"""


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 1), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)],
    ids=["SIGINT", "SIGTERM", "SIGKILL"],
)
def test_interrupted_import(
    toy: ToyAccount,
    fresh_db: SQLAlchemy,
    tmp_path: Path,
    test_database_uri: str,
    number: signal.Signals,
    code: int,
) -> None:
    sensor = toy.prices.id
    starts = pd.date_range("2026-01-01", periods=ROWS, freq="h", tz="UTC")
    path = tmp_path / "data.csv"
    pd.Series(range(ROWS), starts).to_csv(path)
    source = fresh_db.session.scalar(
        text("INSERT INTO data_source (name, type) VALUES ('meter', 'x') RETURNING id")
    )
    fresh_db.session.commit()
    words = ["add", "beliefs", "--sensor-id", str(sensor), "--source", str(source), str(path)]
    command = [sys.executable, "-c", CODE, *words, "--horizon", "0"]
    environment = {
        "HOME": str(tmp_path),
        "PATH": str(PROGRAM.parent),
        "FLASK_ENV": "development",
        "SECRET_KEY": "key",
        "SQLALCHEMY_DATABASE_URI": test_database_uri,
        "PGAPPNAME": "test of interruption",
    }

    def stored() -> int:
        with fresh_db.engine.connect() as other:
            return other.scalar(text("SELECT count(*) FROM timed_belief")) or 0

    def others() -> tuple[int, int]:
        with fresh_db.engine.connect() as other:
            waiting, all_ = other.execute(text(OTHERS)).one()
            return waiting, all_

    # Somebody else stores the same belief about an event halfway, and does not commit yet.
    event = starts[ROWS // 2] + timedelta(hours=3)
    fresh_db.session.execute(text(HALFWAY), {"sensor": sensor, "event": event, "source": source})
    with subprocess.Popen(
        command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        until(lambda: others()[0] > 0)
        process.send_signal(number)
        fresh_db.session.rollback()
        out, errors = process.communicate(timeout=30)
    assert process.returncode == code, errors
    assert b"Success" not in out
    assert (b"Aborted!" in errors) == (number == signal.SIGINT)
    assert b"Traceback" not in errors
    until(lambda: others() == (0, 0))
    assert stored() == 0

    subprocess.run(command, env=environment, cwd=tmp_path, check=True, capture_output=True)
    assert stored() == ROWS
