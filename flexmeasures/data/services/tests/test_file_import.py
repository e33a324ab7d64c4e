"""Files that people have, good and bad, read as beliefs."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services.file_import import FileFormat, FileImportError, FileOfBeliefs
from flexmeasures.utils.timely import tb

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)
SOURCE = DataSource(name="a meter", type="script")

Read = Callable[..., tb.BeliefsDataFrame]


def sensor(resolution: timedelta = HOUR, unit: str = "kW") -> Sensor:
    asset = GenericAsset(name="asset", generic_asset_type=GenericAssetType(name="type"))
    return Sensor(
        "power",
        generic_asset=asset,
        unit=unit,
        timezone="Europe/Amsterdam",
        event_resolution=resolution,
    )


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write lines to a CSV file (below a header), and read it."""

    def read_lines(
        *lines: str, to: Sensor | None = None, resample: bool = True, **options: Any
    ) -> tb.BeliefsDataFrame:
        path = tmp_path / "data.csv"
        path.write_text("\n".join(["start,value", *lines]) + "\n")
        arguments = {
            name: options.pop(name)
            for name in ("unit", "horizon", "cumulative_probability")
            if name in options
        }
        options.setdefault("timezone", "Europe/Amsterdam")
        return FileOfBeliefs(
            path,
            to or sensor(),
            SOURCE,
            FileFormat(**options),
            now=NOW,
            resample=resample,
            **arguments,
        ).read()

    return read_lines


def starts(beliefs: pd.DataFrame) -> list[str]:
    return [str(start) for start in beliefs.index.get_level_values("event_start")]


def values(beliefs: pd.DataFrame) -> list[float]:
    return beliefs["event_value"].tolist()


def test_local_times_are_localized(read: Read) -> None:
    beliefs = read("2026-03-02T00:00,1", "2026-03-02T01:00,2", "2026-03-02T02:00,3")
    assert starts(beliefs)[0] == "2026-03-02 00:00:00+01:00"
    assert values(beliefs) == [1, 2, 3]
    assert set(beliefs.index.get_level_values("belief_time")) == {NOW}
    assert set(beliefs.index.get_level_values("source")) == {SOURCE}
    assert set(beliefs.index.get_level_values("cumulative_probability")) == {0.5}


@pytest.mark.parametrize(
    "lines",
    [
        ("2026-03-02T00:00+01:00,1", "2026-03-02T00:00+00:00,2", "2026-03-02T03:00+01:00,3"),
        ("2026-03-01T23:00Z,1", "2026-03-02T00:00Z,2", "2026-03-02T02:00Z,3"),
    ],
    ids=["mixed offsets", "UTC"],
)
def test_offsets_are_respected(read: Read, lines: tuple[str, ...]) -> None:
    beliefs = read(*lines, timezone=None, resample=False)
    assert starts(beliefs) == [
        "2026-03-02 00:00:00+01:00",
        "2026-03-02 01:00:00+01:00",
        "2026-03-02 03:00:00+01:00",
    ]


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)], ids=["spring", "autumn"]
)
def test_clock_change_day(read: Read, day: str, hours: int) -> None:
    """Local times of a whole day, as meters write them: with a gap, or with an hour twice."""
    index = pd.date_range(day, periods=hours, freq="h", tz="Europe/Amsterdam")
    beliefs = read(*(f"{time:%Y-%m-%dT%H:%M},{i}" for i, time in enumerate(index)))
    assert list(beliefs.index.get_level_values("event_start")) == list(index)
    assert values(beliefs) == list(range(hours))


def test_hour_that_is_there_once_in_autumn_is_the_first(read: Read) -> None:
    beliefs = read("2026-10-25T01:30,1", "2026-10-25T02:30,2", resample=False)
    assert starts(beliefs)[1] == "2026-10-25 02:30:00+02:00"


def test_hours_are_repeated_on_quarters(read: Read) -> None:
    """Each hour fills all of its quarters, the last one too."""
    beliefs = read("2026-03-02T00:00,1", "2026-03-02T01:00,2", to=sensor(QUARTER))
    assert values(beliefs) == [1, 1, 1, 1, 2, 2, 2, 2]
    assert starts(beliefs)[-1] == "2026-03-02 01:45:00+01:00"


def test_quarters_are_averaged_to_days_of_local_time(read: Read) -> None:
    """The day on which the clock is set forward has 92 quarters."""
    index = pd.date_range("2026-03-28", "2026-03-30", freq="15min", inclusive="left", tz="CET")
    days = [1.0] * 96 + [3.0] * 92
    lines = [f"{time.isoformat()},{value}" for time, value in zip(index, days, strict=True)]
    beliefs = read(*lines, to=sensor(timedelta(days=1)))
    assert values(beliefs) == [1, 3]
    assert starts(beliefs) == ["2026-03-28 00:00:00+01:00", "2026-03-29 00:00:00+01:00"]


def test_unit_is_converted_at_the_resolution_of_the_file(read: Read) -> None:
    """1 kWh in an hour is 1 kW in each of its quarters."""
    beliefs = read("2026-03-02T00:00,1", "2026-03-02T01:00,2", to=sensor(QUARTER), unit="kWh")
    assert values(beliefs) == [1, 1, 1, 1, 2, 2, 2, 2]


def test_minus_sign_in_unit_flips_the_values(read: Read) -> None:
    assert values(read("2026-03-02T00:00,1", "2026-03-02T01:00,-2", unit="-kW")) == [-1, 2]


def test_belief_times(read: Read) -> None:
    """A horizon counts from when an event could be known, here its end."""
    lines = ("2026-03-02T00:00,1", "2026-03-02T01:00,2")
    beliefs = read(*lines, horizon=timedelta(minutes=30))
    assert [str(time) for time in beliefs.index.get_level_values("belief_time")] == [
        "2026-03-02 00:30:00+01:00",
        "2026-03-02 01:30:00+01:00",
    ]
    believed = read(
        "2026-03-02T00:00,1,2026-03-01T09:00", "2026-03-02T00:00,2,2026-03-01T10:00",
        beliefcol=2, resample=False,
    )  # fmt: skip
    assert [time.hour for time in believed.index.get_level_values("belief_time")] == [9, 10]


def test_columns_filters_and_number_formats(read: Read) -> None:
    beliefs = read(
        "a;1.234,5;x;2026-03-02T00:00", "b;0,25;x;2026-03-02T00:00", "a;2;1.0;2026-03-02T01:00",
        delimiter=";", decimal=",", thousands=".", datecol=3, valuecol=1, skiprows=1,
        filters=((0, "a"), (2, "x")), resample=False,
    )  # fmt: skip
    assert values(beliefs) == [1234.5]


def test_rows_out_of_order_are_sorted_and_said_so(
    read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    beliefs = read("2026-03-02T01:00,2", "2026-03-02T00:00,1")
    assert values(beliefs) == [1, 2]
    assert "not in order of time" in caplog.text


def test_repeated_rows_are_dropped_and_said_so(
    read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    beliefs = read("2026-03-02T00:00,1", "2026-03-02T00:00,1", "2026-03-02T01:00,2")
    assert values(beliefs) == [1, 2]
    assert "Dropping duplicates for the following records" in caplog.text


def test_missing_values_are_left_out_if_told_how_they_look(read: Read) -> None:
    beliefs = read("2026-03-02T00:00,", "2026-03-02T01:00,2", "2026-03-02T02:00,3", na_values=("",))
    assert values(beliefs) == [2, 3]


@pytest.mark.parametrize(
    ("lines", "options", "says"),
    [
        (["2026-03-02T00:00,1", "2026-03-02T01:00,2"], {"timezone": None}, "use --timezone"),
        (["2026-03-02T00:00,1", "2026-03-02T01:00+01:00,2"], {}, "to all, or to none"),
        (["2026-03-02T00:00,1", "yesterday,2"], {}, "'yesterday' in row 3.*expected ISO 8601"),
        (["2026-03-29T01:30,1", "2026-03-29T02:30,2"], {}, "02:30:00' in row 3.*set forward"),
        (["2026-03-02T00:00,", "2026-03-02T01:00,2"], {}, "'' is no number.*--na-values"),
        (["2026-03-02T00:00,1", "2026-03-02T01:00,n/a"], {}, "'n/a' is no number"),
        (["2026-03-02T00:00,1", "2026-03-02T00:00,2"], {}, "different values for the same event"),
        (
            ["2026-03-02T00:00,1", "2026-03-02T01:00,2", "2026-03-02T03:00,4"],
            {},
            "1:00:00 apart, but 2:00:00 before 2026-03-02T03:00.*--do-not-resample",
        ),
        (["2026-03-02T00:00,1"], {}, "one row of data only"),
        (["2026-03-02T00:00,1", "2026-03-02T01:30,2"], {}, "no multiple of the resolution"),
        (["2026-03-02T00:00,1"], {"valuecol": 7}, "Cannot read column.*0, 7.*--valuecol"),
        (["2026-03-02T00:00;1"], {}, "Cannot read column.*--delimiter"),
        ([], {}, "no rows"),
        (["2026-03-02T00:00,1"], {"filters": ((1, "2"),)}, "no rows with data"),
        (["2026-03-02T00:00,1", "2026-03-02T01:00,2"], {"unit": "°C"}, "from °C to kW"),
        (["2026-03-02T00:00,1", "2026-03-02T01:00,2"], {"unit": "beans"}, "from beans to kW"),
        (["2026-03-02T00:00,1,2026-03-01T00:00"], {"beliefcol": 2}, "--do-not-resample"),
        (
            ["2026-03-02T00:00,1,2026-03-01T00:00"],
            {"beliefcol": 2, "horizon": HOUR},
            "either --horizon or --beliefcol",
        ),
    ],
    ids=lambda case: re.sub(r"\W+", " ", case) if isinstance(case, str) else "",
)
def test_bad_files(read: Read, lines: list[str], options: dict[str, Any], says: str) -> None:
    with pytest.raises(FileImportError) as error:
        read(*lines, **options)
    assert re.search(says, str(error.value), re.DOTALL), str(error.value)


@pytest.mark.parametrize("name", ["data.xlsx", "data.xls", "data.txt", "data"])
def test_files_of_another_kind(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"not what it seems")
    with pytest.raises(FileImportError, match=r"Cannot read|not recognized"):
        FileOfBeliefs(path, sensor(), SOURCE, FileFormat(), now=NOW).read()


def test_binary_file_called_csv(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(bytes(np.arange(256, dtype=np.uint8)))
    with pytest.raises(FileImportError, match=r"data\.csv"):
        FileOfBeliefs(path, sensor(), SOURCE, FileFormat(), now=NOW).read()


def test_excel(tmp_path: Path) -> None:
    """Cells with real dates, on a second sheet."""
    path = tmp_path / "data.xlsx"
    table = pd.DataFrame({"start": pd.date_range("2026-03-02", periods=3, freq="h"), "value": 5.5})
    with pd.ExcelWriter(path) as writer:
        table.head(0).to_excel(writer, sheet_name="empty", index=False)
        table.to_excel(writer, sheet_name="full", index=False)
    file_format = FileFormat(sheet_number=1, timezone="Europe/Amsterdam")
    beliefs = FileOfBeliefs(path, sensor(), SOURCE, file_format, now=NOW).read()
    assert starts(beliefs)[0] == "2026-03-02 00:00:00+01:00"
    assert values(beliefs) == [5.5, 5.5, 5.5]


def test_day_and_month_are_not_guessed(read: Read) -> None:
    with pytest.raises(FileImportError, match="day or with the month first"):
        read("05/11/2026 00:00,1", "05/11/2026 01:00,2")
    # Only one way to read all of these.
    days = read("12/11/2026,1", "13/11/2026,2", to=sensor(24 * HOUR))
    assert [str(day.date()) for day in days.index.get_level_values("event_start")] == [
        "2026-11-12",
        "2026-11-13",
    ]


def test_columns_of_a_sheet_that_are_swapped(tmp_path: Path) -> None:
    path = tmp_path / "swapped.xlsx"
    hours = pd.date_range("2026-11-25", periods=3, freq="h")
    pd.DataFrame({"value": [1, 2, 3], "start": hours}).to_excel(path, index=False)

    def read_columns(datecol: int, valuecol: int) -> tb.BeliefsDataFrame:
        columns = FileFormat(datecol=datecol, valuecol=valuecol, timezone="Europe/Amsterdam")
        return FileOfBeliefs(path, sensor(), SOURCE, columns, now=NOW).read()

    assert read_columns(1, 0)["event_value"].tolist() == [1, 2, 3]
    with pytest.raises(FileImportError, match="has numbers, such as 1"):
        read_columns(0, 1)
    with pytest.raises(FileImportError, match="'2026-11-25 00:00:00' is no number"):
        read_columns(1, 1)


@pytest.mark.parametrize("content", [b"", b"no sheet", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 80])
def test_damaged_workbook(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged.xls"
    path.write_bytes(content)
    with pytest.raises(FileImportError, match=r"Cannot read damaged\.xls: it is no Excel file"):
        FileOfBeliefs(path, sensor(), SOURCE, FileFormat(), now=NOW).read()


def test_events_that_start_between_those_of_the_sensor(read: Read) -> None:
    rows = ("2026-11-25T00:07,1", "2026-11-25T01:07,2")
    with pytest.raises(FileImportError, match=r"00:07:00\+01:00 in data.csv is not where an event"):
        read(*rows)
    assert read(*rows, resample=False)["event_value"].tolist() == [1, 2]


def test_delimiter_of_several_characters(read: Read) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = read("2026-11-25T00:00;;1", "2026-11-25T01:00;;2", delimiter=";;")
    assert rows["event_value"].tolist() == [1, 2]
    with pytest.raises(FileImportError, match="--delimiter"):
        read("2026-11-25T00:00,1", delimiter="")


def test_endless_horizon(read: Read) -> None:
    with pytest.raises(FileImportError, match="--horizon"):
        read("2026-11-25T00:00,1", "2026-11-25T01:00,1", horizon=timedelta(days=700_000))
