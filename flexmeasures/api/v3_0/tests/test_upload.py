"""Files with data of a sensor, good and bad."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from openpyxl import Workbook
from werkzeug.test import TestResponse

from flexmeasures.api.v3_0.tests.meter import Meter, beliefs, errors, make_meter, number_of_beliefs
from flexmeasures.app import create
from flexmeasures.tests.permissions.world import World, build_world, user_named

CSV, TEXT = "text/csv", "text/plain"
XLS = "application/vnd.ms-excel"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
QUARTERS = "event_start,event_value\n" + "".join(
    f"2026-03-01T00:{minute:02}:00,{value}\n"
    for minute, value in [(0, 1), (15, 2.5), (30, -3), (45, 4)]
)
FILES = "uploaded-files"

MakeMeter = Callable[..., Meter]


@pytest.fixture(scope="module")
def site(app: Flask) -> Flask:
    return create(env="testing")


@pytest.fixture(scope="module")
def world(db: SQLAlchemy) -> World:
    return build_world()


@pytest.fixture
def make(site: Flask, world: World) -> MakeMeter:
    return lambda *args, **kwargs: make_meter(site, world, *args, **kwargs)


@pytest.fixture
def meter(make: MakeMeter) -> Meter:
    return make()


def upload(
    meter: Meter,
    *contents: str | bytes | tuple[str | bytes, str, str],
    headers: dict[str, str] | None = None,
    **form: Any,
) -> TestResponse:
    """Contents of files, each with name and content type if it is not data.csv and text/csv."""
    files = []
    for content in contents:
        data, name, kind = content if isinstance(content, tuple) else (content, "data.csv", CSV)
        files.append((BytesIO(data.encode() if isinstance(data, str) else data), name, kind))
    return meter.site.test_client().post(
        f"{meter.path}/upload",
        data={FILES: files, **{key.replace("_", "-"): value for key, value in form.items()}},
        content_type="multipart/form-data",
        headers=headers or {"Authorization": meter.token},
    )


def problem(answer: TestResponse, index: int = 0) -> str:
    """What is wrong with one of the files."""
    [message] = errors(answer, "multipart")[FILES][str(index)]
    return str(message)


def lines(*rows: str) -> str:
    return "\n".join(["event_start,event_value", *rows])


def xlsx(*rows: tuple[Any, ...]) -> tuple[bytes, str, str]:
    book, content = Workbook(), BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(content)
    return content.getvalue(), "Data.XLSX", XLSX


def values_of(meter: Meter) -> list[float]:
    return [belief.event_value for belief in beliefs(meter)]


# ---------------------------------------------------------------------------------------------
# What is stored


def test_csv(meter: Meter) -> None:
    before = datetime.now(timezone.utc)
    answer = upload(meter, QUARTERS)
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.get_json() == {
        "status": "PROCESSED",
        "message": "Request has been processed.",
        "num-values": 4,
        "start": "2026-03-01T00:00:00+01:00",
        "end": "2026-03-01T01:00:00+01:00",
    }
    assert meter.values() == [1, 2.5, -3, 4]  # naive times are those of the sensor's timezone
    [belief, *_] = beliefs(meter)
    assert before < belief.belief_time < datetime.now(timezone.utc)
    assert (belief.source.name, belief.source.type) == ("member", "user")


def test_nothing_new(meter: Meter) -> None:
    upload(meter, QUARTERS)
    answer = upload(meter, QUARTERS)
    assert answer.status_code == 200
    assert answer.get_json()["status"] == "ALREADY_RECEIVED_AND_SUCCESSFULLY_PROCESSED"
    assert answer.get_json()["num-values"] == 0
    assert number_of_beliefs(meter) == 4


@pytest.mark.parametrize("yes", ["True", "on", "1", "yes"])
def test_measured_instantly(meter: Meter, yes: str) -> None:
    answer = upload(meter, QUARTERS, belief_time_measured_instantly=yes)
    assert answer.status_code == 200
    assert {belief.belief_horizon for belief in beliefs(meter)} == {timedelta(0)}


def test_other_values_for_what_was_measured(meter: Meter) -> None:
    upload(meter, QUARTERS, belief_time_measured_instantly="on")
    changed = QUARTERS.replace("2.5", "7") + "2026-03-01T01:00,8\n"
    answer = upload(meter, changed, belief_time_measured_instantly="on")
    assert answer.status_code == 403
    assert answer.get_json()["status"] == "INVALID_REPLACEMENT"
    assert "2026-03-01T00:15:00+01:00" in answer.get_json()["message"]
    assert meter.values() == [1, 2.5, -3, 4]
    assert number_of_beliefs(meter) == 4


def test_several_files(meter: Meter) -> None:
    answer = upload(
        meter,
        QUARTERS,
        ("t,v\r\n2026-03-01T01:00+01:00,5\r\n", "MORE.CSV", TEXT),
        xlsx(("t", "v"), (datetime(2026, 3, 1, 1, 15), 6), (datetime(2026, 3, 1, 1, 30), 7)),
    )
    assert answer.status_code == 200, answer.get_json()
    assert meter.values(duration="PT105M") == [1, 2.5, -3, 4, 5, 6, 7]


def test_one_bad_file_of_three(meter: Meter) -> None:
    bad = lines("2026-03-02T00:00,five")
    answer = upload(meter, QUARTERS, bad, (b"", "empty.csv", CSV))
    assert set(errors(answer, "multipart")[FILES]) == {"1", "2"}
    assert number_of_beliefs(meter) == 0


@pytest.mark.parametrize(
    ("unit", "minutes", "rows", "stored"),
    [
        ("kW", 15, ["00:00,1", "00:05,2", "00:10,6"], [3]),
        ("kWh", 15, ["00:00,1", "00:05,2", "00:10,6"], [9]),
        ("EUR", 15, ["00:00,1", "00:05,2", "00:10,6"], [9]),
        ("EUR/MWh", 15, ["00:00,1", "00:05,2", "00:10,6"], [3]),
        ("kW", 15, ["00:00,1", "01:00,2"], [1] * 4 + [2] * 4),
        ("kWh", 15, ["00:00,4", "01:00,8"], [1] * 4 + [2] * 4),
        ("kW", 60, ["00:00,1", "01:00,2", "05:00,3"], [1, 2, 3]),  # the most common step
        (
            "kW",
            15,
            ["00:00,1", "01:00,2", "02:00,3", "02:30,5"],
            [1] * 4 + [2] * 4 + [3] * 2 + [5] * 4,
        ),
        ("kW", 15, ["00:07,1", "00:22,2"], [1, 2]),
        ("kW", 60, ["00:00,1"], [1]),
        ("kW", 0, ["00:00,1", "00:07,2"], [1, 2]),
    ],
)
def test_resampling(
    make: MakeMeter, unit: str, minutes: int, rows: list[str], stored: list[float]
) -> None:
    meter = make(minutes, unit=unit)
    answer = upload(meter, lines(*(f"2026-03-01T{row}" for row in rows)))
    assert answer.status_code == 200, answer.get_json()
    assert values_of(meter) == stored


def test_unit(meter: Meter) -> None:
    assert upload(meter, QUARTERS, unit="MW").status_code == 200
    assert meter.values() == [1000, 2500, -3000, 4000]


def test_energy_to_power(meter: Meter) -> None:
    """A kilowatt-hour within an hour is a kilowatt in each quarter of it."""
    answer = upload(meter, lines("2026-03-01T00:00,1", "2026-03-01T01:00,2"), unit="kWh")
    assert answer.status_code == 200
    assert meter.values(duration="PT2H") == [1] * 4 + [2] * 4


@pytest.mark.parametrize(
    ("content", "stored"),
    [
        ("\ufeff" + QUARTERS, [1, 2.5, -3, 4]),
        (QUARTERS.replace("event_start,event_value\n", ""), [1, 2.5, -3, 4]),  # no header
        (QUARTERS.replace(",", ";").replace(".", ","), [1, 2.5, -3, 4]),
        (QUARTERS.replace(",", "\t"), [1, 2.5, -3, 4]),
        (QUARTERS.replace("\n", ",note\n"), [1, 2.5, -3, 4]),  # more columns
        (QUARTERS.replace("2.5", "") + "\n\n", [1, -3, 4]),
        (QUARTERS.replace("2.5", '"2.5"'), [1, 2.5, -3, 4]),
        ("".join(reversed(QUARTERS.splitlines(True))), None),
    ],
    ids=["BOM", "no header", "semicolons", "tabs", "columns", "blanks", "quotes", "header below"],
)
def test_ways_to_write_csv(meter: Meter, content: str, stored: list[float] | None) -> None:
    answer = upload(meter, content)
    if stored is None:
        assert "'event_start' in row 5" in problem(answer) or "event_value" in problem(answer)
        return
    assert answer.status_code == 200, answer.get_json()
    assert values_of(meter) == stored


def test_hour_that_is_there_twice(make: MakeMeter) -> None:
    meter = make(60)
    hours = ["00:00", "01:00", "02:00", "02:00", "03:00"]
    answer = upload(meter, lines(*(f"2026-10-25 {hour},{i}" for i, hour in enumerate(hours))))
    assert answer.status_code == 200, answer.get_json()
    assert meter.values(start="2026-10-25T00:00+02:00", duration="PT5H") == [0, 1, 2, 3, 4]


def xls(*rows: tuple[str | float, ...]) -> tuple[bytes, str, str]:
    """What Excel 2 would write."""

    def record(kind: int, content: bytes) -> bytes:
        return struct.pack("<HH", kind, len(content)) + content

    content = record(0x0009, struct.pack("<HH", 7, 16)) + record(0x0042, struct.pack("<H", 1252))
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            place = struct.pack("<HH3x", number, column)
            if isinstance(cell, str):
                text = cell.encode("ascii")
                content += record(0x0004, place + struct.pack("<B", len(text)) + text)
            else:
                content += record(0x0003, place + struct.pack("<d", cell))
    return content + record(0x000A, b""), "old.xls", XLS


def test_old_excel(meter: Meter) -> None:
    rows: list[tuple[str | float, ...]] = [("2026-03-01 00:00", 1.5), ("2026-03-01 00:15", 2.0)]
    answer = upload(meter, xls(("start", "value"), *rows))
    assert answer.status_code == 200, answer.get_json()
    assert values_of(meter) == [1.5, 2]


# ---------------------------------------------------------------------------------------------
# What is refused


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [
        ("data.json", CSV, "data.json has no extension of these: csv, xlsx, xls, xlsm."),
        ("csv", CSV, "csv has no extension"),
        ("data.csv", "application/json", "The content type of data.csv is application/json"),
        ("data.csv", "application/octet-stream", "The content type of data.csv"),
    ],
)
def test_name_and_content_type(meter: Meter, name: str, kind: str, says: str) -> None:
    assert problem(upload(meter, QUARTERS, (QUARTERS, name, kind)), 1).startswith(says)
    assert number_of_beliefs(meter) == 0


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no rows"),
        ("event_start,event_value\n", "no rows"),
        ("\n\n\n", "no rows"),
        (b"\xff\xfe\x00\x81\x8d" * 50, "not a text file in UTF-8"),
        (b"a,b\nc\x00d,1\n", "Cannot read datetimes"),
        ("<html><body>Not found</body></html>", "no rows"),
        ("one\ntwo\nthree\n", "Cannot read column"),
        (lines("2026-03-01T00:00,1", "2026-03-01T00:15,NaN"), "'NaN' in row 3 is no number"),
        (lines("2026-03-01T00:00,1", "2026-03-01T00:15,inf"), "'inf' in row 3"),
        (lines("2026-03-01T00:00,1", "2026-03-01T00:15,-Infinity"), "'-Infinity' in row 3"),
        (lines("2026-03-01T00:00,1e400"), "'1e400' in row 2"),
        (lines("2026-03-01T00:00,True"), "'True' in row 2"),
        (lines("2026-03-01T00:00," + "9" * 400), "in row 2 is no number"),
        (lines("soon,1"), "'soon' in row 2"),
        (lines(",1"), "no datetime in row 2"),
        (lines("2026-03-01T00:00,1", "2026-03-01T00:15Z,1"), "Some datetimes"),
        (lines("2026-03-29T02:30,1"), "does not exist in Europe/Amsterdam"),
        (lines("9999-12-31T10:00,1"), "'9999-12-31T10:00' in row 2"),
        (lines("0001-01-01T10:00Z,1"), "'0001-01-01T10:00Z' in row 2"),
        (lines("03-04-2026 00:00,1"), "with the day or with the month first"),
        (lines("2026-03-01T00:00,1", "2026-03-01T00:00,2"), "different values for the same event"),
        (lines("2026-03-01T00:00,1", "2026-03-01T00:20,2"), "no multiple of the resolution"),
        (lines('2026-03-01T00:00,"1'), "Cannot read"),
        ("1,2\n3,4\n", "'1' in row 1"),
    ],
)
def test_contents_that_are_no_good(meter: Meter, content: str | bytes, says: str) -> None:
    message = problem(upload(meter, content))
    assert says in message
    assert "--" not in message  # options are for the command line
    assert number_of_beliefs(meter) == 0


def test_missing_parts(meter: Meter) -> None:
    required = {FILES: ["Missing data for required field."]}
    assert errors(upload(meter), "multipart") == required
    assert errors(meter.send({"values": [1]}, f"{meter.path}/upload"), "multipart") == required
    answer = upload(meter, QUARTERS, horizon="PT1H")
    assert errors(answer, "multipart") == {"horizon": ["Unknown field."]}
    answer = upload(meter, QUARTERS, belief_time_measured_instantly="perhaps")
    assert set(errors(answer, "multipart")) == {"belief-time-measured-instantly"}
    answer = upload(meter, uploaded_files="2026-03-01T00:00,1")
    assert problem(answer).startswith("Not a file.")
    answer = upload(meter, QUARTERS, unit=["kW", "MW"])
    assert errors(answer, "multipart") == {"unit": ["Given several times. Send it once."]}


@pytest.mark.parametrize("unit", ["kWh/m", "EUR", "furlong?", "", "\0", "k" * 81])
def test_unit_that_does_not_convert(meter: Meter, unit: str) -> None:
    assert set(errors(upload(meter, QUARTERS, unit=unit), "multipart")) == {"unit"}


def test_sign(make: MakeMeter) -> None:
    meter = make(on_asset={"is_consumer": True, "is_producer": False})
    meter_answer = upload(meter, QUARTERS.replace("-3", "3").replace(",4", ",-4"))
    message = problem(upload(meter, QUARTERS))
    assert "0 or more" in message or "0 or less" in message
    assert "2026-03-01T00:" in message
    assert meter_answer.status_code == 422
    assert number_of_beliefs(meter) == 0


def test_whose_sensor(meter: Meter) -> None:
    other = {"Authorization": str(user_named("other").get_auth_token())}
    assert upload(meter, "nothing to be read", headers=other).status_code == 403
    assert upload(meter, QUARTERS, headers={"Accept": "application/json"}).status_code == 401
    meter.sensor_id = 2**31
    assert upload(meter, QUARTERS).status_code == 404


# ---------------------------------------------------------------------------------------------
# Workbooks


def test_sheet_with_gaps_and_texts(meter: Meter) -> None:
    rows: list[tuple[Any, ...]]
    rows = [("start", "value"), ("2026-03-01 00:00", "1"), (None, None)]
    rows += [("2026-03-01 00:15", 2.5), ("2026-03-01 00:30", None), ("2026-03-01 00:45", -3)]
    answer = upload(meter, xlsx(*rows))
    assert answer.status_code == 200, answer.get_json()
    assert values_of(meter) == [1, 2.5, -3]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "no rows"),
        ([("start", "value")], "no rows"),
        (
            [("start", "value"), (datetime(2026, 3, 1), "=1+1")],
            "Cell B2 of Data.XLSX has a formula",
        ),
        ([("start", "value"), (datetime(2026, 3, 1), "#DIV/0!")], "'#DIV/0!' in row 2"),
        ([("start", "value"), (datetime(2026, 3, 1), "five")], "'five' in row 2"),
        ([("start", "value"), (datetime(2026, 3, 1), True)], "'True' in row 2"),
        ([("start", "value"), (datetime(2026, 3, 1), datetime(2026, 3, 1))], "in row 2"),
        ([("start", "value"), (45352.5, 1)], "'45352.5' in row 2 of Data.XLSX is a number"),
        ([("start", "value"), (datetime(2026, 3, 1), 1), (7, 1)], "'7' in row 3"),
        ([("start", "value"), (None, 1)], "no datetime in row 2"),
        ([("start", "value"), (datetime(2026, 3, 29, 2, 30), 1)], "does not exist"),
    ],
)
def test_sheets_that_are_no_good(meter: Meter, rows: list[tuple[Any, ...]], says: str) -> None:
    assert says in problem(upload(meter, xlsx(*rows)))
    assert number_of_beliefs(meter) == 0


def repacked(content: bytes, **changes: bytes) -> bytes:
    """A workbook with other contents of some parts, named by their last name."""
    packed = BytesIO()
    with (
        zipfile.ZipFile(BytesIO(content)) as old,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for part in old.infolist():
            name = part.filename.rpartition("/")[2].partition(".")[0]
            new.writestr(part.filename, changes.get(name, old.read(part)))
    return packed.getvalue()


MAIN = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
END = b"</sheetData></worksheet>"
BOMBS = {
    "large sheet": {"sheet1": MAIN + b"<row>" + b" " * 101 * 2**20 + b"</row>" + END},
    "many rows": {"sheet1": MAIN + b"<row/>" * (2**20 + 1) + END},
    "long row": {"sheet1": MAIN + b"<row>" + b"<c/>" * 70_000 + b"</row>" + END},
    "large styles": {"styles": b"<a>" + b"<b/>" * 1_000_001 + b"</a>"},
    "many parts": None,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_workbooks_that_would_explode(meter: Meter, bomb: str) -> None:
    content, name, kind = xlsx(("start", "value"), (datetime(2026, 3, 1), 1))
    changes = BOMBS[bomb]
    if changes is None:
        packed = BytesIO(content)
        with zipfile.ZipFile(packed, "a") as archive:
            for number in range(1000):
                archive.writestr(f"xl/{number}.xml", "<a/>")
        content = packed.getvalue()
    else:
        content = repacked(content, **changes)
    assert "too large when it is unpacked" in problem(upload(meter, (content, name, kind)))


def test_cell_in_the_last_corner(meter: Meter) -> None:
    """Libraries would fill in all rows and columns before it: 16 milliards of cells."""
    book, content = Workbook(), BytesIO()
    book.active.append(("start", "value"))
    book.active.append(("2026-03-01", 1))
    book.active["XFD1048576"] = 1
    book.save(content)
    assert upload(meter, (content.getvalue(), "corner.xlsx", XLSX)).status_code == 200
    assert values_of(meter) == [1]


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 and more",
        QUARTERS.encode(),
        repacked(xlsx(("a", "b"))[0], sheet1=b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
        repacked(xlsx(("a", "b"))[0], sheet1=b"<a>"),
        repacked(xlsx(("a", "b"))[0], workbook=b"<a/>"),
        xlsx(("a", "b"))[0][:-100],
        b"\xd0\xcf\x11\xe0" + bytes(600),
    ],
    ids=["no zip", "text", "entities", "broken", "no book", "cut off", "old"],
)
def test_damaged_workbook(meter: Meter, content: bytes) -> None:
    message = problem(upload(meter, (content, "data.xlsx", XLSX)))
    assert message == "Cannot read data.xlsx: it is no Excel file, or damaged."


# ---------------------------------------------------------------------------------------------
# Limits


def test_too_many_bytes(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(meter.site.config, "FLEXMEASURES_MAX_SENSOR_DATA_INGESTION_BYTES", 1000)
    answer = upload(meter, QUARTERS + " " * 1000)
    assert (answer.status_code, answer.content_type) == (413, "application/json")
    assert number_of_beliefs(meter) == 0


def test_too_many_values(make: MakeMeter, monkeypatch: pytest.MonkeyPatch) -> None:
    meter = make()
    monkeypatch.setitem(meter.site.config, "FLEXMEASURES_MAX_SENSOR_DATA_VALUES", 7)
    assert "too many values" in problem(upload(meter, QUARTERS, QUARTERS), 1)
    hours = lines("2026-03-01T00:00,1", "2026-03-01T01:00,2")
    assert "too many values" in problem(upload(meter, hours))
    sheet = xlsx(*((f"2026-03-01 00:0{minute}", minute) for minute in range(8)))
    assert "too many values" in problem(upload(meter, sheet))
