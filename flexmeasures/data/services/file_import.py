"""Read beliefs from files: CSV and Excel.

rows (pandas) -> times (aware) and values (the sensor's unit) -> events (the sensor's resolution)
-> BeliefsDataFrame. Whatever stands in the way is a `FileImportError` that names cause and remedy.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytz

from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.utils.timely import tb
from flexmeasures.utils.unit_utils import convert_units

logger = logging.getLogger(__name__)

# Units that say how to read a value that is no number, rather than in what unit it is.
TIME_UNITS = ("datetime", "timedelta")
_EXTENSIONS = ("csv", "xlsx", "xls")
_OFFSET = r"(?:[Zz]|[+-]\d{2}:?\d{2})$"


class FileImportError(ValueError):
    """The file can't be read as beliefs; the text says why, and what to do about it."""


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
    reader_options: dict[str, Any] = field(default_factory=dict)  # passed through to pandas

    @property
    def columns(self) -> dict[str, int]:
        """Which column has what, in the order in which we keep them."""
        columns = {"event_start": self.datecol}
        if self.beliefcol is not None:
            columns["belief_time"] = self.beliefcol
        return columns | {"event_value": self.valuecol}


def read_beliefs(
    path: str | Path,
    sensor: Sensor,
    source: DataSource,
    file_format: FileFormat,
    *,
    now: datetime,
    unit: str | None = None,
    horizon: timedelta | None = None,
    cumulative_probability: float = 0.5,
    resample: bool = True,
) -> tb.BeliefsDataFrame:
    """Beliefs of a source about a sensor's events, from a file.

    Parameters
    ----------
    now : the belief time, unless `horizon` or the file's belief column says otherwise
    unit : of the file's values, or "datetime" or "timedelta"; the sensor's, if not given
    horizon : one belief horizon for all rows, relative to knowledge time
    resample : bring the events to the sensor's resolution (repeated if coarser, averaged if finer)

    Returns
    -------
    Beliefs in the sensor's unit and timezone, sorted.

    Raises
    ------
    FileImportError
    """
    if horizon is not None and file_format.beliefcol is not None:
        raise FileImportError(
            "Belief times come from a horizon or from a column of the file: "
            "use either --horizon or --beliefcol."
        )
    name = Path(path).name
    rows = _without_duplicates(_parse(_read_rows(path, file_format), name, file_format), name)
    rows["event_start"] = rows["event_start"].dt.tz_convert(sensor.timezone)
    if resample and sensor.event_resolution:
        rows = _resample(rows, sensor, unit, name)
    else:
        rows["event_value"] = _convert(rows["event_value"], unit, sensor, sensor.event_resolution)
    return _to_frame(rows, sensor, source, now, horizon, cumulative_probability)


def _read_rows(path: str | Path, file_format: FileFormat) -> pd.DataFrame:
    """The columns in use, by name; datetimes still as they stand in the file."""
    extension = Path(path).suffix.lstrip(".").lower()
    if extension not in _EXTENSIONS:
        raise FileImportError(
            f"Extension {extension} not recognized. Accepted file extensions are csv, xlsx and xls."
        )
    wanted = sorted({*file_format.columns.values(), *(column for column, _ in file_format.filters)})
    rows = _read_file(path, extension, file_format, wanted)
    for column, value in file_format.filters:
        rows = rows[_matches(rows[column], value)]
    named = pd.DataFrame({name: rows[column] for name, column in file_format.columns.items()})
    if not file_format.keep_default_na:
        named = named.dropna()
    if named.empty:
        raise FileImportError(
            f"{Path(path).name} has no rows with data, after skipping {file_format.skiprows} "
            "(see --skiprows, --nrows, --na-values and --filter-column)."
        )
    return named


def _read_file(
    path: str | Path, extension: str, file_format: FileFormat, wanted: list[int]
) -> pd.DataFrame:
    name = Path(path).name
    options: dict[str, Any] = {
        "header": None,
        "skiprows": file_format.skiprows,
        "nrows": file_format.nrows,
        "usecols": wanted,
        "na_values": list(file_format.na_values),
        "keep_default_na": file_format.keep_default_na,
        **file_format.reader_options,
    }
    try:
        if extension == "csv":
            if not file_format.delimiter:
                raise FileImportError("Columns are separated by something: see --delimiter.")
            times = [file_format.datecol]
            if file_format.beliefcol is not None:
                times.append(file_format.beliefcol)
            return pd.read_csv(
                path,
                sep=file_format.delimiter,
                decimal=file_format.decimal,
                thousands=file_format.thousands,
                dtype=dict.fromkeys(times, str),
                index_col=False,
                # Longer delimiters are regular expressions, which the fast engine can't do.
                engine="c" if len(file_format.delimiter) == 1 else "python",
                **options,
            )
        return _read_excel(path, file_format.sheet_number or 0, options)
    except FileImportError:
        raise
    except UnicodeDecodeError as error:
        raise FileImportError(f"{name} is not a text file in UTF-8 ({error.reason}).") from error
    except pd.errors.EmptyDataError as error:
        raise FileImportError(
            f"{name} has no rows, after skipping {file_format.skiprows} (see --skiprows)."
        ) from error
    except (ValueError, IndexError) as error:
        raise FileImportError(
            f"Cannot read column(s) {', '.join(map(str, wanted))} of {name}: "
            f"{str(error).rstrip('.')}. Columns are "
            "numbered from 0 (see --datecol, --valuecol and --delimiter)."
        ) from error


def _read_excel(path: str | Path, sheet_number: int, options: Mapping[str, Any]) -> pd.DataFrame:
    try:
        workbook = pd.ExcelFile(path)
    except ImportError:
        raise
    except Exception as error:  # whatever its readers stumble over
        raise FileImportError(
            f"Cannot read {Path(path).name}: it is no Excel file, or damaged."
        ) from error
    with workbook:
        if sheet_number >= len(workbook.sheet_names):
            raise FileImportError(
                f"{Path(path).name} has no sheet {sheet_number}, but {len(workbook.sheet_names)}, "
                "numbered from 0 (see --sheet_number)."
            )
        return workbook.parse(sheet_number, **options)


def _matches(cells: pd.Series, value: str) -> pd.Series:
    """Which cells have this value, as a number if both are, else as a text?"""
    same_text = cells.astype(str).str.strip() == value.strip()
    try:
        return same_text | (pd.to_numeric(cells, errors="coerce") == float(value))
    except ValueError:
        return same_text


def _parse(rows: pd.DataFrame, name: str, file_format: FileFormat) -> pd.DataFrame:
    parsed = rows.copy()
    for column in parsed.columns.difference(["event_value"]):
        parsed[column] = _parse_times(rows[column], name, file_format)
    return parsed


def _parse_times(cells: pd.Series, name: str, file_format: FileFormat) -> pd.Series:
    """Aware datetimes in UTC."""
    if pd.api.types.is_numeric_dtype(cells):
        raise FileImportError(
            f"Cannot read datetimes in {name}: column has numbers, such as {cells.iloc[0]} "
            "(see --datecol and --beliefcol)."
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
            "2026-11-25T07:00:00+01:00 (see --datecol, --beliefcol, --delimiter, --skiprows "
            "and --na-values)."
        ) from error
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
        raise FileImportError(
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
    try:
        localized = times.dt.tz_localize(zone, ambiguous="infer", nonexistent="NaT")
    except pytz.AmbiguousTimeError:
        # An hour of autumn's clock change that is not there twice: the first of the instants.
        first = np.ones(len(times), dtype=bool)
        localized = times.dt.tz_localize(zone, ambiguous=first, nonexistent="NaT")
    if localized.isna().any():
        raise FileImportError(
            f"{_where(localized.isna(), times, file_format)} in {name} does not exist in {zone}, "
            "where the clock was set forward: check --timezone, or give datetimes with a UTC "
            "offset."
        )
    return localized.dt.tz_convert("UTC")


def _where(wrong: pd.Series, cells: pd.Series, file_format: FileFormat) -> str:
    """The first cell that is wrong, with its line in the file."""
    first = wrong.idxmax()
    return f"'{cells.loc[first]}' in row {int(first) + 1 + file_format.skiprows}"


def _without_duplicates(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rows in order of time, each once; different values for one event are an error."""
    key = [column for column in rows.columns if column != "event_value"]
    if not rows["event_start"].is_monotonic_increasing:
        logger.warning("The rows of %s are not in order of time: sorting them.", name)
        rows = rows.sort_values(key, kind="stable")
    repeated = rows.duplicated(key, keep="first")
    if not repeated.any():
        return rows.reset_index(drop=True)
    contradicting = ~rows.duplicated([*key, "event_value"], keep=False) & rows.duplicated(
        key, keep=False
    )
    if contradicting.any():
        raise FileImportError(
            f"Duplicates found in {name}, with different values for the same event:\n"
            f"{rows[contradicting].to_string(index=False)}\n"
            "Keep one row per event (or tell them apart by a column, with --filter-column)."
        )
    logger.warning(
        "Duplicates found. Dropping duplicates for the following records:\n%s",
        rows[repeated].to_string(index=False),
    )
    return rows[~repeated].reset_index(drop=True)


def _convert(
    values: pd.Series, unit: str | None, sensor: Sensor, resolution: timedelta
) -> pd.Series:
    """Numbers in the sensor's unit."""
    if unit == "datetime":
        values = pd.to_datetime(values, utc=True)
    elif unit == "timedelta":
        values = pd.to_timedelta(values)
    else:
        values = _to_numbers(values)
    if unit is None or unit == sensor.unit:
        return values
    try:
        return convert_units(values, unit, sensor.unit, event_resolution=resolution or None)
    except Exception as error:
        raise FileImportError(
            f"Unit conversion from {unit} to {sensor.unit} doesn't seem possible. "
            f"Sensor {sensor.id} ('{sensor.name}') records {sensor.unit}: use --unit to say what "
            "the file has."
        ) from error


def _to_numbers(values: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(values):
        values = values.astype(str)  # pandas would count nanoseconds since 1970
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    wrong = numbers.isna() & values.notna()
    if wrong.any():
        first = values[wrong].iloc[0]
        raise FileImportError(
            f"'{first}' is no number (and {int(wrong.sum())} of {len(values)} values are not): see "
            "--valuecol, --decimal and --thousands, or --na-values to leave such rows out."
        )
    return numbers


def _resample(rows: pd.DataFrame, sensor: Sensor, unit: str | None, name: str) -> pd.DataFrame:
    """To the sensor's resolution: coarser events are repeated, finer ones averaged."""
    if "belief_time" in rows:
        raise FileImportError(
            "Resampling is not supported for this import case. "
            "With --beliefcol, use --do-not-resample."
        )
    frequency = _frequency(rows["event_start"], name)
    values = _convert(rows["event_value"], unit, sensor, frequency)
    events = pd.Series(values.to_numpy(), index=pd.DatetimeIndex(rows["event_start"]))
    if frequency > sensor.event_resolution:
        events = _repeat(events, frequency, sensor, name)
    elif frequency < sensor.event_resolution:
        events = events.groupby(_bins(events.index, sensor)).mean()
    _check_starts(pd.DatetimeIndex(events.index), sensor, name)
    return pd.DataFrame({"event_start": events.index, "event_value": events.to_numpy()})


def _frequency(event_starts: pd.Series, name: str) -> timedelta:
    """How far apart the events are: always the same."""
    gaps = event_starts.diff().iloc[1:]
    if gaps.nunique() == 1:
        return gaps.iloc[0].to_pytimedelta()
    remedy = "Use --do-not-resample to store each row as an event of the sensor's own resolution."
    problem = "Resampling is not supported for data without a discernible frequency."
    if gaps.empty:
        raise FileImportError(f"{problem} {name} has one row of data only. {remedy}")
    usual = gaps.mode().iloc[0]
    odd = gaps[gaps != usual].index[0]
    raise FileImportError(
        f"{problem} The rows of {name} are {usual.to_pytimedelta()} apart, but "
        f"{gaps.loc[odd].to_pytimedelta()} before {event_starts.loc[odd].isoformat()}. "
        f"Fill the gap, or don't resample. {remedy}"
    )


def _check_starts(event_starts: pd.DatetimeIndex, sensor: Sensor, name: str) -> None:
    """Events start where those of the sensor do, by local midnight or by UTC."""
    resolution = pd.Timedelta(sensor.event_resolution)
    in_utc = event_starts.tz_convert("UTC")
    odd = (_bins(event_starts, sensor) != event_starts) & (in_utc != in_utc.floor(resolution))
    if odd.any():
        raise FileImportError(
            f"{event_starts[odd][0].isoformat()} in {name} is not where an event of sensor "
            f"{sensor.id} can start, as its resolution is {sensor.event_resolution}. Use "
            "--do-not-resample to store it nevertheless."
        )


def _repeat(events: pd.Series, frequency: timedelta, sensor: Sensor, name: str) -> pd.Series:
    parts, remainder = divmod(frequency, sensor.event_resolution)
    if remainder:
        raise FileImportError(
            f"The rows of {name} are {frequency} apart, which is no multiple of the resolution of "
            f"sensor {sensor.id}, {sensor.event_resolution}."
        )
    steps = np.tile(np.arange(parts), len(events)) * pd.Timedelta(sensor.event_resolution)
    return pd.Series(np.repeat(events.to_numpy(), parts), index=events.index.repeat(parts) + steps)


def _bins(event_starts: pd.DatetimeIndex, sensor: Sensor) -> pd.DatetimeIndex:
    """The start of the sensor's event in which each falls, counted from local midnight."""
    midnights = event_starts.normalize()
    resolution = pd.Timedelta(sensor.event_resolution)
    return midnights + (event_starts - midnights) // resolution * resolution


def _to_frame(
    rows: pd.DataFrame,
    sensor: Sensor,
    source: DataSource,
    now: datetime,
    horizon: timedelta | None,
    cumulative_probability: float,
) -> tb.BeliefsDataFrame:
    event_starts = pd.DatetimeIndex(rows["event_start"])
    if horizon is not None:
        try:
            belief_times = sensor.knowledge_time(event_starts) - horizon
        except (ValueError, OverflowError) as error:
            raise FileImportError(f"A horizon of {horizon} is too long: see --horizon.") from error
    elif "belief_time" in rows:
        belief_times = pd.DatetimeIndex(rows["belief_time"]).tz_convert(sensor.timezone)
    else:
        belief_times = pd.DatetimeIndex([now] * len(rows)).tz_convert(sensor.timezone)
    frame = pd.DataFrame(
        {
            "event_start": event_starts,
            "belief_time": belief_times,
            "source": source,
            "cumulative_probability": cumulative_probability,
            "event_value": rows["event_value"].to_numpy(dtype=float),
        }
    )
    return tb.BeliefsDataFrame(frame, sensor=sensor)
