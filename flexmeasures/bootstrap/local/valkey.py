"""The embedded Redis-compatible server of a data folder, append-only.

Reached by a Unix socket, like PostgreSQL: no port, no password, nobody else can connect.
redis-py, and so RQ, take a `unix://` URL.
"""

from __future__ import annotations

import os
import re
import signal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flexmeasures.bootstrap.local import folder as folders
from flexmeasures.bootstrap.local import programs
from flexmeasures.bootstrap.local.ownership import hand_over, server_user
from flexmeasures.bootstrap.local.server import Server

if TYPE_CHECKING:
    from redis import Redis


class Valkey(Server):
    name = "Valkey"
    folder_name = "valkey"
    socket_name = "valkey.sock"
    program_names = ("valkey-server", "redis-server")
    stop_signal = signal.SIGTERM

    def __init__(self, data: Path, scratch: bool = False) -> None:
        super().__init__(data)
        self.scratch = scratch

    def address(self) -> str:
        """URL for redis-py; contains no secret."""
        folder = folders.reachable_by_socket(self.home, self.socket_name)
        return f"unix://{quote(os.fspath(folder / self.socket_name))}?db=0"

    def client(self) -> Redis:
        """A client that starts the server again if need be, whenever it connects."""
        from redis import ConnectionPool, Redis, UnixDomainSocketConnection

        class Connection(UnixDomainSocketConnection):
            def _connect(connection) -> Any:  # noqa: N805
                self.ensure_running()
                return super()._connect()

        folder = folders.reachable_by_socket(self.home, self.socket_name)
        path = os.fspath(folder / self.socket_name)
        return Redis(connection_pool=ConnectionPool(connection_class=Connection, path=path))

    def answers(self) -> bool:
        try:
            return self._ask(b"PING\r\n") == b"+PONG\r\n"
        except OSError:
            return False

    def version(self) -> str:
        info = self._ask(b"INFO server\r\n").decode(errors="replace")
        found = re.search(r"^(?:valkey|redis)_version:(\S+)", info, re.MULTILINE)
        return found[1] if found else "unknown"

    def pid(self) -> int | None:
        try:
            return int((self.home / "valkey.pid").read_text())
        except (OSError, ValueError):
            return None

    def prepare(self, claim: int) -> None:
        self.home.mkdir(mode=0o700, exist_ok=True)
        (self.home / "valkey.pid").unlink(missing_ok=True)
        hand_over(self.home, server_user(self.data))

    def command(self, home: str) -> list[str]:
        return [
            str(self._program),
            *("--port", "0"),
            *("--unixsocket", self.socket_name),
            *("--unixsocketperm", "700"),
            *("--dir", home),
            *("--pidfile", "valkey.pid"),
            *("--daemonize", "no"),
            *("--save", ""),
            *("--appendonly", "no" if self.scratch else "yes"),
            *("--appendfsync", "everysec"),
        ]

    @cached_property
    def _program(self) -> Path:
        return programs.valkey(server_user(self.data))

    def _ask(self, command: bytes) -> bytes:
        with self.connect() as connection:
            connection.sendall(command)
            return connection.recv(65536)
