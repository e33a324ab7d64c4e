"""Rows of beliefs over the wire, in PostgreSQL's binary COPY format.

Every column has a fixed width and none is ever null, so that a million rows are one structured
array, without a Python object per row. The file format is documented with PostgreSQL's COPY.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
from sqlalchemy import Connection, Dialect, Select
from sqlalchemy.exc import DBAPIError

from flexmeasures.data.beliefs.rows import Rows

_HEADER = b"PGCOPY\n\xff\r\n\0" + 8 * b"\0"  # signature, no flags, no extension
_TRAILER = b"\xff\xff"
_EPOCH = 946_684_800_000_000  # PostgreSQL's is 2000-01-01, in microseconds after ours
_DAY = 86_400_000_000

# Each field is preceded by its length. An interval is three numbers that are not normalised.
_ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("sensor_id_length", ">i4"),
        ("sensor_id", ">i4"),
        ("event_start_length", ">i4"),
        ("event_start", ">i8"),
        ("source_id_length", ">i4"),
        ("source_id", ">i4"),
        ("belief_horizon_length", ">i4"),
        ("microseconds", ">i8"),
        ("days", ">i4"),
        ("months", ">i4"),
        ("cumulative_probability_length", ">i4"),
        ("cumulative_probability", ">f8"),
        ("event_value_length", ">i4"),
        ("event_value", ">f8"),
    ]
)
COLUMNS = (
    "sensor_id",
    "event_start",
    "source_id",
    "belief_horizon",
    "cumulative_probability",
    "event_value",
)
_LENGTHS = (4, 8, 4, 16, 8, 8)

# Rows written at a time: enough to be fast, few enough to keep a bulk import's memory in bounds.
CHUNK = 250_000


def read(
    connection: Connection, statement: Select[Any], parameters: dict[str, Any] | None = None
) -> Rows:
    """What a SELECT of the table's columns, in the order of COLUMNS, gives.

    parameters : of a statement that is used again and again, which is compiled once
    """
    compile_ = _compile if parameters is None else _compile_once
    with _cursor(connection) as cursor:
        query, known = compile_(statement, connection.dialect)
        # COPY takes no parameters, so the driver writes them into the text.
        text = cursor.mogrify(query, {**known, **(parameters or {})}).decode()
        buffer = io.BytesIO()
        cursor.copy_expert(f"COPY ({text}) TO STDOUT (FORMAT BINARY)", buffer)
    data = buffer.getbuffer()
    count, rest = divmod(len(data) - len(_HEADER) - len(_TRAILER), _ROW.itemsize)
    if rest:
        raise AssertionError("The statement does not select the columns of timed_belief.")
    wire = np.frombuffer(data, _ROW, count, offset=len(_HEADER))
    horizon = wire["microseconds"].astype(np.int64)
    for unit, length in (("days", _DAY), ("months", 30 * _DAY)):  # as PostgreSQL compares intervals
        if wire[unit].any():
            horizon += wire[unit].astype(np.int64) * length
    return Rows(
        wire["sensor_id"].astype(np.int64),
        wire["event_start"].astype(np.int64) + _EPOCH,
        wire["source_id"].astype(np.int64),
        horizon,
        wire["cumulative_probability"].astype(np.float64),
        wire["event_value"].astype(np.float64),
    )


def _compile(statement: Select[Any], dialect: Dialect) -> tuple[str, dict[str, Any]]:
    query = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    return str(query), query.params


_compile_once = lru_cache(maxsize=32)(_compile)


def write(connection: Connection, rows: Rows) -> None:
    """Insert these rows. Raises sqlalchemy.exc.IntegrityError if one of their keys exists."""
    statement = f"COPY timed_belief ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)"
    with _cursor(connection) as cursor:
        for start in range(0, len(rows), CHUNK):
            chunk = rows.take(slice(start, start + CHUNK))
            wire = np.zeros(len(chunk), _ROW)
            wire["fields"] = len(COLUMNS)
            for column, length in zip(COLUMNS, _LENGTHS, strict=True):
                wire[f"{column}_length"] = length
            wire["sensor_id"] = chunk.sensor_id
            wire["event_start"] = chunk.event_start - _EPOCH
            wire["source_id"] = chunk.source_id
            wire["microseconds"] = chunk.belief_horizon
            wire["cumulative_probability"] = chunk.cumulative_probability
            wire["event_value"] = chunk.event_value
            payload = io.BytesIO(b"".join((_HEADER, wire.data, _TRAILER)))
            cursor.copy_expert(statement, payload, size=1 << 16)


@contextmanager
def _cursor(connection: Connection) -> Iterator[Any]:
    """A cursor of psycopg2, in this connection's transaction, whose errors SQLAlchemy wraps."""
    dialect = connection.dialect
    if dialect.driver != "psycopg2":
        raise RuntimeError(
            f"Beliefs need a database address that starts with postgresql:// or"
            f" postgresql+psycopg2://, not with postgresql+{dialect.driver}://."
        )
    dbapi: Any = dialect.loaded_dbapi
    with closing(connection.connection.cursor()) as cursor:
        try:
            yield cursor
        except dbapi.Error as error:
            lost = dialect.is_disconnect(error, connection.connection, cursor)
            wrapped = DBAPIError.instance(
                "COPY timed_belief", None, error, dbapi.Error, connection_invalidated=lost
            )
            if lost:
                connection.invalidate(error)
            raise wrapped from error
