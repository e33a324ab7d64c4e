from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from flexmeasures.bootstrap.local import throwaway_database_server, throwaway_redis_server
from flexmeasures.bootstrap.local.processes import is_alive
from flexmeasures.bootstrap.local.tests.helpers import python, redis, sql

START_BOTH = """
import tempfile
from pathlib import Path
from flexmeasures.bootstrap.local import throwaway_database_server, throwaway_redis_server
servers = [throwaway_database_server(), throwaway_redis_server()]
for server in servers:
    server.__enter__()
found = Path(tempfile.gettempdir()).glob("*/*/*.pid")
print(*(path.read_text().split()[0] for path in found), flush=True)
"""


@pytest.fixture
def scratch(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, empty."""
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return place


def test_a_database_for_one_test(scratch: Path) -> None:
    with throwaway_database_server() as one, throwaway_database_server() as other:
        sql("CREATE TABLE meter (value int)", one)
        assert sql("SELECT to_regclass('meter') IS NULL", other) == [(True,)]
        assert sql("SHOW fsync", one) == [("off",)]
    assert not list(scratch.iterdir())


def test_a_queue_for_one_test(scratch: Path) -> None:
    with throwaway_redis_server() as one, throwaway_redis_server() as other:
        redis(one).set("key", "value")
        assert redis(one).get("key") == "value"
        assert redis(other).get("key") is None
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("server", [throwaway_database_server, throwaway_redis_server])
def test_nothing_stays_of_a_test_that_fails(
    server: Callable[[], AbstractContextManager[str]], scratch: Path
) -> None:
    with pytest.raises(ZeroDivisionError), server():
        1 / 0  # noqa: B018
    assert not list(scratch.iterdir())


def test_nothing_stays_when_the_process_ends(scratch: Path) -> None:
    process = python(START_BOTH)
    printed, _ = process.communicate(timeout=60)
    pids = [int(pid) for pid in printed.split()]
    assert process.returncode == 0
    assert len(pids) == 2
    assert not list(scratch.iterdir())
    assert not any(is_alive(pid) for pid in pids)


def test_nothing_stays_when_the_process_is_killed(scratch: Path) -> None:
    process = python(f"{START_BOTH}\nos.kill(os.getpid(), signal.SIGKILL)")
    printed, _ = process.communicate(timeout=60)
    pids = [int(pid) for pid in printed.split()]
    assert len(pids) == 2
    deadline = time.monotonic() + 10
    while list(scratch.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not list(scratch.iterdir())
    assert not any(is_alive(pid) for pid in pids)


def test_nothing_stays_when_the_process_is_killed_while_starting(scratch: Path) -> None:
    process = python(START_BOTH)
    time.sleep(0.4)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 10
    while list(scratch.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not list(scratch.iterdir())


def test_a_forked_child_leaves_its_parents_server_alone(scratch: Path) -> None:
    code = """
with throwaway_database_server() as address:
    child = os.fork()
    if child == 0:
        raise SystemExit
    os.waitpid(child, 0)
    print(sql("SELECT 1", address))
"""
    imports = "from flexmeasures.bootstrap.local import throwaway_database_server\n"
    process = python(imports + code)
    assert process.communicate(timeout=60)[0].strip() == "[(1,)]"
