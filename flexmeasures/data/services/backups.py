"""Backups in a folder: one file for each table, named `<table>.obj`.

A file is compressed by gzip. It holds a line of JSON that says what follows, and then the rows as
PostgreSQL's COPY writes them in text. Reading it runs no code, and the checksum of gzip tells
whether it is whole.

    {"table": "role", "columns": ["id", "name", "description"], "revision": "0004"}
    1	admin	\\N
"""

from __future__ import annotations

import errno
import gzip
import json
import secrets
import shutil
from pathlib import Path

from sqlalchemy import Connection, Table, text

from flexmeasures.data.config import db
from flexmeasures.data.services.tables import (
    SETTINGS,
    copy,
    explained,
    listed,
    move_sequences,
    quote,
    revision_of,
)

# What only matters at the moment: counts of attempts come to nothing, and ended log-ins stay ended.
_PASSING = {"attempts", "ended_log_in"}
_DATA = {"timed_belief"}

_LONGEST_HEADER = 1 << 16
_LONGEST_NAME = 255
_REPEATABLE = "REPEATABLE READ"  # so that all files tell of the same moment


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
    # Made aside and renamed: whatever happens, a folder of this name is a whole backup.
    new = folder.with_name(f".backup-{secrets.token_hex(8)}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists() or folder.is_symlink():
            raise FileExistsError
        new.mkdir(mode=0o700)
        try:
            _save_tables(wanted, new)
            new.rename(folder)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
    except OSError as error:
        exists = isinstance(error, FileExistsError) or error.errno == errno.ENOTEMPTY
        reason = "already exists" if exists else f"cannot be made: {error.strerror}"
        raise BackupError(f"Can't save backup, because directory {folder} {reason}.") from error
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
    connection.execute(text(SETTINGS))
    if wipe:
        names = listed(table.name for table in wanted)
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
    for table in wanted:
        with explained(f"load table {table.name}", UnrecognizedBackup):
            _load_table(connection, table, _file(folder, table), wipe)
    db.session.expire_all()


def _save_tables(wanted: list[Table], folder: Path) -> None:
    with db.engine.connect().execution_options(isolation_level=_REPEATABLE) as connection:
        connection.execute(text(SETTINGS))
        revision = revision_of(connection)
        for table in wanted:
            with explained(f"save table {table.name}", BackupError):
                _save_table(connection, table, folder, revision)


def _save_table(connection: Connection, table: Table, folder: Path, revision: str | None) -> None:
    columns = [column.name for column in table.columns if column.computed is None]
    header = {"table": table.name, "columns": columns, "revision": revision}
    with gzip.open(_file(folder, table), "wb", compresslevel=1) as file:
        file.write(json.dumps(header).encode() + b"\n")
        # By a query, which also reads tables that an extension keeps in chunks.
        rows = f"SELECT {listed(columns)} FROM {quote(table.name)}"
        copy(connection, f"COPY ({rows}) TO STDOUT", file)


def _load_table(connection: Connection, table: Table, path: Path, empty: bool) -> None:
    with gzip.open(path, "rb") as file:
        columns = _columns(file.readline(_LONGEST_HEADER), table)
        if empty:
            copy(connection, f"COPY {quote(table.name)} ({listed(columns)}) FROM STDIN", file)
        else:
            _merge(connection, table, columns, file)
    move_sequences(connection, [table.name])


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
    names, key = listed(columns), [column.name for column in table.primary_key]
    others = [column for column in columns if column not in key]
    changes = ", ".join(f"{name} = excluded.{name}" for name in map(quote, others))
    resolution = f"UPDATE SET {changes}" if changes else "NOTHING"
    connection.execute(
        text(
            f"CREATE TEMPORARY TABLE {new} ON COMMIT DROP AS"
            f" SELECT {names} FROM {quote(table.name)} WITH NO DATA"
        )
    )
    copy(connection, f"COPY {new} ({names}) FROM STDIN", file)
    connection.execute(
        text(
            f"INSERT INTO {quote(table.name)} ({names}) SELECT {names} FROM {new}"
            f" ON CONFLICT ({listed(key)}) DO {resolution}"
        )
    )
    connection.execute(text(f"DROP TABLE {new}"))


def _file(folder: Path, table: Table) -> Path:
    return folder / f"{table.name}.obj"
