"""What the two embedded servers have in common: start once, find again, stop.

A server works in its own folder inside the data folder and listens on a Unix socket there, named
by a relative path. So a long path, a moved folder or a folder above that the server's user may
not enter do not matter to it, no port can be taken by somebody else, and the kernel keeps other
users out: they can neither enter the folder nor connect to the socket (0700).
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO

from flexmeasures.bootstrap.local import folder as folders
from flexmeasures.bootstrap.local import processes
from flexmeasures.bootstrap.local.errors import LocalServerError
from flexmeasures.bootstrap.local.ownership import inherit_owner, server_user

PATIENCE = 60  # seconds: recovery after a crash can take a while
LARGEST_LOG = 5_000_000  # bytes


class Server(ABC):
    """One server of one data folder. All state is on disk and in the server itself."""

    name: str  # for people
    folder_name: str
    socket_name: str
    program_names: tuple[str, ...]
    stop_signal: signal.Signals

    def __init__(self, data: Path) -> None:
        self.data = data
        self.home = data / self.folder_name
        self.log = data / f"{self.folder_name}.log"

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server accepts connections now. Costs well under a millisecond."""

    @abstractmethod
    def address(self) -> str:
        """What clients connect to; contains no secret."""

    @abstractmethod
    def version(self) -> str:
        """Of the running server."""

    @abstractmethod
    def recorded(self) -> tuple[int, float] | None:
        """Process id and start time (epoch seconds) that the server last wrote down."""

    @abstractmethod
    def prepare(self) -> None:
        """Make the server's folder ready; called while nothing runs in it."""

    @abstractmethod
    def command(self) -> list[str]:
        """Program and arguments."""

    def ensure_running(self) -> None:
        """Return when the server answers; start it if need be. Safe for many at once."""
        if self.answers():
            return
        folders.prepare(self.data)
        try:
            with processes.turn(self.data / "lock"):
                if not self.answers():
                    self._start()
        except OSError as error:
            raise folders.unusable(self.data, error) from error

    def pid(self) -> int | None:
        """Process id of this folder's server, if it lives."""
        recorded = self.recorded()
        if recorded and processes.is_ours(recorded[0], self.program_names, self.home, recorded[1]):
            return recorded[0]
        return None

    def stop(self) -> bool:
        """Stop the server in good order; False if it was not running."""
        if not self.data.is_dir():
            return False
        try:
            with processes.turn(self.data / "lock"):
                pid = self.pid()
                if pid is not None:
                    self._end(pid)
                return pid is not None
        except OSError as error:
            raise folders.unusable(self.data, error) from error

    def connect(self) -> socket.socket:
        """A raw connection."""
        path = folders.reachable_by_socket(self.home, self.socket_name) / self.socket_name
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(2)
            connection.connect(os.fspath(path))
        except BaseException:
            connection.close()
            raise
        return connection

    def _start(self) -> None:
        pid = self.pid()
        if pid is not None and not self.home.joinpath(self.socket_name).is_socket():
            self._end(pid)  # nobody can reach it any more
            pid = None
        deadline = time.monotonic() + PATIENCE
        if pid is not None and self._wait(pid, deadline):
            return
        while True:
            self.prepare()
            with self._open_log() as log:
                size = log.tell()
                pid = processes.launch(self.command(), self.home, log, server_user(self.data))
            if self._wait(pid, deadline):
                return
            report = self.log.read_bytes()[size:].decode(errors="replace")
            if not self.may_retry(report) or time.monotonic() > deadline:
                raise self.failure(report)
            time.sleep(0.1)

    def may_retry(self, report: str) -> bool:
        """Whether a start that left this in the log may succeed in a moment."""
        return False

    def failure(self, report: str) -> LocalServerError:
        """What to say of a start that left this in the log."""
        if "No space left on device" in report:
            return LocalServerError(
                f"{self.name} did not start because no space is left on the disk of {self.data}. "
                f"Make room there, or set {folders.VARIABLE} to a folder on another disk."
            )
        lines = [line.strip() for line in report.splitlines() if line.strip()]
        marked = [
            line for line in lines if any(mark in line for mark in ("FATAL", "PANIC", "rror"))
        ]
        reason = (marked or lines or ["it wrote nothing to its log"])[-1]
        return LocalServerError(
            f"{self.name} did not start in {self.home}: {reason} See {self.log}. {folders.REMEDY}"
        )

    def _wait(self, pid: int, deadline: float) -> bool:
        """True when the server answers; False when the process that we started has ended."""
        while not self.answers():
            if not processes.is_alive(pid):
                return self.answers()
            if time.monotonic() > deadline:
                raise LocalServerError(
                    f"{self.name} (process {pid}) has been starting for {PATIENCE} seconds without "
                    f"accepting connections. See {self.log}, wait and try again, or end that "
                    "process."
                )
            time.sleep(processes.POLL)
        return True

    def _end(self, pid: int) -> None:
        try:
            os.kill(pid, self.stop_signal)
        except ProcessLookupError:
            return
        if not processes.wait_until_gone(pid, PATIENCE):
            raise LocalServerError(
                f"{self.name} (process {pid}) was asked to stop but still runs after {PATIENCE} "
                f"seconds. See {self.log}."
            )

    def _open_log(self) -> IO[str]:
        """The log, opened for appending; a large one is put aside."""
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > LARGEST_LOG:
                self.log.replace(self.log.with_suffix(".log.1"))
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        log = os.fdopen(os.open(self.log, flags, 0o600), "a")
        inherit_owner(self.log)
        return log
