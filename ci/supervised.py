"""Processes that are started again when they end, as on servers, and ways to make them end."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from flexmeasures.bootstrap.local.postgres import Postgres
from flexmeasures.bootstrap.local.processes import PROC, is_alive
from flexmeasures.bootstrap.local.valkey import Valkey

_PARENT_DIES = 1  # PR_SET_PDEATHSIG
_PAUSE = 0.3  # seconds before a process is started again
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Service:
    """A command that should always run; `log` gets what it says."""

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    said_before: int = 0  # bytes of the log at its last start

    def says(self, words: str) -> bool:
        """Since its last start."""
        return self.log.exists() and words.encode() in self.log.read_bytes()[self.said_before :]


@dataclass
class Memory:
    """Resident memory of a process, as (age in seconds, MB)."""

    kind: str
    samples: list[tuple[float, float]] = field(default_factory=list)

    def growth(self, warm_up: float) -> tuple[float, float] | None:
        """MB after warming up, and at the end; None if it did not live long enough to tell."""
        warm = [size for age, size in self.samples if age >= warm_up]
        if len(warm) < 10:
            return None
        return median(warm[:5]), median(warm[-5:])


class Supervisor:
    """Keeps services running until they are stopped; no process of theirs outlives it."""

    def __init__(self, services: Sequence[Service], variables: Mapping[str, str], folder: Path):
        self.services = services
        self.memory: dict[int, Memory] = {}
        self.exit_codes: dict[str, int | None] = {}
        self._variables, self._folder = dict(variables), folder
        self._stopping = threading.Event()
        self._born: dict[int, float] = {}
        # The death of the thread that starts processes ends them, so it is one that stays.
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        next_look = 0.0
        while not self._stopping.wait(0.05):
            for service in self.services:
                process = service.process
                if process is not None and process.poll() is None:
                    continue
                if process is not None:
                    _end_group(process.pid)
                    time.sleep(_PAUSE)
                self._start(service)
            if time.monotonic() >= next_look:
                self._look()
                next_look = time.monotonic() + 1
        for service in self.services:
            self._stop(service)

    def _start(self, service: Service) -> None:
        libc = ctypes.CDLL(None)
        with service.log.open("ab") as log:
            service.said_before = log.tell()
            service.process = subprocess.Popen(
                service.command,
                cwd=self._folder,
                env=self._variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: libc.prctl(_PARENT_DIES, signal.SIGKILL),
            )

    def _stop(self, service: Service) -> None:
        if service.process is None:
            return
        service.process.terminate()
        try:
            self.exit_codes[service.name] = service.process.wait(60)
        except subprocess.TimeoutExpired:
            self.exit_codes[service.name] = None
            service.process.kill()

    def stop(self) -> None:
        """All services, in good order."""
        self._stopping.set()
        self._thread.join()

    def processes(self, kind: str) -> list[int]:
        """Those of the server or of workers, by what they do."""
        running = [
            (service, service.process.pid)
            for service in self.services
            if service.process is not None and service.process.poll() is None
        ]
        found = {
            "server master": [pid for service, pid in running if service.name == "server"],
            "job worker": [pid for service, pid in running if service.name != "server"],
        }
        if kind == "server worker":
            return [child for pid in found["server master"] for child in children(pid)]
        if kind == "work-horse":
            return [horse for pid in found["job worker"] for horse in horses(pid)]
        return found[kind]

    def _look(self) -> None:
        for kind in ("server master", "server worker", "job worker"):
            for pid in self.processes(kind):
                size = resident(pid)
                if size is None:
                    continue
                born = self._born.setdefault(pid, time.monotonic())
                samples = self.memory.setdefault(pid, Memory(kind)).samples
                samples.append((time.monotonic() - born, size))


class Killer:
    """Ends processes of all kinds without warning, one after the other."""

    KINDS = (
        *("server master", "server worker", "job worker", "work-horse", "job worker and horse"),
        *("database", "database session", "queue"),
    )
    # What must not happen in the last part of a run, in which memory is watched.
    RESTARTING = ("server master", "server worker", "job worker", "job worker and horse")

    def __init__(self, supervisor: Supervisor, data: Path, seed: int):
        self.done: list[tuple[str, float]] = []  # kind, and when
        self.missed = 0
        self._supervisor = supervisor
        self._postgres, self._valkey = Postgres(data), Valkey(data)
        self._random = random.Random(seed)

    def kill(self, kind: str) -> None:
        time.sleep(self._random.uniform(0, 0.5))
        victims = self._await(lambda: self._victims(kind))
        if not victims:
            self.missed += 1
            return
        self.done.append((kind, time.time()))
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _victims(self, kind: str) -> list[int]:
        if kind == "queue":
            return _known(self._valkey.pid())
        if kind == "database":
            return _known(self._postgres.pid())
        if kind == "database session":
            sessions = [
                pid
                for main in _known(self._postgres.pid())
                for pid in children(main)
                if b"[local]" in _command(pid)
            ]
            return self._one_of(sessions)
        if kind == "job worker and horse":
            worker = [pid for pid in self._supervisor.processes("job worker") if horses(pid)]
            return [pid for main in self._one_of(worker) for pid in (main, *horses(main))]
        return self._one_of(self._supervisor.processes(kind))

    def _one_of(self, pids: list[int]) -> list[int]:
        return [self._random.choice(sorted(pids))] if pids else []

    @staticmethod
    def _await(victims: Callable[[], list[int]]) -> list[int]:
        latest = time.monotonic() + 30
        while not (found := victims()) and time.monotonic() < latest:
            time.sleep(0.01)
        return found


def plan_of_kills(kinds: Sequence[str], number: int, chance: random.Random) -> list[str]:
    """Each kind as often as the others, in any order."""
    plan = [kinds[turn % len(kinds)] for turn in range(number)]
    chance.shuffle(plan)
    return plan


def children(pid: int) -> list[int]:
    try:
        return [int(one) for one in (PROC / f"{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def horses(worker: int) -> list[int]:
    """Processes that run jobs: copies of the worker, unlike a solver that it rehearses with."""
    return [pid for pid in children(worker) if _command(pid) == _command(worker)]


def _end_group(leader: int) -> None:
    """What a service that died has left, as service managers do."""
    latest = time.monotonic() + 10
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGTERM)
        while time.monotonic() < latest:
            os.killpg(leader, 0)
            time.sleep(0.05)
        os.killpg(leader, signal.SIGKILL)


def resident(pid: int) -> float | None:
    """MB of memory; None if the process is gone."""
    try:
        return int((PROC / f"{pid}/statm").read_text().split()[1]) * _PAGE / 1e6
    except (OSError, IndexError):
        return None


def left_over(folder: Path) -> Iterator[str]:
    """Commands of processes that work in this folder, or were told of it."""
    for process in PROC.glob("[0-9]*"):
        pid = int(process.name)
        if pid == os.getpid() or not is_alive(pid):
            continue
        with contextlib.suppress(OSError):
            told = os.fsencode(folder) in (process / "environ").read_bytes()
            if told or (process / "cwd").resolve().is_relative_to(folder):
                yield f"{pid}: {_command(pid).decode(errors='replace')[:100]}"


def _command(pid: int) -> bytes:
    try:
        return (PROC / f"{pid}/cmdline").read_bytes().replace(b"\0", b" ")
    except OSError:
        return b""


def _known(pid: int | None) -> list[int]:
    return [] if pid is None or not is_alive(pid) else [pid]
