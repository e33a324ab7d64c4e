"""Local mode: PostgreSQL and a Redis-compatible server of our own, when none is configured.

Both come with pip-installed packages and are started on demand. All processes of a user share
them; they outlive the process that started them, and are found again by what is in the data
folder. Nothing here runs when a database is configured.

Start with `database_uri` and `redis_url`; how it works is told in `server` (what both have in
common), `postgres`, `valkey`, `folder`, `ownership` (root), `programs` and `processes`.
"""

from __future__ import annotations

from flexmeasures.bootstrap.local.errors import LocalServerError
from flexmeasures.bootstrap.local.folder import data_folder, secret_key
from flexmeasures.bootstrap.local.postgres import Postgres
from flexmeasures.bootstrap.local.throwaway import (
    throwaway_database_server,
    throwaway_redis_server,
)
from flexmeasures.bootstrap.local.valkey import Valkey

__all__ = [
    "LocalServerError",
    "data_folder",
    "database_uri",
    "redis_url",
    "secret_key",
    "throwaway_database_server",
    "throwaway_redis_server",
]


def database_uri() -> str:
    """SQLAlchemy URI of the local database; starts the server if need be."""
    server = Postgres(data_folder())
    server.ensure_running()
    return server.uri()


def redis_url() -> str:
    """URL of the local Redis-compatible server, for redis-py; starts it if need be."""
    server = Valkey(data_folder())
    server.ensure_running()
    return server.url()
