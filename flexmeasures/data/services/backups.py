"""Backups in a folder: one file for each table, named `<table>.obj`.

A file is compressed by gzip. It holds a line of JSON that says what follows, and then the rows as
PostgreSQL's COPY writes them in text. Reading it runs no code, and the checksum of gzip tells
whether it is whole.

    {"table": "role", "columns": ["id", "name", "description"], "revision": "0004"}
    1	admin	\\N
"""

from __future__ import annotations

import gzip
import json
import shutil
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import psycopg2
from sqlalchemy import Connection, Table, func, inspect, select, text
from sqlalchemy.exc import DBAPIError

from flexmeasures.data.config import db

# What only matters at the moment: counts of attempts come to nothing, and ended log-ins stay ended.
_PASSING = {"attempts", "ended_log_in"}
_DATA = {"timed_belief"}

_LONGEST_HEADER = 1 << 16
_LONGEST_NAME = 255
_REPEATABLE = "REPEATABLE READ"  # so that all files tell of the same moment
# Texts must mean the same whatever the settings of the server, then and now.
_SETTINGS = "SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres'"

# With the database, the disk, or what a file says.
_PROBLEMS = (
    psycopg2.Error,
    DBAPIError,
    OSError,
    EOFError,
    zlib.error,
    ValueError,
    RecursionError,
)


class BackupError(Exception):
    """A backup cannot be written."""


class UnrecognizedBackup(Exception):
    """There is no such backup, or it cannot be used."""


def folder_of(path: str | Path, name: str) -> Path:
    """The folder of a backup within `path`. Raises UnrecognizedBackup for what is no name."""
    is_name = name.isprintable() and 0 < len(name.encode()) <= _LONGEST_NAME
    if not is_name or name in (".", "..") or "/" in name or "\\" in name:
        raise UnrecognizedBackup("The name of a backup is the name of a folder.")
    return Path(path) / name


def tables(structure: bool = True, data: bool = True) -> list[Table]:
    """Tables that backups have, those of plugins included; each after those that it refers to.

    structure : all but beliefs; data : beliefs
    """
    return [
        table
        for table in db.metadata.sorted_tables
        if table.name not in _PASSING and (data if table.name in _DATA else structure)
    ]


def save(folder: Path, *, structure: bool = True, data: bool = True) -> list[str]:
    """Write a backup into a new folder, which only its owner may read: it has password hashes.

    Returns the names of the tables. Raises BackupError; then no folder is left.
    """
    wanted = tables(structure, data)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
    except FileExistsError as error:
        raise BackupError(
            f"Can't save backup, because directory {folder} already exists."
        ) from error
    except OSError as error:
        raise BackupError(
            f"Can't save backup, because directory {folder} cannot be made: {error.strerror}."
        ) from error
    try:
        with db.engine.connect().execution_options(isolation_level=_REPEATABLE) as connection:
            connection.execute(text(_SETTINGS))
            revision = _revision(connection)
            for table in wanted:
                with _explained("save", table, BackupError):
                    _save_table(connection, table, folder, revision)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return [table.name for table in wanted]


def load(folder: Path, *, structure: bool = True, data: bool = True) -> list[str]:
    """Bring rows from a backup into the database: those with a known key are overwritten.

    Returns the names of the tables. Does not commit. Raises UnrecognizedBackup; then roll back.
    """
    wanted = tables(structure, data)
    _load(folder, wanted, wipe=False)
    return [table.name for table in wanted]


def restore(folder: Path) -> None:
    """Make the database what it was when the backup was made. Does not commit.

    Raises UnrecognizedBackup; then roll back.
    """
    _load(folder, tables(), wipe=True)


def _load(folder: Path, wanted: list[Table], wipe: bool) -> None:
    if not folder.is_dir():
        raise UnrecognizedBackup(f"Can't load backup, because directory {folder} does not exist.")
    for table in wanted:
        if not _file(folder, table).is_file():
            raise UnrecognizedBackup(
                f"Can't load table, because filename {table.name} does not exist."
            )
    db.session.flush()
    connection = db.session.connection()
    connection.execute(text(_SETTINGS))
    if wipe:
        names = ", ".join(map(_quoted, wanted))
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
    for table in wanted:
        with _explained("load", table, UnrecognizedBackup):
            _load_table(connection, table, _file(folder, table), wipe)
    db.session.expire_all()


def _save_table(connection: Connection, table: Table, folder: Path, revision: str | None) -> None:
    columns = [column.name for column in table.columns if column.computed is None]
    header = {"table": table.name, "columns": columns, "revision": revision}
    with gzip.open(_file(folder, table), "wb", compresslevel=1) as file:
        file.write(json.dumps(header).encode() + b"\n")
        _copy(connection, f"COPY {_quoted(table)} ({_listed(columns)}) TO STDOUT", file)


def _load_table(connection: Connection, table: Table, path: Path, empty: bool) -> None:
    with gzip.open(path, "rb") as file:
        columns = _columns(file.readline(_LONGEST_HEADER), table)
        if empty:
            _copy(connection, f"COPY {_quoted(table)} ({_listed(columns)}) FROM STDIN", file)
        else:
            _merge(connection, table, columns, file)
    _move_sequences(connection, table)


def _columns(header: bytes, table: Table) -> list[str]:
    """The columns that the rows have. Only names of columns that the table has go on into SQL."""
    content = json.loads(header)
    if not isinstance(content, dict) or content.get("table") != table.name:
        raise ValueError("it is not of this table")
    columns = content.get("columns")
    if not isinstance(columns, list) or not columns:
        raise ValueError("it does not name its columns")
    for column in columns:
        if not isinstance(column, str) or column not in table.columns:
            revision = content.get("revision")
            raise ValueError(f"the table has no column {column}, but had in revision {revision}")
    return columns


def _merge(connection: Connection, table: Table, columns: list[str], file: gzip.GzipFile) -> None:
    """Insert rows, or overwrite those with the same primary key, in one statement."""
    new = "rows_of_backup"
    listed, key = _listed(columns), [column.name for column in table.primary_key]
    others = [column for column in columns if column not in key]
    changes = ", ".join(f"{name} = excluded.{name}" for name in map(_quote, others))
    resolution = f"UPDATE SET {changes}" if changes else "NOTHING"
    connection.execute(
        text(
            f"CREATE TEMPORARY TABLE {new} ON COMMIT DROP AS"
            f" SELECT {listed} FROM {_quoted(table)} WITH NO DATA"
        )
    )
    _copy(connection, f"COPY {new} ({listed}) FROM STDIN", file)
    connection.execute(
        text(
            f"INSERT INTO {_quoted(table)} ({listed}) SELECT {listed} FROM {new}"
            f" ON CONFLICT ({_listed(key)}) DO {resolution}"
        )
    )
    connection.execute(text(f"DROP TABLE {new}"))


def _move_sequences(connection: Connection, table: Table) -> None:
    """Let new ids follow the highest one. Unlike setval, this is undone by a rollback."""
    for column in table.primary_key:
        if not issubclass(column.type.python_type, int):
            continue
        sequence = connection.scalar(
            text("SELECT pg_get_serial_sequence(:table, :column)"),
            {"table": _quoted(table), "column": column.name},
        )
        if sequence is None:
            continue
        highest = connection.scalar(select(func.max(column)))
        connection.execute(text(f"ALTER SEQUENCE {sequence} RESTART WITH {(highest or 0) + 1:d}"))


def _copy(connection: Connection, statement: str, file: gzip.GzipFile) -> None:
    with cast("Any", connection.connection).cursor() as cursor:
        cursor.copy_expert(f"{statement} WITH (ENCODING 'UTF8')", file, size=1 << 16)


@contextmanager
def _explained(work: str, table: Table, kind: type[Exception]) -> Iterator[None]:
    """Raise an error of this kind that says which table has what problem."""
    try:
        yield
    except _PROBLEMS as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        line = " ".join(str(cause).split())
        raise kind(
            f"Can't {work} table {table.name} because of the following error: {line}"
        ) from error


def _revision(connection: Connection) -> str | None:
    """Of the tables, for who wonders later why a backup cannot be loaded."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(text("SELECT version_num FROM alembic_version"))


def _file(folder: Path, table: Table) -> Path:
    return folder / f"{table.name}.obj"


def _listed(columns: Iterable[str]) -> str:
    return ", ".join(map(_quote, columns))


def _quoted(table: Table) -> str:
    return _quote(table.name)


def _quote(name: str) -> str:
    return db.engine.dialect.identifier_preparer.quote_identifier(name)
