"""Nothing is lost and everything works again, whoever dies and wherever the folder is."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from flexmeasures.bootstrap import local
from flexmeasures.bootstrap.local.ownership import server_user
from flexmeasures.bootstrap.local.processes import is_alive
from flexmeasures.bootstrap.local.tests.helpers import output, pids, python, redis, sql

FILL = """
sql("CREATE TABLE meter AS SELECT generate_series(1, 1000) AS value")
redis().rpush("queue", "first", "second")
"""


def fill() -> None:
    exec(FILL)


def assert_nothing_is_lost() -> None:
    assert sql("SELECT sum(value) FROM meter") == [(500500,)]
    assert redis().lrange("queue", 0, -1) == ["first", "second"]


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while is_alive(pid):
        time.sleep(0.01)


def test_data_survive_a_restart(new_data: Path) -> None:
    fill()
    assert local.stop() == ["PostgreSQL", "Valkey"]
    assert pids() == {"PostgreSQL": None, "Valkey": None}
    assert_nothing_is_lost()


def test_the_database_is_set_up(new_data: Path) -> None:
    distance = "earth_distance(ll_to_earth(52.4, 4.9), ll_to_earth(51.9, 4.5))"
    assert sql(f"SELECT round({distance} / 1000) FROM (SELECT '(1)'::cube) AS cube") == [(62,)]
    assert sql("SHOW timezone") == [("UTC",)]
    assert sql("SHOW fsync") == [("on",)]
    assert sql("SHOW server_encoding") == [("UTF8",)]
    assert sql("SELECT 'Zürich' ILIKE 'ZÜRICH'") == [(True,)]
    scale = sql("SHOW autovacuum_vacuum_insert_scale_factor")[0][0]
    assert float(scale) <= 0.02


def test_servers_outlive_a_starter_that_is_killed(data: Path) -> None:
    starter = python(f"{FILL}\nprint(pids(), flush=True)\nos.kill(os.getpid(), signal.SIGKILL)")
    printed, _ = starter.communicate(timeout=60)
    assert starter.returncode == -signal.SIGKILL
    # Another process finds the same servers, and all that the first one stored.
    assert printed.strip() == output(
        "assert sql('SELECT count(*) FROM meter') == [(1000,)]\nprint(pids())"
    )
    assert_nothing_is_lost()


def test_servers_leave_the_starter_alone(data: Path) -> None:
    """A shell or a test runner that reads the starter's output is not kept waiting by servers."""
    assert output("local.database_uri(); local.redis_url(); print('done')") == "done"
    for pid in pids().values():
        assert pid is not None
        assert os.getsid(pid) != os.getsid(0)


def test_a_starter_killed_on_the_way_is_no_obstacle(new_data: Path) -> None:
    for seconds in (0.15, 0.4, 0.6, 0.8):
        starter = python("local.database_uri(); local.redis_url()")
        time.sleep(seconds)
        starter.kill()
        starter.communicate()
    fill()
    assert_nothing_is_lost()
    assert not list(new_data.glob("postgresql.new-*"))


def test_killed_servers_start_again(data: Path) -> None:
    fill()
    before = pids()
    for pid in before.values():
        kill(pid)
    assert_nothing_is_lost()
    assert set(pids().values()).isdisjoint(before.values())


def test_a_busy_session_that_outlives_its_server_is_no_obstacle(data: Path) -> None:
    fill()

    def keep_busy() -> None:
        with pytest.raises(psycopg2.Error):
            sql("SELECT count(*) FROM generate_series(1, 1e12::bigint)")

    session = threading.Thread(target=keep_busy)
    session.start()
    while not sql("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT count%'"):
        time.sleep(0.01)
    kill(pids()["PostgreSQL"])
    assert_nothing_is_lost()
    session.join(timeout=10)
    assert not session.is_alive()


@pytest.fixture
def bystander(place: Path) -> Iterator[int]:
    """A process that the servers' user could take for one of the servers, as it may signal it."""
    user = server_user(place)
    process = subprocess.Popen(["sleep", "60"], user=user.uid if user else None)
    yield process.pid
    assert process.poll() is None, "was ended by mistake"
    process.kill()
    process.wait()


def test_process_ids_in_use_by_others(data: Path, bystander: int) -> None:
    """After a reboot, ids that dead servers wrote down belong to other processes."""
    fill()
    for pid in pids().values():
        kill(pid)
    while any(pids().values()):  # threads and child processes end a moment later
        time.sleep(0.01)
    for name in ("postgresql/postmaster.pid", "postgresql/.s.PGSQL.5432.lock"):
        _, rest = (data / name).read_text().split("\n", 1)
        (data / name).write_text(f"{bystander}\n{rest}")
    (data / "valkey" / "valkey.pid").write_text(f"{bystander}\n")
    assert local.stop() == []
    assert_nothing_is_lost()


def test_a_server_that_lost_its_socket_is_replaced(data: Path) -> None:
    fill()
    before = pids()
    (data / "postgresql" / ".s.PGSQL.5432").unlink()
    (data / "valkey" / "valkey.sock").unlink()
    assert_nothing_is_lost()
    assert set(pids().values()).isdisjoint(before.values())


def test_a_server_whose_programs_were_deleted_is_replaced(data: Path) -> None:
    """Such as with a virtual environment: it could not load extensions any more."""
    fill()
    before = pids()
    options = data / "postgresql" / "postmaster.opts"
    program, rest = options.read_text().split(' "', 1)
    options.write_text(f'{program}-of-old "{rest}')
    assert_nothing_is_lost()
    assert pids()["PostgreSQL"] != before["PostgreSQL"]


def test_many_processes_at_once_share_one_start(new_data: Path) -> None:
    code = "print(local.database_uri(), local.redis_url(), local.secret_key(), pids())"
    processes = [python(code) for _ in range(8)]
    printed = {process.communicate(timeout=60)[0] for process in processes}
    assert [process.returncode for process in processes] == [0] * 8, printed
    assert len(printed) == 1


@pytest.mark.parametrize(
    "name",
    ["with space, comma & 100%", "Büro-文書", "/".join(["deep" * 10] * 5)],
    ids=["special characters", "non-ASCII", "too long for a socket"],
)
def test_any_path(new_data: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import create_engine, text

    monkeypatch.setenv("FLEXMEASURES_LOCAL_DATA", str(new_data / name))
    monkeypatch.setattr(tempfile, "tempdir", str(new_data.parent))
    fill()
    engine = create_engine(local.database_uri())
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM meter")).scalar() == 1000
    engine.dispose()
    assert_nothing_is_lost()
    assert local.stop() == ["PostgreSQL", "Valkey"]


@pytest.mark.parametrize("stopped", [True, False], ids=["stopped", "running"])
def test_a_moved_folder(data: Path, stopped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    fill()
    if stopped:
        local.stop()
    moved = data.rename(data.parent / "elsewhere")
    monkeypatch.setenv("FLEXMEASURES_LOCAL_DATA", str(moved))
    assert_nothing_is_lost()
    local.stop()


def test_a_copied_folder_is_another_database(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill()
    redis().connection_pool.disconnect()
    original = pids()
    copy = data.parent / "copy"
    sockets = shutil.ignore_patterns(".s.PGSQL.5432", "valkey.sock")
    sql("CHECKPOINT")
    shutil.copytree(data, copy, ignore=sockets)
    monkeypatch.setenv("FLEXMEASURES_LOCAL_DATA", str(copy))
    assert_nothing_is_lost()
    assert set(pids().values()).isdisjoint(original.values())
    local.stop()
    monkeypatch.setenv("FLEXMEASURES_LOCAL_DATA", str(data))
    assert pids() == original


def test_a_large_log_is_put_aside(new_data: Path) -> None:
    new_data.mkdir(mode=0o700)
    (new_data / "valkey.log").write_text("old\n" * 2_000_000)
    assert redis().ping()
    assert (new_data / "valkey.log.1").read_text().startswith("old")
    assert "Ready to accept connections" in (new_data / "valkey.log").read_text()
