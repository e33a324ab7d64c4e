"""Starting processes that outlive us, and locks that tell who lives.

A process id is no proof of life: ids get reused, soon so in containers, and a process that nobody
waits for keeps its id as a zombie. So a server holds a lock from its very beginning: it inherits
the open lock file, and the kernel releases the lock when the last process of the server is gone,
however it ended. This also works where we may not look at other users' processes, and keeps
machines that share a network drive from working on the same files.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
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
    user: ServerUser | None = None,
    inherit: tuple[int, ...] = (),
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in its own session, with a clean environment, as `user` if given.

    The environment is small on purpose: variables such as PGDATA or PGPORT change what
    PostgreSQL's programs do. So is what is inherited: these file descriptors. The working folder
    is `/`, as older programs of PostgreSQL must be able to leave it and come back.
    """
    if user is not None:
        options |= {"user": user.uid, "group": user.gid, "extra_groups": ()}
    kept = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    try:
        return subprocess.run(
            command,
            cwd="/",
            env=environment | {"TZ": "UTC", "LC_ALL": "C"},
            umask=0o077,
            pass_fds=inherit,
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


def launch(
    command: Sequence[str], log: IO[str], user: ServerUser | None, inherit: tuple[int, ...]
) -> None:
    """Start a server that outlives us.

    The shell ends at once, so that the server is no child of ours: a long-lived process that
    started it would otherwise have to wait for it, or keep it as a zombie when it ends.
    """
    shell = ["/bin/sh", "-c", '"$@" &', "sh", *command]
    output = {"stdout": log.fileno(), "stderr": log.fileno()}
    spawn(shell, user, inherit, stdin=subprocess.DEVNULL, **output)


@contextlib.contextmanager
def entrance(folder: Path, user: ServerUser | None) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A path by which processes of `user` reach a folder, and the descriptors they must inherit.

    The folders above it may be closed to `user`, such as root's home. Then the way in is the
    folder itself, opened by us.
    """
    if user is None:
        yield str(folder), ()
        return
    if not PROC.joinpath("self", "fd").exists():
        raise LocalServerError(
            "On this system, local mode does not work for root. Run FlexMeasures as another "
            "user, or configure a database (SQLALCHEMY_DATABASE_URI)."
        )
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield str(PROC / "self" / "fd" / str(opened)), (opened,)
    finally:
        os.close(opened)


def claim(lock: Path) -> int | None:
    """Take a lock and return its file descriptor; None if somebody has it."""
    file = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        inherit_owner(lock)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    except BaseException:
        os.close(file)
        raise
    return file


def is_claimed(lock: Path) -> bool:
    """Whether somebody holds a lock."""
    try:
        file = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


@contextlib.contextmanager
def turn(lock: Path, seconds: float = 90) -> Iterator[None]:
    """Hold a lock file; the lock of a killed process is released by the kernel."""
    deadline = time.monotonic() + seconds
    while (file := claim(lock)) is None:
        if time.monotonic() > deadline:
            raise LocalServerError(
                f"Another process has been holding {lock} for {seconds:.0f} seconds. "
                "Find out which (lsof or fuser) and end it, then try again."
            )
        time.sleep(POLL)
    try:
        yield
    finally:
        # Not just closed: a process that some thread forked meanwhile would keep the lock.
        fcntl.flock(file, fcntl.LOCK_UN)
        os.close(file)


def is_alive(pid: int) -> bool:
    """Whether a process has this id and is more than a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        state = (PROC / str(pid) / "stat").read_text().rpartition(") ")[2]
    except (FileNotFoundError, ProcessLookupError):
        return not PROC.joinpath("self").exists()
    return not state.startswith(("Z", "X"))


def signal_to(pid: int, programs: Sequence[str], number: signal.Signals) -> None:
    """Send a signal to a process, if it runs one of these programs (where that can be told)."""
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        name = PROC / str(pid) / "comm"
        if not PROC.joinpath("self").exists() or name.read_text().strip() in programs:
            os.kill(pid, number)


def working_in(home: Path) -> list[int]:
    """Ids of processes whose working folder is `home`, as far as we may know."""
    found = []
    for process in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if process.joinpath("cwd").samefile(home):
                found.append(int(process.name))
    return found
