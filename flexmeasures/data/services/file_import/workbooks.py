"""Sheets of workbooks that strangers send: bounded in time and memory, whatever the file claims.

A small file of the newer formats (zipped XML) can unpack to gigabytes, or have one cell in the last
row and column of a sheet, whose neighbours libraries would fill in. So its parts are looked through
before they are read, and rows are read one by one. Old files (.xls) are not packed.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from typing import Any, BinaryIO, TypeAlias
from xml.parsers import expat

from flexmeasures.data.services.file_import.rows import FileImportError, OpenFile

Row: TypeAlias = "tuple[int, Any, Any]"  # its number, from 1, and its first two cells

_ZIP = b"PK\x03\x04"
_SHEETS = "xl/worksheets/"
_MOST_PARTS = 1000
_MOST_OF_SHEETS, _MOST_OF_OTHERS = 100 * 2**20, 16 * 2**20  # bytes, unpacked
_MOST_ROWS, _MOST_CELLS = 2**20, 2**14  # of a sheet, of a row: the limits of the format
_MOST_ELEMENTS = 1_000_000  # of XML, apart from those in rows
_AT_A_TIME = 2**16  # bytes


def read_sheet(file: OpenFile) -> Iterator[Row]:
    """The first two columns of the first sheet, without empty rows.

    Cells are None, numbers, texts, truth values, datetimes or times. Raises FileImportError.
    """
    file.stream.seek(0)
    begin = file.stream.read(4)
    file.stream.seek(0)
    with _explaining(file.name):
        rows = _read_new(file) if begin == _ZIP else _read_old(file)
        for number, *cells in rows:
            if any(cell is not None and cell != "" for cell in cells):
                yield number, cells[0], cells[1]


def _damaged(name: str) -> FileImportError:
    return FileImportError(f"Cannot read {name}: it is no Excel file, or damaged.")


@contextmanager
def _explaining(name: str) -> Iterator[None]:
    try:
        yield
    except (FileImportError, ImportError):
        raise
    except Exception as error:  # whatever the readers stumble over
        raise _damaged(name) from error


# ---------------------------------------------------------------------------------------------
# .xlsx, .xlsm


def _read_new(file: OpenFile) -> Iterator[Row]:
    has_formulas = _look_through(file)
    rows = _cells(file.stream, results=True)
    if not has_formulas:
        yield from rows
        return
    for (number, *shown), (_, *written) in zip(
        rows, _cells(file.stream, results=False), strict=False
    ):
        for column, cell, formula in zip("AB", shown, written, strict=True):
            if cell is None and formula is not None:
                raise FileImportError(
                    f"Cell {column}{number} of {file.name} has a formula without a result. Open and"
                    " save the file in a spreadsheet program, or replace formulas by their values."
                )
        yield number, *shown


def _cells(stream: BinaryIO, results: bool) -> Iterator[Row]:
    """results : of formulas, instead of formulas"""
    from openpyxl import load_workbook

    book = load_workbook(stream, read_only=True, data_only=results, keep_links=False)
    sheet = book.worksheets[0]
    sheet.reset_dimensions()  # which a file can state wrongly
    found = sheet.iter_rows(max_row=_MOST_ROWS, max_col=2, values_only=True)
    for number, (first, second) in enumerate(found, 1):
        yield number, first, second


def _look_through(file: OpenFile) -> bool:
    """Are there formulas? Raises FileImportError for a workbook that would take too much memory."""
    with zipfile.ZipFile(file.stream) as archive:
        parts = archive.infolist()
        if len(parts) > _MOST_PARTS:
            raise _too_large(file.name)
        # No more than this is unpacked, even if there is more.
        if sum(part.file_size for part in parts if _is_sheet(part)) > _MOST_OF_SHEETS:
            raise _too_large(file.name)
        looks = []
        for part in parts:
            if not _is_sheet(part) and part.file_size > _MOST_OF_OTHERS:
                raise _too_large(file.name)
            if part.filename.endswith((".xml", ".rels")):
                with archive.open(part) as content:
                    looks.append(_Look(file.name).through(content))
    file.stream.seek(0)
    return any(look.has_formulas for look in looks)


def _is_sheet(part: zipfile.ZipInfo) -> bool:
    return part.filename.startswith(_SHEETS)


def _too_large(name: str) -> FileImportError:
    return FileImportError(f"{name} is too large when it is unpacked. Send less, or a CSV file.")


@dataclass
class _Look:
    """Through a part. It counts without keeping anything, which parsers into trees do."""

    name: str
    has_formulas: bool = False
    elements: int = 0  # outside rows
    rows: int = 0
    cells: int = 0  # elements of the row
    in_row: bool = False

    def through(self, content: Any) -> _Look:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._refuse
        while chunk := content.read(_AT_A_TIME):
            parser.Parse(chunk)
        parser.Parse(b"", True)
        return self

    def _start(self, qualified: str, _: Any) -> None:
        tag = qualified.rpartition(" ")[2]
        if self.in_row:
            self.cells += 1
            if tag == "f":
                self.has_formulas = True
        elif tag == "row":
            self.in_row, self.cells, self.rows = True, 0, self.rows + 1
        else:
            self.elements += 1
        # A cell has an element for its value, one for a formula and two for a text.
        if self.cells > 4 * _MOST_CELLS or self.rows > _MOST_ROWS or self.elements > _MOST_ELEMENTS:
            raise _too_large(self.name)

    def _end(self, qualified: str) -> None:
        if qualified.rpartition(" ")[2] == "row":
            self.in_row = False

    def _refuse(self, *_: Any) -> None:
        raise _damaged(self.name)  # these documents have no entities of their own


# ---------------------------------------------------------------------------------------------
# .xls


def _read_old(file: OpenFile) -> Iterator[Row]:
    import xlrd

    # Rows as long as they are, and other sheets unread: else all are filled in to their ends.
    with xlrd.open_workbook(
        file_contents=file.stream.read(), on_demand=True, ragged_rows=True, logfile=StringIO()
    ) as book:
        sheet = book.sheet_by_index(0)
        for number in range(sheet.nrows):
            cells = [
                _old_cell(file.name, number, column, cell, book.datemode)
                for column, cell in enumerate(sheet.row_slice(number, 0, 2))
            ]
            first, second, *_ = [*cells, None, None]
            yield number + 1, first, second


def _old_cell(name: str, number: int, column: int, cell: Any, datemode: int) -> Any:
    import xlrd

    if cell.ctype in (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK):
        return None
    if cell.ctype == xlrd.XL_CELL_DATE:
        return xlrd.xldate_as_datetime(cell.value, datemode)
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return bool(cell.value)
    if cell.ctype == xlrd.XL_CELL_ERROR:
        raise FileImportError(f"Cell {'AB'[column]}{number + 1} of {name} has an error.")
    return cell.value
