"""Local mode: PostgreSQL and a Redis-compatible server of our own, when none is configured.

Both come with pip-installed packages and are started on demand. All processes of a user share
them; they outlive the process that started them, and are found again by what is in the data
folder. Nothing here runs when a database is configured.

Start with `database_uri` and `redis_url`; how it works is told in `server` (what both have in
common), `postgres`, `valkey`, `folder`, `ownership` (root), `programs` and `processes`.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from flexmeasures.bootstrap.local.errors import LocalServerError
from flexmeasures.bootstrap.local.folder import data_folder, secret_key
from flexmeasures.bootstrap.local.postgres import Postgres
from flexmeasures.bootstrap.local.server import Server
from flexmeasures.bootstrap.local.throwaway import (
    database_uri_of_tests,
    redis_url_of_tests,
    throwaway_database_server,
    throwaway_redis_server,
)
from flexmeasures.bootstrap.local.valkey import Valkey

if TYPE_CHECKING:
    from redis import Redis

__all__ = [
    "LocalServerError",
    "Status",
    "announce",
    "data_folder",
    "database_uri",
    "database_uri_of_tests",
    "redis_client",
    "redis_url",
    "redis_url_of_tests",
    "secret_key",
    "status",
    "stop",
    "throwaway_database_server",
    "throwaway_redis_server",
]


def database_uri() -> str:
    """SQLAlchemy URI of the local database; starts the server if need be.

    Quick when the server runs already, so it may be asked for each new connection.
    Raises LocalServerError.
    """
    return _running(Postgres(data_folder()))


def redis_url() -> str:
    """URL of the local Redis-compatible server, for redis-py; starts it if need be.

    Raises LocalServerError.
    """
    return _running(Valkey(data_folder()))


def redis_client() -> Redis:
    """Client of the local Redis-compatible server, which it starts whenever it must connect.

    For processes that live long: the server may have been stopped since they began.
    """
    return Valkey(data_folder()).client()


@cache
def announce() -> None:
    """Say on stderr which database is used; once in a process."""
    print(
        f"Local mode: using the database in {data_folder()} "
        "(no SQLALCHEMY_DATABASE_URI is configured).",
        file=sys.stderr,
    )


@dataclass(frozen=True)
class Status:
    """What is known of one server. `pid` and `version` are None while it does not run."""

    name: str
    pid: int | None
    version: str | None
    size: int  # bytes on disk
    address: str


def status() -> list[Status]:
    """Of PostgreSQL and the Redis-compatible server. Starts and changes nothing."""
    found = []
    for server in _servers():
        pid = server.pid() if server.answers() else None
        version = server.version() if pid else None
        found.append(Status(server.name, pid, version, _size(server.home), server.address()))
    return found


def stop() -> list[str]:
    """Stop both servers in good order; nothing is lost. Returns the names of those that ran.

    Raises LocalServerError if one does not stop.
    """
    return [server.name for server in _servers() if server.stop()]


def _servers() -> list[Server]:
    return [Postgres(data_folder()), Valkey(data_folder())]


def _running(server: Server) -> str:
    server.ensure_running()
    return server.address()


def _size(folder: Path) -> int:
    total = 0
    for inside, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(FileNotFoundError):  # servers delete files any time
                total += Path(inside, name).lstat().st_size
    return total
