"""What the two embedded servers have in common: start once, find again, stop.

A server works in its own folder inside the data folder and listens on a Unix socket there, named
by a relative path. So a long path, a moved folder or a folder above that the server's user may
not enter do not matter to it, no port can be taken by somebody else, and the kernel keeps other
users out: they can neither enter the folder nor connect to the socket (0700).
"""

from __future__ import annotations

import contextlib
import os
import re
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
# What a line of a log begins with: PostgreSQL's and Valkey's process id, time and level.
_STAMP = re.compile(r"^\S+ \S+ \w+ \[\d+\] |^\d+:\w \d+ \w+ \d+ [\d:.]+ \S ")
_DISK_FULL = re.compile(r"No space left on device|[Cc]heck free disk space|Disk quota exceeded")
# Where the reason of a failure begins in a log.
_TELLING = re.compile(r"FATAL|PANIC|[Ee]rror|ERROR|unrecognized|invalid|could not|[Ff]ailed")


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
        self.lock = data / f"{self.folder_name}.lock"  # held by the server as long as it lives
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
    def pid(self) -> int | None:
        """Process id that the server last wrote down."""

    @abstractmethod
    def prepare(self, claim: int) -> None:
        """Make the server's folder ready; called while nothing runs in it.

        claim : file descriptor of the lock, for programs that must have ended before others start
        """

    @abstractmethod
    def command(self, home: str) -> list[str]:
        """Program and arguments; `home` is the server's path of its folder."""

    def can_go_on(self) -> bool:
        """Whether a running server has all it needs."""
        return True

    def ensure_running(self) -> None:
        """Return when the server answers; start it if need be. Safe for many at once."""
        if self._serves():
            return
        folders.prepare(self.data)
        try:
            with processes.turn(self.data / "lock"):
                if not self._serves():
                    self._start()
        except OSError as error:
            raise folders.unusable(self.data, error) from error

    def stop(self) -> bool:
        """Stop the server in good order; False if it was not running."""
        try:
            if not self.data.is_dir():
                return False
            folders.prepare(self.data)
            with processes.turn(self.data / "lock"):
                if not self._lives():
                    return False
                self._end(time.monotonic() + PATIENCE)
                return True
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
        deadline = time.monotonic() + PATIENCE
        while True:
            claim = processes.claim(self.lock)
            if claim is None:
                if self._wait_for_earlier_start(deadline):
                    return
                continue  # it ended meanwhile
            try:
                self.prepare(claim)
                user = server_user(self.data)
                with self._open_log() as log, processes.entrance(self.home, user) as (home, way):
                    size = log.tell()
                    processes.launch(self.command(home), log, user, (claim, *way))
            finally:
                os.close(claim)
            if self._wait(deadline):
                return
            raise self.failure(self.log.read_bytes()[size:].decode(errors="replace"))

    def _serves(self) -> bool:
        return self.answers() and self.can_go_on()

    def _lives(self) -> bool:
        """Whether any process of the server is there, answering or not."""
        return processes.is_claimed(self.lock)

    def _wait(self, deadline: float) -> bool:
        """True when the server answers; False when its last process has ended."""
        while not self._serves():
            if not self._lives():
                return False
            self._check_patience(deadline)
            time.sleep(processes.POLL)
        return True

    def _wait_for_earlier_start(self, deadline: float) -> bool:
        """The same for a server that was there before; ends it if it has become useless."""
        while not self._serves():
            if not self._lives():
                return False
            pid = self.pid()
            socket_is_there = (self.home / self.socket_name).is_socket()
            if pid is not None and not (
                processes.is_alive(pid) and socket_is_there and self.can_go_on()
            ):
                self._end(deadline)
                return False
            self._check_patience(deadline)
            time.sleep(processes.POLL)
        return True

    def _end(self, deadline: float) -> None:
        pid = self.pid()
        if pid is not None and processes.is_alive(pid):
            processes.signal_to(pid, self.program_names, self.stop_signal)
        else:
            # Its main process was killed; what that had started may be busy for long.
            for other in processes.working_in(self.home):
                processes.signal_to(other, self.program_names, signal.SIGQUIT)
        while self._lives():
            self._check_patience(deadline)
            time.sleep(processes.POLL)

    def _check_patience(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            process = f" (process {self.pid()})" if self.pid() else ""
            raise LocalServerError(
                f"{self.name}{process} neither accepted connections nor ended within "
                f"{PATIENCE} seconds. See {self.log}. Wait and try again, or end that process."
            )

    def failure(self, report: str) -> LocalServerError:
        """What to say of a start that left this in the log."""
        if _DISK_FULL.search(report):
            return LocalServerError(
                f"{self.name} did not start because no space is left on the disk of {self.data}. "
                f"Make room there, or set {folders.VARIABLE} to a folder on another disk."
            )
        lines = [_STAMP.sub("", line).strip() for line in report.splitlines() if line.strip()]
        telling = (number for number, line in enumerate(lines) if _TELLING.search(line))
        first = next(telling, max(0, len(lines) - 3))
        reason = "; ".join(lines[first : first + 4])
        return LocalServerError(
            f"{self.name} did not start in {self.home}: {reason or 'it gave no reason'}. Put that "
            f"right (more is in {self.log}), or begin anew: set {folders.VARIABLE} to another "
            "folder."
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
