"""A file that is read part by part says the same as one that is read as a whole."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import func, select, text

from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor, TimedBelief
from flexmeasures.data.services.file_import import (
    FileFormat,
    FileImportError,
    FileOfBeliefs,
    import_beliefs,
)
from flexmeasures.data.services.file_import.beliefs import NotInOrder

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)
MANY = 500  # rows, of which 50 are read at a time

Write = Callable[..., FileOfBeliefs]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A CSV file with these lines, below a header."""

    def write_lines(
        lines: list[str], resolution: timedelta = HOUR, zone: str = "Europe/Amsterdam", **about: Any
    ) -> FileOfBeliefs:
        path = tmp_path / "data.csv"
        path.write_text("\n".join(["start,value", *lines]) + "\n")
        asset = GenericAsset(name="asset", generic_asset_type=GenericAssetType(name="type"))
        sensor = Sensor("power", asset, unit="kW", timezone=zone, event_resolution=resolution)
        names = ("unit", "horizon", "cumulative_probability", "resample")
        meaning = {name: about.pop(name) for name in names if name in about}
        about.setdefault("timezone", "Europe/Amsterdam")
        source = DataSource("meter", type="script")
        return FileOfBeliefs(path, sensor, source, FileFormat(**about), now=NOW, **meaning)

    return write_lines


def local(begin: str, step: timedelta, zone: str = "Europe/Amsterdam") -> list[str]:
    """Many lines, in local time without a UTC offset."""
    starts = pd.date_range(begin, periods=MANY, freq=step, tz=zone)
    return [f"{start:%Y-%m-%d %H:%M:%S},{i % 17}" for i, start in enumerate(starts)]


CASES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "as they are": (local("2026-01-01", HOUR), {}),
    "over autumn": (local("2026-10-20", HOUR), {}),
    "in an hour that comes twice": (local("2026-10-24 23:00", timedelta(minutes=2)), {
        "resolution": timedelta(minutes=2)
    }),
    "autumns of many years": (local("2010-01-01", timedelta(hours=730)), {"resample": False}),
    "averaged": (local("2026-10-20", QUARTER), {}),
    "averaged to days": (local("2026-03-20", HOUR), {"resolution": timedelta(days=1)}),
    "averaged on another clock": (local("2026-03-20 00:00", QUARTER), {"zone": "Asia/Kathmandu"}),
    "repeated": (local("2026-03-20", HOUR), {"resolution": QUARTER}),
    "converted": (local("2026-03-20", HOUR), {"resolution": QUARTER, "unit": "-MWh"}),
    "a day has more rows than a part": (local("2026-03-20", timedelta(minutes=1)), {
        "resolution": timedelta(minutes=1)
    }),
    "with a horizon": (local("2026-03-20", HOUR), {"horizon": timedelta(hours=-2)}),
    "each twice": ([line for line in local("2026-03-20", HOUR) for _ in range(2)], {}),
    "filtered": ([f"{line},{i % 2}" for i, line in enumerate(local("2026-03-20", HOUR))], {
        "filters": ((2, "1"),), "resolution": timedelta(hours=2), "resample": False
    }),
    "some left out": (local("2026-03-20", HOUR), {"na_values": ("3",), "resample": False}),
    "so many rows": (local("2026-03-20", HOUR), {"nrows": 123}),
    "with belief times": ([f"{line},2026-03-0{1 + i % 2}T00:00" for i, line in enumerate(
        line for line in local("2026-03-20", HOUR) for _ in range(2))
    ], {"beliefcol": 2, "resample": False}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_parts_make_up_the_whole(write: Write, case: str) -> None:
    lines, about = CASES[case]
    file = write(lines, **about)
    parts = list(file.read_in_parts(50))
    assert len(parts) > 1 or case.startswith("a day has more")
    pd.testing.assert_frame_equal(
        pd.concat([pd.DataFrame(part) for part in parts]), pd.DataFrame(file.read())
    )


def test_progress_is_told(write: Write) -> None:
    told: list[float] = []
    for _ in write(local("2026-03-20", HOUR)).read_in_parts(50, told.append):
        pass
    assert len(told) > 5
    assert told == sorted(told)
    assert told[-1] == 1


def swapped(lines: list[str]) -> list[str]:
    return [*lines[-10:], *lines[:-10]]


WHOLE = {
    "not in order": swapped(local("2026-03-20", HOUR)),
    "days after months": [
        f"{day:%d/%m/%Y},{i}" for i, day in enumerate(pd.date_range("2026-01-01", periods=99))
    ],
}


@pytest.mark.parametrize("case", WHOLE)
def test_files_that_only_make_sense_as_a_whole(
    write: Write, fresh_db: SQLAlchemy, case: str
) -> None:
    file = write(WHOLE[case], timezone="UTC", resample=False)
    with pytest.raises(NotInOrder):
        list(file.read_in_parts(10))
    fresh_db.session.add_all([file.sensor, file.source])
    fresh_db.session.commit()
    assert import_beliefs(file, part=10).number == len(WHOLE[case])
    assert fresh_db.session.scalar(select(func.count()).select_from(TimedBelief)) == len(
        WHOLE[case]
    )


BAD = {
    "a gap": (local("2026-03-20", HOUR)[:300] + local("2026-03-20", HOUR)[301:], "2:00:00 before"),
    "no number": ([*local("2026-03-20", HOUR)[:300], "2026-04-01 13:00:00,x"], "'x' is no number"),
    "no date": (local("2026-03-20", HOUR) + ["soon,1"], "'soon' in row 502"),
    "an offset": (local("2026-03-20", HOUR) + ["2026-05-20 00:00:00Z,1"], "Z' in row 502"),
    "a time that a clock skips": (
        local("2026-03-20", HOUR)[:218] + ["2026-03-29 02:00:00,1"],
        "'2026-03-29 02:00:00' in row 220.*set forward",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_later_is_told_with_its_row(write: Write, case: str) -> None:
    lines, says = BAD[case]
    with pytest.raises(FileImportError, match=says):
        list(write(lines).read_in_parts(50))


def test_nothing_is_seen_until_all_is_committed(write: Write, fresh_db: SQLAlchemy) -> None:
    file = write(local("2026-03-20", HOUR))
    fresh_db.session.add_all([file.sensor, file.source])
    fresh_db.session.commit()
    counts = []

    def count(_: float) -> None:
        with fresh_db.engine.connect() as other:
            counts.append(other.scalar(text("SELECT count(*) FROM timed_belief")))

    imported = import_beliefs(file, progress=count, part=50)
    assert set(counts) == {0}
    fresh_db.session.commit()
    count(1)
    assert imported.number == counts[-1] == MANY


@pytest.mark.parametrize("number", [1, 60, 61, MANY])
def test_print_out_is_that_of_the_whole_frame(
    write: Write, fresh_db: SQLAlchemy, number: int
) -> None:
    file = write(local("2026-03-20", HOUR)[:number], resample=False)
    fresh_db.session.add_all([file.sensor, file.source])
    fresh_db.session.commit()
    assert str(import_beliefs(file, part=50)) == str(file.read())


def test_of_a_year_without_the_second_hour_the_others_are_not_affected(write: Write) -> None:
    """Local times of two autumns, in the first of which an hour is missing."""
    zone = "Europe/Amsterdam"
    first = pd.date_range("2025-10-26 00:00", periods=25, freq="h", tz=zone).delete(3)
    second = pd.date_range("2026-10-25 00:00", periods=25, freq="h", tz=zone)
    starts = first.append(second)
    lines = [f"{start:%Y-%m-%dT%H:%M},{i}" for i, start in enumerate(starts)]
    beliefs = write(lines, resample=False).read()
    np.testing.assert_array_equal(beliefs.index.get_level_values("event_start"), starts)


def test_a_day_without_a_midnight(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    """In Lebanon, the clock is set forward at midnight."""
    starts = pd.date_range("2026-03-28 12:00", periods=24, freq="30min", tz="Asia/Beirut")
    lines = [f"{start.isoformat()},{i}" for i, start in enumerate(starts)]
    with caplog.at_level(logging.WARNING):
        beliefs = write(lines, zone="Asia/Beirut", timezone=None).read()
    assert beliefs["event_value"].tolist() == [0.5 + 2 * n for n in range(12)]
    assert not caplog.records
