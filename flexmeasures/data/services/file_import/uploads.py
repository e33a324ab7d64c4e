"""Events from files as people upload them, who choose no options: two columns, start and value.

The most common step between rows is how long their events are, so rows may be missing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services.file_import.beliefs import PART
from flexmeasures.data.services.file_import.events import (
    converted,
    each_once,
    floored,
    in_bins,
    to_numbers,
)
from flexmeasures.data.services.file_import.rows import (
    FileFormat,
    FileImportError,
    OpenFile,
    read_rows,
)
from flexmeasures.data.services.file_import.times import parse_times
from flexmeasures.data.services.file_import.workbooks import read_sheet
from flexmeasures.data.services.sensor_events import Events
from flexmeasures.utils.unit_utils import is_energy_unit, is_money_unit

_LONGEST_HEADER = 10_000  # bytes


def read_events(file: OpenFile, sensor: Sensor, unit: str, most: int) -> Events:
    """What a file says, as events of the sensor, in its unit, each once and in order of time.

    unit : of the file's values
    most : rows, and events, that it may have

    Amounts (of energy, of money) of shorter events are added up, and those of longer ones shared
    equally. Of all else, the mean of shorter events is taken, and longer ones are repeated. Rows
    without a value are left out. Raises FileImportError.
    """
    is_csv = Path(file.name).suffix.lower() == ".csv"
    rows, file_format = (_from_csv if is_csv else _from_sheet)(file, sensor.timezone, most)
    if rows.empty:
        raise FileImportError(f"{file.name} has no rows with a time and a value.")
    rows = parse_times(rows, file.name, file_format)
    rows["event_start"] = rows["event_start"].dt.floor("us").dt.tz_convert(sensor.timezone)
    rows["event_value"] = to_numbers(rows["event_value"], file_format.skiprows)
    rows = each_once(rows, file.name)
    step = _usual_step(rows["event_start"], sensor)
    values = converted(rows["event_value"], unit, sensor, step)
    events = pd.Series(values.to_numpy(dtype=float), index=pd.DatetimeIndex(rows["event_start"]))
    if sensor.event_resolution:
        events = _resampled(events, step, sensor, file.name, most)
    starts = pd.DatetimeIndex(events.index).tz_convert("UTC").as_unit("us")
    return Events(starts.asi8, events.to_numpy(dtype=float))


def _from_csv(file: OpenFile, timezone: str, most: int) -> tuple[pd.DataFrame, FileFormat]:
    delimiter, has_header = _first_line(file)
    file_format = FileFormat(
        skiprows=int(has_header),
        delimiter=delimiter,
        timezone=timezone,
        as_text=True,
        reader_options={"skip_blank_lines": False},  # they count as rows
    )
    parts, number = [], 0
    for part in read_rows(file, file_format, PART):
        part = part[part["event_value"].str.strip() != ""]
        parts.append(part)
        number += len(part)
        _check_number(file.name, number, most)
    rows = pd.concat(parts) if parts else pd.DataFrame(columns=[*file_format.columns])
    if delimiter == ";":  # so that a comma can be in a number
        rows["event_value"] = rows["event_value"].str.replace(",", ".", regex=False)
    return rows, file_format


def _first_line(file: OpenFile) -> tuple[str, bool]:
    """What separates columns, and whether this line only has their names."""
    file.stream.seek(0)
    line = file.stream.readline(_LONGEST_HEADER).decode(errors="replace")
    delimiter = next((one for one in (",", ";", "\t") if one in line), ",")
    if delimiter == "," and ";" in line and line.index(";") < line.index(","):
        delimiter = ";"
    try:
        cells = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        cells = []
    return delimiter, not (len(cells) > 1 and _is_number(cells[1].replace(",", ".")))


def _from_sheet(file: OpenFile, timezone: str, most: int) -> tuple[pd.DataFrame, FileFormat]:
    rows = read_sheet(file)
    first = next(rows, None)
    has_header = first is not None and not _is_number(first[2])
    if first is not None and not has_header:
        rows = chain([first], rows)
    file_format = FileFormat(skiprows=int(has_header), timezone=timezone)
    used = [*_with_values(rows, file.name, most)]
    return pd.DataFrame(
        {
            "event_start": pd.Series([start for _, start, _ in used], dtype=object),
            "event_value": pd.Series([value for _, _, value in used], dtype=object),
        }
    ).set_axis([number - 1 - file_format.skiprows for number, _, _ in used]), file_format


def _with_values(
    rows: Iterator[tuple[int, object, object]], name: str, most: int
) -> Iterator[tuple[int, object, object]]:
    count = 0
    for number, start, value in rows:
        if value is None or value == "":
            continue
        if isinstance(value, bool):
            raise FileImportError(f"'{value}' in row {number} of {name} is no number.")
        if isinstance(start, (int, float)):
            raise FileImportError(
                f"'{start}' in row {number} of {name} is a number, not a datetime. Format the"
                " column as dates."
            )
        count += 1
        _check_number(name, count, most)
        yield number, "" if start is None else start, value


def _is_number(cell: object) -> bool:
    try:
        float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def _check_number(name: str, number: int, most: int) -> None:
    if number > most:
        raise FileImportError(f"{name} has too many values. One request may have {most}.")


def _usual_step(event_starts: pd.Series, sensor: Sensor) -> timedelta:
    gaps = event_starts.diff().iloc[1:]
    return sensor.event_resolution if gaps.empty else gaps.mode().iloc[0].to_pytimedelta()


def _resampled(
    events: pd.Series, step: timedelta, sensor: Sensor, name: str, most: int
) -> pd.Series:
    """events : values by local start, of which each is `step` long"""
    parts, rest = divmod(step, sensor.event_resolution)
    if parts and rest:
        raise FileImportError(
            f"The rows of {name} are {step} apart, which is no multiple of the resolution of "
            f"sensor {sensor.id}, {sensor.event_resolution}."
        )
    adds_up = is_energy_unit(sensor.unit) or is_money_unit(sensor.unit)
    starts = pd.DatetimeIndex(events.index)
    if not parts:
        starts = in_bins(starts, sensor)
    elif sensor.get_attribute("floor_datetimes_to_resolution", True):
        starts = floored(starts, sensor)
    grouped = events.groupby(starts)
    events = grouped.sum() if adds_up else grouped.mean()
    if parts < 2:
        return events
    _check_number(name, len(events) * parts, most)
    steps = np.tile(np.arange(parts), len(events)) * pd.Timedelta(sensor.event_resolution)
    values = np.repeat(events.to_numpy() / (parts if adds_up else 1), parts)
    longer = pd.Series(values, index=events.index.repeat(parts) + steps)
    return longer[~longer.index.duplicated(keep="last")]  # each lasts until the next begins
