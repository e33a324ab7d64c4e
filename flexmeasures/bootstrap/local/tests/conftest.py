"""Each test has a data folder of its own, with a short path, and real servers in it."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from flexmeasures.bootstrap import local
from flexmeasures.bootstrap.local.postgres import Postgres


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty folder that everybody may enter, short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="fm-", dir=_memory()))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def new_data(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data folder in use, not yet created."""
    folder = place / "data"
    monkeypatch.setenv("FLEXMEASURES_LOCAL_DATA", str(folder))
    yield folder
    # Without the writing of an orderly shutdown.
    monkeypatch.setattr(Postgres, "stop_signal", signal.SIGQUIT)
    local.stop()


@pytest.fixture
def data(new_data: Path, made_data: Path) -> Path:
    """The data folder in use, with an empty database; no server runs yet."""
    shutil.copytree(made_data, new_data)
    return new_data


@pytest.fixture(scope="session")
def made_data() -> Iterator[Path]:
    """A data folder to copy from, as making a database takes longest."""
    with tempfile.TemporaryDirectory(prefix="fm-", dir=_memory()) as folder:
        server = Postgres(Path(folder))
        server.ensure_running()
        server.stop()
        yield Path(folder)


def _memory() -> Path | None:
    """Storage in memory, if there is plenty: writing and deleting databases keeps disks busy."""
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**30:
        return memory
    return None
