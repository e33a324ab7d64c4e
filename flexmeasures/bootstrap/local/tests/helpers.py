"""What tests do with the servers, in their own process or in another."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg2

from flexmeasures.bootstrap import local

if TYPE_CHECKING:
    from redis import Redis


def sql(statement: str, address: str | None = None) -> list[tuple[Any, ...]]:
    """Run a statement, in the local database unless an address is given, and commit."""
    address = address or local.database_uri()
    connection = psycopg2.connect(address.replace("+psycopg2", ""))
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def redis(address: str | None = None) -> Redis:
    """A client of the local server, unless an address is given."""
    from redis import Redis

    return Redis.from_url(address or local.redis_url(), decode_responses=True)


def pids() -> dict[str, int | None]:
    """Process ids of running servers by name."""
    return {server.name: server.pid for server in local.status()}


def python(code: str) -> subprocess.Popen[str]:
    """Run code in another process, with these helpers and `local` at hand."""
    prelude = "import os, signal\nfrom flexmeasures.bootstrap.local.tests.helpers import *\n"
    return subprocess.Popen(
        [sys.executable, "-c", f"{prelude}{code}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=dict(os.environ),
    )


def output(code: str) -> str:
    """What the code printed; an AssertionError with its traceback if it failed."""
    process = python(code)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0, printed
    return printed.strip()


def output_as(uid: int, code: str) -> str:
    """The same, run by root as another user, who need not be able to read Python's files.

    Everything that the code needs is therefore imported before, and the server programs are
    looked up for that user.
    """
    become = f"""
from flexmeasures.bootstrap.local import ownership, programs
redis("unix://nowhere").connection_pool.make_connection()
user = ownership.ServerUser({uid}, {uid})
postgres, valkey = programs.postgres(user), programs.valkey(user)
programs.postgres, programs.valkey = lambda user: postgres, lambda user: valkey
os.setgroups([]); os.setgid({uid}); os.setuid({uid})
"""
    return output(become + code)
