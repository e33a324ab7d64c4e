"""The rows of a file, CSV or Excel: which cells are in use, as they stand in the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from io import SEEK_END
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import pandas as pd

Progress = Callable[[float], None]

_EXTENSIONS = ("csv", "xlsx", "xls", "xlsm")


@dataclass(frozen=True)
class OpenFile:
    """What somebody sent, under a name of theirs. Whoever opened it closes it."""

    name: str
    stream: BinaryIO


File: TypeAlias = "str | Path | OpenFile"


class FileImportError(ValueError):
    """The file can't be read as beliefs; the text says why, and what to do about it.

    problem : the text, without what is about options of the command line
    """

    def __init__(self, problem: str, options: str = "") -> None:
        super().__init__(f"{problem}{options}")
        self.problem = f"{problem.rstrip('.')}."


@dataclass(frozen=True)
class FileFormat:
    """How to find rows and columns in a file. Columns are numbered from 0."""

    datecol: int = 0
    valuecol: int = 1
    beliefcol: int | None = None
    skiprows: int = 1
    nrows: int | None = None
    filters: tuple[tuple[int, str], ...] = ()  # (column, value that its cells must have)
    na_values: tuple[str, ...] = ()
    keep_default_na: bool = False
    delimiter: str = ","
    decimal: str = "."
    thousands: str | None = None
    sheet_number: int | None = None
    timezone: str | None = None  # of datetimes without UTC offset
    as_text: bool = False  # cells of a CSV file as they stand, blank ones too
    reader_options: dict[str, Any] = field(default_factory=dict)  # passed through to pandas

    @property
    def columns(self) -> dict[str, int]:
        """Which column has what, in the order in which we keep them."""
        columns = {"event_start": self.datecol}
        if self.beliefcol is not None:
            columns["belief_time"] = self.beliefcol
        return columns | {"event_value": self.valuecol}


def read_rows(
    file: File,
    file_format: FileFormat,
    at_a_time: int | None = None,
    progress: Progress = lambda _: None,
) -> Iterator[pd.DataFrame]:
    """The columns in use, by name, without rows that are filtered out; times as in the file.

    at_a_time : read so many rows of a CSV file at a time; by default, all of them. Sheets are read
        as a whole, as libraries do
    progress : is told which part of the file is read, from 0 to 1

    Each part is numbered on from the previous one, and may be empty. Raises FileImportError.
    """
    name = name_of(file)
    extension = Path(name).suffix.lstrip(".").lower()
    if extension not in _EXTENSIONS:
        raise FileImportError(
            f"Extension {extension} not recognized. Accepted file extensions are csv, xlsx, xls and"
            " xlsm."
        )
    wanted = sorted({*file_format.columns.values(), *(column for column, _ in file_format.filters)})
    options: dict[str, Any] = {
        "header": None,
        "skiprows": file_format.skiprows,
        "nrows": file_format.nrows,
        "usecols": wanted,
        "na_values": list(file_format.na_values),
        "keep_default_na": file_format.keep_default_na,
        **file_format.reader_options,
    }
    with _explaining(name, file_format, wanted), opened(file) as stream:
        if extension == "csv":
            parts = _read_csv(stream, file_format, options, at_a_time, progress)
        else:
            parts = _read_excel(stream, name, file_format.sheet_number or 0, options)
        with closing(parts):  # before the file, also if nobody wants the rest
            for rows in parts:
                yield _in_use(rows, file_format)
    progress(1)


def name_of(file: File) -> str:
    return file.name if isinstance(file, OpenFile) else Path(file).name


@contextmanager
def opened(file: File) -> Iterator[BinaryIO]:
    """From its start."""
    if isinstance(file, OpenFile):
        file.stream.seek(0)
        yield file.stream
        return
    with Path(file).open("rb") as stream:
        yield stream


def no_rows(name: str, file_format: FileFormat) -> FileImportError:
    """What to say about a file without any."""
    return FileImportError(
        f"{name} has no rows with data, after skipping {file_format.skiprows}",
        " (see --skiprows, --nrows, --na-values and --filter-column).",
    )


def _in_use(rows: pd.DataFrame, file_format: FileFormat) -> pd.DataFrame:
    for column, value in file_format.filters:
        rows = rows[_matches(rows[column], value)]
    named = pd.DataFrame({name: rows[column] for name, column in file_format.columns.items()})
    if file_format.as_text:
        return named.fillna("")
    return named if file_format.keep_default_na else named.dropna()


@contextmanager
def _explaining(name: str, file_format: FileFormat, wanted: list[int]) -> Iterator[None]:
    try:
        yield
    except FileImportError:
        raise
    except UnicodeDecodeError as error:
        raise FileImportError(f"{name} is not a text file in UTF-8 ({error.reason}).") from error
    except pd.errors.EmptyDataError as error:
        raise FileImportError(
            f"{name} has no rows, after skipping {file_format.skiprows}", " (see --skiprows)."
        ) from error
    except OverflowError as error:
        raise FileImportError(
            f"{name} does not have as many rows: see --skiprows and --nrows."
        ) from error
    except (ValueError, IndexError) as error:
        options = ["--datecol", "--valuecol"]
        if file_format.beliefcol is not None:
            options.append("--beliefcol")
        if file_format.filters:
            options.append("--filter-column")
        raise FileImportError(
            f"Cannot read column(s) {', '.join(map(str, wanted))} of {name}: "
            f"{str(error).rstrip('.')}. Columns are numbered from 0",
            f" (see {', '.join(options)} and --delimiter).",
        ) from error


def _read_csv(
    file: BinaryIO,
    file_format: FileFormat,
    options: Mapping[str, Any],
    at_a_time: int | None,
    progress: Progress,
) -> Generator[pd.DataFrame]:
    _check_characters(file_format)
    texts = set(file_format.columns) - (set() if file_format.as_text else {"event_value"})
    size = file.seek(0, SEEK_END) or 1
    file.seek(0)
    reader = pd.read_csv(
        file,
        sep=file_format.delimiter,
        decimal=file_format.decimal,
        thousands=file_format.thousands,
        dtype={file_format.columns[name]: str for name in texts},
        index_col=False,
        # Longer delimiters are regular expressions, which the fast engine can't do.
        engine="c" if len(file_format.delimiter.encode()) == 1 else "python",
        iterator=True,
        **options,
    )
    with reader:
        if at_a_time is None:
            yield reader.read(file_format.nrows)
            return
        while True:
            try:
                rows = reader.get_chunk(at_a_time)
            except StopIteration:
                return
            progress(min(file.tell() / size, 1))
            yield rows


def _check_characters(file_format: FileFormat) -> None:
    """Of a CSV file: what separates columns, decimals and thousands."""
    delimiter, decimal, thousands = (
        file_format.delimiter,
        file_format.decimal,
        file_format.thousands,
    )
    if not delimiter:
        raise FileImportError("Columns are separated by something: see --delimiter.")
    try:
        re.compile(delimiter)
    except re.error as error:
        if len(delimiter) > 1:
            raise FileImportError(
                f"'{delimiter}' is no regular expression, as which delimiters of several characters"
                f" are read ({error}): see --delimiter."
            ) from error
    if len(decimal) != 1:
        raise FileImportError("The decimal character is a single one: see --decimal.")
    if thousands is not None and len(thousands) != 1:
        raise FileImportError("The thousands separator is a single character: see --thousands.")
    if thousands == decimal:
        raise FileImportError(
            f"'{decimal}' cannot be both the decimal character and the thousands separator: see "
            "--decimal and --thousands."
        )
    if decimal == delimiter:
        raise FileImportError(
            f"'{decimal}' cannot both be in numbers and separate columns: see --decimal and "
            "--delimiter."
        )


def _read_excel(
    file: BinaryIO, name: str, sheet_number: int, options: Mapping[str, Any]
) -> Generator[pd.DataFrame]:
    try:
        workbook = pd.ExcelFile(file)
    except ImportError:
        raise
    except Exception as error:  # whatever its readers stumble over
        raise FileImportError(f"Cannot read {name}: it is no Excel file, or damaged.") from error
    with workbook:
        if sheet_number >= len(workbook.sheet_names):
            raise FileImportError(
                f"{name} has no sheet {sheet_number}, but {len(workbook.sheet_names)}, "
                "numbered from 0 (see --sheet_number)."
            )
        yield workbook.parse(sheet_number, **options)


def _matches(cells: pd.Series, value: str) -> pd.Series:
    """Which cells have this value, as a number if both are, else as a text?"""
    same_text = cells.astype(str).str.strip() == value.strip()
    try:
        return same_text | (pd.to_numeric(cells, errors="coerce") == float(value))
    except ValueError:
        return same_text
