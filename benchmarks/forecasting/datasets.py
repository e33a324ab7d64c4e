"""Measured series from files, with what could be known beside them, and when."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.forecasting.special_days import holidays_on
from flexmeasures.forecasting.engine.series import Calendar, Floats, Regressor, Series, Steps

MODES = ("none", "forecast", "perfect")
SUFFIXES = (".csv.gz", ".csv")
HOUR = pd.Timedelta(hours=1)
DAY = pd.Timedelta(days=1)

# The clocks that people live by where these were measured; files of other names get the default.
CLOCKS = {
    "building_uk": "Europe/London",
    "wind_uk": "Europe/London",
    "household_fr": "Europe/Paris",
    "feeder_nl": "Europe/Amsterdam",
    "price_nl": "Europe/Amsterdam",
    "solar_us": "America/Denver",
    "ev_public": "America/Denver",
    "ev_workplace": "America/Los_Angeles",
    "wind_se4": "Europe/Stockholm",
    "price_de": "Europe/Berlin",
    "price_bg": "Europe/Berlin",
}

FORECAST_LEAD = 48 * HOUR  # of weather forecasts that come without their time of issue
ISSUE_INTERVAL = 12 * HOUR
_WITH_LEAD = re.compile(r"^(fc_.+)_(\d+)_(\d+)h$")


@dataclass(frozen=True, eq=False)
class Dataset:
    """One series.

    starts : (n,) UTC, regular
    regressors : by mode; modes in which nothing else is known than in the one before are left out
    """

    name: str
    zone: str
    starts: pd.DatetimeIndex
    series: Series
    regressors: dict[str, dict[str, Regressor]]

    @property
    def step(self) -> pd.Timedelta:
        return self.starts[1] - self.starts[0]

    def nearest_mode(self, mode: str) -> str:
        """The one in which the same is known as in this mode."""
        return [each for each in MODES[: MODES.index(mode) + 1] if each in self.regressors][-1]


class NoData(Exception):
    """There is nothing to evaluate on; the text says what to do."""


def find(folder: Path | None, names: list[str]) -> Iterator[Path]:
    """The files of a folder, in order of their names; all if no names are given.

    Raises
    ------
    NoData : no folder, no files in it, or none of some name
    """
    if folder is None or not folder.is_dir():
        where = f"{folder} is no folder" if folder else "No folder is given"
        raise NoData(f"{where}. Name a folder of series: --data, or FLEXMEASURES_BENCHMARK_DATA.")
    files = {stem(path): path for path in sorted(folder.iterdir()) if path.name.endswith(SUFFIXES)}
    if not files:
        raise NoData(f"{folder} has no files *{' or *'.join(SUFFIXES)}.")
    unknown = set(names) - set(files)
    if unknown:
        raise NoData(f"{folder} has no {', '.join(sorted(unknown))}, but {', '.join(files)}.")
    return (files[name] for name in names or files)


def stem(path: Path) -> str:
    return path.name.partition(".")[0]


def read(path: Path, default_zone: str = "UTC") -> Dataset:
    """A series from CSV: event_start (UTC), value, and regressors, each with a prefix."""
    table = pd.read_csv(path, index_col="event_start", parse_dates=True)
    starts = pd.DatetimeIndex(table.index)
    starts = starts.tz_localize("UTC") if starts.tz is None else starts.tz_convert("UTC")
    step = starts[1] - starts[0]
    if not (np.diff(starts.asi8) == np.diff(starts.asi8[:2])).all():
        raise NoData(f"{path} is not regular: it must have a row for each interval.")
    zone = CLOCKS.get(stem(path), default_zone)
    series = Series(
        values=table["value"].to_numpy(np.float64),
        steps_per_day=DAY / step,
        calendar=make_calendar(starts, zone),
    )
    columns = table.drop(columns="value").astype(np.float64)
    regressors: dict[str, dict[str, Regressor]] = {"none": {}}
    if len(columns.columns):
        regressors["forecast"] = make_regressors(columns, starts, perfect=False)
    if any(name.startswith("obs_") for name in columns):
        regressors["perfect"] = make_regressors(columns, starts, perfect=True)
    return Dataset(stem(path), zone, starts, series, regressors)


def make_calendar(starts: pd.DatetimeIndex, zone: str) -> Calendar:
    local = starts.tz_convert(zone).tz_localize(None)
    days = local.to_numpy("datetime64[D]")
    return Calendar(
        day=days.astype(np.int64),
        minute=(local.hour * 60 + local.minute).to_numpy(np.int64),
        weekday=local.weekday.to_numpy(np.int64),
        yearday=local.dayofyear.to_numpy(np.int64) - 1,
        holiday=holidays_on(days, zone),
    )


def make_regressors(
    columns: pd.DataFrame, starts: pd.DatetimeIndex, perfect: bool
) -> dict[str, Regressor]:
    """By prefix: `cs_` is always known; `fc_` when it was issued; `hist_` and `obs_` when the event
    ends, but `obs_` always in a perfect run."""
    events = np.arange(len(starts))
    always = np.zeros_like(events)
    at_the_end = events + 1
    beliefs: dict[str, list[tuple[Steps, Floats]]] = {}
    for name, column in columns.items():
        with_lead = _WITH_LEAD.match(str(name))
        if with_lead:
            known = steps_of(issue_times(starts, int(with_lead[2])), starts)
            beliefs.setdefault(with_lead[1], []).append((known, column.to_numpy()))
            continue
        prefix = str(name).partition("_")[0]
        known_by_prefix: dict[str, Callable[[], Steps]] = {
            "cs": lambda: always,
            "fc": lambda: steps_of(starts - FORECAST_LEAD, starts),
            "hist": lambda: at_the_end,
            "obs": lambda: always if perfect else at_the_end,
        }
        if prefix not in known_by_prefix:
            raise NoData(f"Column {name}: its prefix is none of {', '.join(known_by_prefix)}.")
        beliefs[str(name)] = [(known_by_prefix[prefix](), column.to_numpy())]
    return {name: _sorted(parts) for name, parts in beliefs.items()}


def issue_times(starts: pd.DatetimeIndex, lead_hours: int) -> pd.DatetimeIndex:
    """When the forecasts were issued of which the shortest lead is given."""
    return (starts - lead_hours * HOUR).floor(ISSUE_INTERVAL)


def steps_of(times: pd.DatetimeIndex, starts: pd.DatetimeIndex) -> Steps:
    """The first viewpoint at or after each time."""
    exact = (times - starts[0]) / (starts[1] - starts[0])
    return np.ceil(exact.to_numpy(np.float64)).astype(np.int64)


def _sorted(parts: list[tuple[Steps, Floats]]) -> Regressor:
    event = np.concatenate([np.arange(len(value)) for _, value in parts])
    known = np.concatenate([known for known, _ in parts])
    value = np.concatenate([value for _, value in parts])
    order = np.lexsort((known, event))
    order = order[~np.isnan(value[order])]
    return Regressor(event[order], known[order], value[order])
