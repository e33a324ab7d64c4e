"""Tables as a whole: which there are, what is in them, and how rows come in and out."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import psycopg2
from sqlalchemy import Connection, bindparam, inspect, text
from sqlalchemy.exc import DBAPIError

from flexmeasures.data.config import db

REVISION_TABLE = "alembic_version"

# Texts must mean the same whatever the settings of the server, then and now.
SETTINGS = "SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres'"

# With the database, the disk, or what a file says.
PROBLEMS = (
    psycopg2.Error,
    DBAPIError,
    OSError,
    EOFError,
    zlib.error,
    ValueError,
    RecursionError,
)

# Of the schema in which ours are; those of extensions belong to these.
_TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
AND NOT EXISTS (
    SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid
    AND deptype = 'e'
)
ORDER BY relname
"""
_SEQUENCES = """
SELECT relname, attname, sequence FROM pg_class
JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped,
LATERAL pg_get_serial_sequence(quote_ident(relname), attname) AS sequence
WHERE relnamespace = current_schema()::regnamespace AND relname IN :names
AND sequence IS NOT NULL
"""


def address() -> str:
    """Where the database is: `host/name`, without credentials."""
    with db.engine.connect() as connection:
        info = cast("Any", connection.connection.dbapi_connection).info
        port = "" if info.host.startswith("/") or info.port == 5432 else f":{info.port}"
        return f"{info.host}{port}/{info.dbname}"


def tables_of(connection: Connection, with_revision: bool = True) -> list[str]:
    """Names of all tables, also those that are not ours; with that of the revision, if wanted."""
    names = connection.scalars(text(_TABLES))
    return [name for name in names if with_revision or name != REVISION_TABLE]


def revision_of(connection: Connection) -> str | None:
    """Which migration the tables are at."""
    if not inspect(connection).has_table(REVISION_TABLE):
        return None
    return connection.scalar(text(f"SELECT version_num FROM {REVISION_TABLE}"))


def row_counts() -> dict[str, int]:
    """How many rows are in which table, for tables that have any."""
    connection = db.session.connection()
    names = tables_of(connection, with_revision=False)
    if not names:
        return {}
    counts = ", ".join(f"(SELECT count(*) FROM {quote(name)})" for name in names)
    row = connection.execute(text(f"SELECT {counts}")).one()
    return {name: count for name, count in zip(names, row, strict=True) if count}


def move_sequences(connection: Connection, names: Iterable[str]) -> None:
    """Let new ids of these tables follow the highest one. Unlike setval, a rollback undoes this."""
    statement = text(_SEQUENCES).bindparams(bindparam("names", expanding=True))
    for table, column, sequence in connection.execute(statement, {"names": list(names)}).all():
        highest = connection.scalar(text(f"SELECT max({quote(column)}) FROM {quote(table)}"))
        connection.execute(text(f"ALTER SEQUENCE {sequence} RESTART WITH {(highest or 0) + 1:d}"))


def copy(connection: Connection, statement: str, file: Any, encoding: str = "UTF8") -> None:
    """Run COPY from or to a file (or what reads like one). `encoding` must be one that was checked.

    Raises what reading or writing the file raises, KeyboardInterrupt included.
    """
    honest = _HonestFile(file)
    with cast("Any", connection.connection).cursor() as cursor:
        try:
            cursor.copy_expert(f"{statement} WITH (ENCODING '{encoding}')", honest, size=1 << 16)
        except psycopg2.Error:
            if honest.error is not None:
                raise honest.error from None
            raise


class _HonestFile:
    """Remembers its errors: the driver makes texts of them."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.error: BaseException | None = None

    def read(self, size: int) -> Any:
        return self._do(self.file.read, size)

    def write(self, data: bytes) -> Any:
        return self._do(self.file.write, data)

    def _do(self, work: Callable[[Any], Any], argument: object) -> Any:
        try:
            return work(argument)
        except BaseException as error:
            self.error = error
            raise


@contextmanager
def explained(work: str, kind: type[Exception]) -> Iterator[None]:
    """Raise an error of this kind that says what kept us from some work, such as "load table x"."""
    try:
        yield
    except PROBLEMS as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        line = " ".join(str(cause).split())
        raise kind(f"Can't {work} because of the following error: {line}") from error


def listed(names: Iterable[str]) -> str:
    """Names as SQL takes them, with commas."""
    return ", ".join(map(quote, names))


def quote(name: str) -> str:
    """A name of a table or column as SQL takes it."""
    return db.engine.dialect.identifier_preparer.quote_identifier(name)
