"""Beliefs from files: CSV and Excel.

`rows` (as in the file) -> `times` (aware) -> `events` (each once, in the sensor's unit and
resolution) -> `beliefs` (frames), which are stored here. Whatever stands in the way is a
`FileImportError` that names cause and remedy.

A CSV file in order of time is read and stored part by part, so that memory does not grow with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from flexmeasures.data.beliefs.save import save
from flexmeasures.data.config import db
from flexmeasures.data.services.file_import.beliefs import PART, FileOfBeliefs, NotInOrder
from flexmeasures.data.services.file_import.rows import (
    FileFormat,
    FileImportError,
    OpenFile,
    Progress,
)
from flexmeasures.utils.timely import tb

__all__ = [
    "FileFormat",
    "FileImportError",
    "FileOfBeliefs",
    "Imported",
    "OpenFile",
    "import_beliefs",
]

_SHOWN = 60  # beliefs, at most, of which a print-out shows all
_ENDS = 5  # as many as it shows of the first and of the last ones, of more


@dataclass(frozen=True)
class Imported:
    """number : of beliefs
    first, last : all of them, if there are few; else some of both ends
    """

    number: int
    first: tb.BeliefsDataFrame
    last: tb.BeliefsDataFrame

    def __str__(self) -> str:
        """As the frame of all beliefs would be printed."""
        if self.number <= _SHOWN:
            return str(self.first)
        ends = pd.concat([self.first[: 2 * _ENDS], self.last[-_ENDS:]])  # more than is shown
        shown = pd.DataFrame(ends).to_string(max_rows=2 * _ENDS)
        _, _, about = str(self.first[:1]).rpartition("\n")
        return f"{shown}\n\n[{self.number} rows x 1 columns]\n{about}"


def import_beliefs(
    file: FileOfBeliefs,
    *,
    overwrite: bool = False,
    progress: Progress = lambda _: None,
    part: int = PART,
) -> Imported:
    """Store what a file says, in the session's transaction; committing is up to the caller.

    overwrite : give stored beliefs with the same key a new value, instead of refusing it
    progress : is told which part of the file is read, from 0 to 1
    part : how many rows to have in memory, as far as possible (see `FileOfBeliefs.read_in_parts`)

    Raises FileImportError, and ReplacementError if nothing may be overwritten; the transaction is
    to be rolled back then.
    """
    try:
        with db.session.begin_nested():
            return _store(file.read_in_parts(part, progress), overwrite)
    except NotInOrder:
        return _store([file.read()], overwrite)


def _store(parts: Iterable[tb.BeliefsDataFrame], overwrite: bool) -> Imported:
    number, first, last = 0, None, None
    for beliefs in parts:
        save(beliefs, unchanged="store", overwrite=overwrite)
        number += len(beliefs)
        if first is None or len(first) <= _SHOWN:
            first = beliefs if first is None else pd.concat([first, beliefs])
            first = first[: _SHOWN + 1]
        last = beliefs if last is None or len(beliefs) >= _ENDS else pd.concat([last, beliefs])
        last = last[-_ENDS:]
    if first is None or last is None:
        raise AssertionError("A file without beliefs is refused.")
    return Imported(number, first, last)
