"""Scratch servers for tests, which leave nothing behind, however the tests end."""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from flexmeasures.bootstrap.local.postgres import Postgres
from flexmeasures.bootstrap.local.valkey import Valkey

_DATABASE_OF_TESTS = "SQLALCHEMY_TEST_DATABASE_URI"
_REDIS_OF_TESTS = "FLEXMEASURES_TEST_REDIS_URL"

# Waits for a line, or for the end of its input, which comes when we die. Then it stops what runs
# in the folder and deletes it. Immediate shutdown (QUIT) of PostgreSQL frees its shared memory too.
WATCHDOG = """
read -r _
end() {
    pid=$(head -n 1 "$2" 2>/dev/null) && kill "-$1" "$pid" 2>/dev/null || return
    n=0
    # The server deletes that file last. Its id may stay for a while as a zombie.
    while [ -e "$2" ] && kill -0 "$pid" 2>/dev/null && [ $n -lt 200 ]; do
        sleep 0.05
        n=$((n + 1))
    done
}
# Let initdb end, if we died while it was at work.
turn=0
while [ -e "$1"/postgresql.new-* ] && [ $turn -lt 20 ]; do
    sleep 0.1
    turn=$((turn + 1))
done
turn=0
while [ -e "$1" ] && [ $turn -lt 100 ]; do
    end QUIT "$1/postgresql/postmaster.pid"
    end TERM "$1/valkey/valkey.pid"
    rm -rf "$1" 2>/dev/null || sleep 0.1
    turn=$((turn + 1))
done
"""


@contextlib.contextmanager
def throwaway_database_server() -> Iterator[str]:
    """A PostgreSQL server with an empty database and fsync off; yields its SQLAlchemy URI.

    It is stopped and deleted on leaving, at the end of the process, and also if the process gets
    killed. Each call makes another server.
    """
    with _scratch_folder() as folder:
        server = Postgres(folder, scratch=True)
        server.ensure_running()
        yield server.address()


@contextlib.contextmanager
def throwaway_redis_server() -> Iterator[str]:
    """An empty Redis-compatible server; yields its URL. Ends as the database server does."""
    with _scratch_folder() as folder:
        server = Valkey(folder, scratch=True)
        server.ensure_running()
        yield server.address()


@cache
def database_uri_of_tests() -> str:
    """The database of tests, in SQLALCHEMY_TEST_DATABASE_URI.

    Unless that is given, a scratch server is started once and for the whole process, and given to
    the processes that this one starts.
    """
    return _given_or_started(_DATABASE_OF_TESTS, throwaway_database_server)


@cache
def redis_url_of_tests() -> str:
    """The server for the queues of tests, in FLEXMEASURES_TEST_REDIS_URL; otherwise the same."""
    return _given_or_started(_REDIS_OF_TESTS, throwaway_redis_server)


def _given_or_started(
    variable: str, server: Callable[[], contextlib.AbstractContextManager[str]]
) -> str:
    if variable not in os.environ:
        stack = contextlib.ExitStack()
        os.environ[variable] = stack.enter_context(server())
        atexit.register(stack.close)
    return os.environ[variable]


@contextlib.contextmanager
def _scratch_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="flexmeasures-"))
    watchdog = subprocess.Popen(
        ["/bin/sh", "-c", WATCHDOG, "sh", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    owner = os.getpid()

    def end() -> None:
        # Once, and not in a process that was forked from ours.
        if os.getpid() == owner and watchdog.returncode is None:
            watchdog.communicate(b"end\n")

    atexit.register(end)
    try:
        yield folder
    finally:
        atexit.unregister(end)
        end()
