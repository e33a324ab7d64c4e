from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from flexmeasures.bootstrap import local
from flexmeasures.cli.local import fm_local


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="fm-"))
    monkeypatch.setenv("FLEXMEASURES_LOCAL_DATA", str(folder))
    yield folder
    local.stop()
    shutil.rmtree(folder)


def run(command: str) -> str:
    result = CliRunner().invoke(fm_local, [command])
    assert result.exit_code == 0, result.output
    return result.output


def test_path(data: Path) -> None:
    assert run("path") == f"{data}\n"


def test_status_and_stop(data: Path) -> None:
    assert run("status").count("not running") == 2
    local.redis_url()
    status = run("status")
    assert f"Data folder: {data}" in status
    assert "PostgreSQL: not running" in status
    assert "Valkey: running (version " in status
    assert local.redis_url() in status
    assert run("stop") == "Stopped Valkey.\n"
    assert run("stop") == "No server was running.\n"


def test_one_sentence_instead_of_a_traceback(data: Path) -> None:
    data.chmod(0o777)
    result = CliRunner().invoke(fm_local, ["stop"])
    assert result.exit_code == 1
    assert "chmod go-w" in result.stderr
    assert "Traceback" not in result.output
    data.chmod(0o700)
