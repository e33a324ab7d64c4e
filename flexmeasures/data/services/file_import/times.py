"""Times as people write them, as aware datetimes."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytz

from flexmeasures.data.schemas.times import FIRST_YEAR, LAST_YEAR
from flexmeasures.data.services.file_import.rows import FileFormat, FileImportError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OFFSET = r"(?:[Zz]|[+-]\d{2}:?\d{2})$"


class AmbiguousDates(FileImportError):
    """Nothing in these rows says whether the day or the month comes first."""


def parse_times(rows: pd.DataFrame, name: str, file_format: FileFormat) -> pd.DataFrame:
    """The same rows, with aware datetimes in UTC.

    name : of the file
    Raises FileImportError, with the row of the file that stands in the way.
    """
    parsed = rows.copy()
    for column in parsed.columns.difference(["event_value"]):
        parsed[column] = _parse_column(rows[column], name, file_format)
    return parsed


def _parse_column(cells: pd.Series, name: str, file_format: FileFormat) -> pd.Series:
    """Aware datetimes in UTC."""
    blank = cells.isna() | (cells == "")
    if blank.any():
        raise FileImportError(
            f"There is no datetime in row {_row(blank, file_format)} of {name}",
            ": see --datecol, --beliefcol and --delimiter, or use --na-values to leave such rows "
            "out.",
        )
    if pd.api.types.is_numeric_dtype(cells):
        raise FileImportError(
            f"Cannot read datetimes in {name}: column has numbers, such as {cells.iloc[0]}",
            " (see --datecol and --beliefcol).",
        )
    if isinstance(cells.dtype, pd.DatetimeTZDtype):
        return cells.dt.tz_convert("UTC")
    aware = cells.astype(str).str.contains(_OFFSET, regex=True)
    if aware.any() and not aware.all():
        raise FileImportError(
            f"Some datetimes in {name} have a UTC offset and others have none (first differs "
            f"{_where(aware != aware.iloc[0], cells, file_format)}): give one to all, or to none."
        )
    naive = not aware.any()
    try:
        times = _to_datetime(cells, utc=not naive)
    except FileImportError:
        raise
    except (ValueError, OverflowError) as error:
        failed = pd.to_datetime(cells, errors="coerce", utc=True, format="mixed").isna()
        bad = _where(failed, cells, file_format) if failed.any() else str(error)
        raise FileImportError(
            f"Cannot read datetimes in {name} ({bad}): expected ISO 8601, for example "
            "2026-11-25T07:00:00+01:00",
            " (see --datecol, --beliefcol, --delimiter, --skiprows and --na-values).",
        ) from error
    strange = ~times.dt.year.between(FIRST_YEAR, LAST_YEAR)
    if strange.any():
        raise FileImportError(
            f"{_where(strange, cells, file_format)} in {name}: years from {FIRST_YEAR} to "
            f"{LAST_YEAR} can be used",
            " (see --datecol and --beliefcol).",
        )
    return _localize(times, name, file_format) if naive else times


def _to_datetime(cells: pd.Series, utc: bool) -> pd.Series:
    try:
        return pd.to_datetime(cells, utc=utc, format="ISO8601")
    except ValueError:
        pass
    readings, failure = [], ValueError()
    with warnings.catch_warnings():
        # That pandas can't infer one format for all is an error here, not a warning.
        warnings.simplefilter("ignore", UserWarning)
        for day_first in (False, True):
            try:
                readings.append(pd.to_datetime(cells, utc=utc, dayfirst=day_first))
            except ValueError as error:
                failure = error
    if not readings:
        raise failure
    if (readings[0] != readings[-1]).any():
        raise AmbiguousDates(
            f"Dates such as '{cells.iloc[0]}' can be read with the day or with the month first: "
            "give them in ISO 8601, for example 2026-11-25T07:00:00+01:00."
        )
    return readings[0]


def _localize(times: pd.Series, name: str, file_format: FileFormat) -> pd.Series:
    zone = file_format.timezone
    if zone is None:
        raise FileImportError(
            f"The datetimes in {name} have no UTC offset, and naive datetimes don't work here: "
            "use --timezone to say in which zone they are."
        )
    first = _first_of_two(times, zone)
    localized = times.dt.tz_localize(zone, ambiguous=first, nonexistent="NaT")
    if localized.isna().any():
        raise FileImportError(
            f"{_where(localized.isna(), times, file_format)} in {name} does not exist in {zone}, "
            "where the clock was set forward. Give datetimes with a UTC offset",
            ", or check --timezone.",
        )
    return localized.dt.tz_convert("UTC")


def _first_of_two(times: pd.Series, zone: str) -> NDArray[np.bool_]:
    """Which local times are meant as the first of the two instants that an autumn's clock shows.

    An hour that is there twice is so in order of time. Of an hour that is there once, all are.
    """
    first = np.ones(len(times), bool)
    twice = times.dt.tz_localize(zone, ambiguous="NaT", nonexistent="shift_forward").isna()
    for _, day in times[twice].groupby(times[twice].dt.date):
        try:
            meant = day.dt.tz_localize(zone, ambiguous="infer")
        except pytz.AmbiguousTimeError:
            continue
        earlier = day.dt.tz_localize(zone, ambiguous=np.ones(len(day), bool))
        first[times.index.get_indexer(day.index)] = meant == earlier
    return first


def _where(wrong: pd.Series, cells: pd.Series, file_format: FileFormat) -> str:
    """The first cell that is wrong, with its line in the file."""
    return f"'{cells.loc[wrong.idxmax()]}' in row {_row(wrong, file_format)}"


def _row(wrong: pd.Series, file_format: FileFormat) -> int:
    return int(wrong.idxmax()) + 1 + file_format.skiprows
