"""Slots: equidistant in absolute time, in the timezone of the start."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures.scheduling.slots import initialize_df, initialize_index, initialize_series

HOUR = timedelta(hours=1)
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NINE = datetime(2026, 3, 2, 9, tzinfo=AMSTERDAM)


@pytest.mark.parametrize(
    ("inclusive", "hours"),
    [("left", [9, 10]), ("right", [10, 11]), ("both", [9, 10, 11]), ("neither", [10])],
)
def test_ends(inclusive: str, hours: list[int]) -> None:
    index = initialize_index(NINE, NINE + 2 * HOUR, HOUR, inclusive)
    assert index.hour.tolist() == hours
    assert index.freq == HOUR


def test_nothing_between() -> None:
    assert initialize_index(NINE, NINE, HOUR).empty


@given(
    start=st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1)).map(
        lambda naive: naive.replace(tzinfo=AMSTERDAM)
    ),
    slots=st.integers(0, 200),
    minutes=st.sampled_from([5, 15, 60]),
)
def test_slots_times_resolution_is_the_window(start: datetime, slots: int, minutes: int) -> None:
    resolution = timedelta(minutes=minutes)
    utc = start.astimezone(ZoneInfo("UTC"))
    end = (utc + slots * resolution).astimezone(AMSTERDAM)
    index = initialize_index(start, end, resolution)
    assert len(index) == slots
    if slots:
        assert index[0] == start
        assert index[-1] + resolution == end
        assert str(index.tz) == "Europe/Amsterdam"


def test_series_and_frames() -> None:
    assert initialize_series(5, NINE, NINE + 2 * HOUR, HOUR).tolist() == [5, 5]
    assert initialize_series([5, 6], NINE, NINE + 2 * HOUR, "1h").tolist() == [5, 6]
    frame = initialize_df(["min", "max"], NINE, NINE + 2 * HOUR, HOUR)
    assert frame.columns.tolist() == ["min", "max"]
    assert np.isnan(frame.astype(float)).all(axis=None)
    assert len(frame) == 2
