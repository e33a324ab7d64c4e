"""Events of a sensor, from rows: each once, in the sensor's unit and resolution."""

from __future__ import annotations

import logging
from datetime import timedelta

import numpy as np
import pandas as pd

from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services.file_import.rows import FileImportError
from flexmeasures.utils.unit_utils import convert_units

logger = logging.getLogger(__name__)

_SHOWN = 60  # rows in a message, at most


def each_once(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rows in order of time, each once; different values for one event are an error.

    name : of the file
    """
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
            f"{_shown(rows[contradicting])}\n"
            "Keep one row per event",
            " (or tell them apart by a column, with --filter-column).",
        )
    logger.warning(
        "Duplicates found. Dropping duplicates for the following records:\n%s",
        _shown(rows[repeated]),
    )
    return rows[~repeated].reset_index(drop=True)


def _shown(rows: pd.DataFrame) -> str:
    return rows.to_string(index=False, max_rows=_SHOWN)


def converted(
    values: pd.Series, unit: str | None, sensor: Sensor, resolution: timedelta
) -> pd.Series:
    """Numbers in the sensor's unit.

    unit : of the values, or "datetime" or "timedelta"; the sensor's, if not given
    resolution : of the events that they are about
    """
    if unit == "datetime":
        values = pd.to_datetime(values, utc=True)
    elif unit == "timedelta":
        values = pd.to_timedelta(values)
    else:
        values = to_numbers(values)
    if unit is None or unit == sensor.unit:
        return values
    try:
        values = convert_units(values, unit, sensor.unit, event_resolution=resolution or None)
    except Exception as error:
        raise FileImportError(
            f"Unit conversion from {unit} to {sensor.unit} doesn't seem possible. "
            f"Sensor {sensor.id} ('{sensor.name}') records {sensor.unit}",
            ": use --unit to say what the file has.",
        ) from error
    if np.isinf(values).any():
        raise FileImportError(f"Some values are too large for {sensor.unit}", ": see --unit.")
    return values


def to_numbers(values: pd.Series, skiprows: int | None = None) -> pd.Series:
    """skiprows : of the file, if the first value that is no number is to be told with its row"""
    if pd.api.types.is_datetime64_any_dtype(values):
        values = values.astype(str)  # pandas would count nanoseconds since 1970
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    wrong = (numbers.isna() & values.notna()) | np.isinf(numbers)
    if wrong.any():
        first = values[wrong].iloc[0]
        number = int(wrong.sum())
        others = f" (and {number} of {len(values)} values are not)" if number > 1 else ""
        where = "" if skiprows is None else f" in row {wrong.idxmax() + 1 + skiprows}"
        raise FileImportError(
            f"'{first}'{where} is no number{others}",
            ": see --valuecol, --decimal and --thousands, or --na-values to leave such rows out.",
        )
    return numbers


def resampled(
    rows: pd.DataFrame, sensor: Sensor, unit: str | None, name: str, frequency: timedelta
) -> pd.DataFrame:
    """In the sensor's resolution: coarser events are repeated, finer ones averaged.

    rows : of whole days on the clock of the sensor, if there are more to come
    frequency : how far apart they are (see `frequency_of`)
    """
    values = converted(rows["event_value"], unit, sensor, frequency)
    events = pd.Series(values.to_numpy(), index=pd.DatetimeIndex(rows["event_start"]))
    if frequency > sensor.event_resolution:
        events = _repeat(events, frequency, sensor, name)
    elif frequency < sensor.event_resolution:
        events = events.groupby(in_bins(events.index, sensor)).mean()
    _check_starts(pd.DatetimeIndex(events.index), sensor, name)
    return pd.DataFrame({"event_start": events.index, "event_value": events.to_numpy()})


def frequency_of(event_starts: pd.Series, name: str, known: timedelta | None = None) -> timedelta:
    """How far apart the events are: always the same.

    known : what rows before these say
    """
    gaps = event_starts.diff().iloc[1:]
    if known is not None and (gaps == known).all():
        return known
    if known is None and gaps.nunique() == 1:
        return gaps.iloc[0].to_pytimedelta()
    remedy = "Use --do-not-resample to store each row as an event of the sensor's own resolution."
    problem = "Resampling is not supported for data without a discernible frequency."
    if gaps.empty:
        raise FileImportError(f"{problem} {name} has one row of data only. {remedy}")
    usual = pd.Timedelta(known) if known is not None else gaps.mode().iloc[0]
    odd = gaps[gaps != usual].index[0]
    raise FileImportError(
        f"{problem} The rows of {name} are {usual.to_pytimedelta()} apart, but "
        f"{gaps.loc[odd].to_pytimedelta()} before {event_starts.loc[odd].isoformat()}. "
        f"Fill the gap, or don't resample. {remedy}"
    )


def _check_starts(event_starts: pd.DatetimeIndex, sensor: Sensor, name: str) -> None:
    """Events start where those of the sensor do, by local midnight or by UTC."""
    odd = floored(event_starts, sensor) != event_starts
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


def floored(event_starts: pd.DatetimeIndex, sensor: Sensor) -> pd.DatetimeIndex:
    """Those that are not where an event can start, by local midnight or by UTC: back to where."""
    in_utc = event_starts.tz_convert("UTC")
    fits = in_utc == in_utc.floor(pd.Timedelta(sensor.event_resolution))
    return event_starts.where(fits, in_bins(event_starts, sensor))


def in_bins(event_starts: pd.DatetimeIndex, sensor: Sensor) -> pd.DatetimeIndex:
    """The start of the sensor's event in which each falls, counted from local midnight."""
    begin = midnights(event_starts)
    resolution = pd.Timedelta(sensor.event_resolution)
    return begin + (event_starts - begin) // resolution * resolution


def midnights(times: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """When the day of each begins on the clock of its timezone, with whatever it shows then."""
    days = times.tz_localize(None).normalize()
    return days.tz_localize(
        times.tz, ambiguous=np.ones(len(days), bool), nonexistent="shift_forward"
    )
