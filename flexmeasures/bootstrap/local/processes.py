"""Starting processes that outlive us, finding out whether they live, taking turns.

Knows nothing of databases. Process ids get reused, and processes that nobody waits for stay as
zombies in containers without an init: both count as "not our server" here.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from flexmeasures.bootstrap.local.errors import LocalServerError
from flexmeasures.bootstrap.local.ownership import ServerUser, inherit_owner

PROC = Path("/proc")  # Linux only; elsewhere we know less and are more careful
POLL = 0.005  # seconds between two looks at something we wait for


def spawn(
    command: Sequence[str],
    cwd: Path,
    user: ServerUser | None = None,
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in its own session, with a clean environment, as `user` if given.

    The environment is small on purpose: variables such as PGDATA or PGPORT change what
    PostgreSQL's programs do.
    """
    if user is not None:
        options |= {"user": user.uid, "group": user.gid, "extra_groups": ()}
    kept = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    try:
        return subprocess.run(
            command,
            cwd=cwd,
            env=environment | {"TZ": "UTC", "LC_ALL": "C"},
            umask=0o077,
            start_new_session=True,
            text=True,
            errors="replace",
            check=False,
            **options,
        )
    except OSError as error:
        who = "" if user is None else f" as user {user.uid}"
        raise LocalServerError(
            f"Cannot run {command[0]}{who}: {error.strerror}. Run FlexMeasures as a user who may "
            "do that, or configure a database (SQLALCHEMY_DATABASE_URI)."
        ) from error


def launch(command: Sequence[str], cwd: Path, log: IO[str], user: ServerUser | None = None) -> int:
    """Start a server that outlives us and return its process id.

    The shell ends at once, so that the server is no child of ours: a long-lived process that
    started it would otherwise have to wait for it, or keep it as a zombie when it ends.
    Only the log is inherited.
    """
    shell = ["/bin/sh", "-c", '{ exec "$@" >&2; } & echo $!', "sh", *command]
    done = spawn(
        shell, cwd, user, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log.fileno()
    )
    return int(done.stdout)


def is_alive(pid: int) -> bool:
    """Whether a process has this id and is more than a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return not _status(pid).startswith(("Z", "X"))


def is_ours(pid: int, programs: Sequence[str], home: Path, started: float) -> bool:
    """Whether this living process is a server that works in folder `home`.

    Its working folder decides. Root in a container may be refused to see that; then the name of
    its program and the time it began (`started`: what the server wrote down, epoch seconds) do.
    """
    if not is_alive(pid):
        return False
    process = PROC / str(pid)
    try:
        if process.joinpath("comm").read_text().strip() not in programs:
            return False
        return process.joinpath("cwd").samefile(home)
    except FileNotFoundError:
        return not PROC.joinpath("self").exists() and is_alive(pid)
    except PermissionError:
        return abs(_start_time(pid) - started) < 60


def working_in(home: Path) -> list[int]:
    """Process ids whose working folder is `home`, as far as we may know."""
    found = []
    for process in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if process.joinpath("cwd").samefile(home):
                found.append(int(process.name))
    return found


def wait_until_gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True


@contextlib.contextmanager
def turn(lock: Path, seconds: float = 90) -> Iterator[None]:
    """Hold a lock file; the lock of a killed process is released by the kernel."""
    file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        inherit_owner(lock)
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LocalServerError(
                        f"Another process has been holding {lock} for {seconds:.0f} seconds. "
                        "Find out which (lsof or fuser) and end it, then try again."
                    ) from None
                time.sleep(POLL)
        yield
    finally:
        # Not just closed: a process that some thread forked meanwhile would keep the lock.
        fcntl.flock(file, fcntl.LOCK_UN)
        os.close(file)


def _status(pid: int) -> str:
    """State letter and what follows it in /proc/<pid>/stat; empty where there is no /proc."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(") ")[2]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _start_time(pid: int) -> float:
    """Epoch seconds."""
    ticks = int(_status(pid).split()[19])
    boot = next(
        line for line in (PROC / "stat").read_text().splitlines() if line.startswith("btime ")
    )
    return int(boot.split()[1]) + ticks / os.sysconf("SC_CLK_TCK")
