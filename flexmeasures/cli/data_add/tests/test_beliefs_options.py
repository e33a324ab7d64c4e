"""`flexmeasures add beliefs`: how each option has the file read, and what is no good for it."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import func, select

from flexmeasures.cli.conftest import Terminal
from flexmeasures.cli.data_add.beliefs import add_beliefs
from flexmeasures.data.models.time_series import TimedBelief
from flexmeasures.data.services.toy_account import ToyAccount

UTC = ("--timezone", "UTC")
EXACTLY = (*UTC, "--do-not-resample")
DAY = "2026-11-25T"
PRICES = [f"{DAY}07:00,1", f"{DAY}08:00,2", f"{DAY}09:00,3"]

Add = Callable[..., Result]


@pytest.fixture
def add(toy: ToyAccount, invoke: Callable[..., Result], tmp_path: Path) -> Add:
    """Adds a file with these lines as beliefs about the toy account's prices (EUR/MWh, hourly)."""

    def write_and_add(lines: Sequence[str], *options: str, exit_code: int = 0) -> Result:
        path = tmp_path / "data.csv"
        path.write_text("\n".join(lines) + "\n")
        words = ("--sensor-id", str(toy.prices.id), "--source", "market", str(path), *options)
        return invoke(add_beliefs, *words, exit_code=exit_code)

    return write_and_add


@pytest.mark.parametrize(
    ("lines", "options", "values"),
    [
        (PRICES, ("--skiprows", "0", *UTC), [1, 2, 3]),
        (["", "prices", "start,price", *PRICES], ("--skiprows", "3", *UTC), [1, 2, 3]),
        (["x", *PRICES], ("--nrows", "2", *UTC), [1, 2]),
        (["x", *PRICES], ("--nrows", "99", *UTC), [1, 2, 3]),
        (["x", *(f"a,{line}" for line in PRICES)], ("--datecol", "1", "--valuecol", "2", *UTC), [
            1, 2, 3
        ]),
        (["x", *(f"{line[17:]},{line[:16]}" for line in PRICES)], (
            "--datecol", "1", "--valuecol", "0", *UTC
        ), [1, 2, 3]),
        (["x", *(line.replace(",", "\t") for line in PRICES)], ("--delimiter", "\t", *UTC), [
            1, 2, 3
        ]),
        (["x", *(line.replace(",", " | ") for line in PRICES)], (
            "--delimiter", r"\s*\|\s*", *UTC
        ), [1, 2, 3]),
        (["x", *(line.replace(",", "§") for line in PRICES)], ("--delimiter", "§", *UTC), [
            1, 2, 3
        ]),
        (["x", f"{DAY}07:00;1,5", f"{DAY}08:00;2"], ("--delimiter", ";", "--decimal", ",", *UTC), [
            1.5, 2
        ]),
        (["x", f"{DAY}07:00;1.000,5", f"{DAY}08:00;2.000.000"], (
            "--delimiter", ";", "--decimal", ",", "--thousands", ".", *UTC
        ), [1000.5, 2000000]),
        (["x", f"{DAY}07:00,1", f"{DAY}08:00,-", f"{DAY}09:00,"], (
            "--na-values", "-", "--na-values", "", *EXACTLY
        ), [1]),
        (["x", f"{DAY}07:00,1", f"{DAY}08:00,NaN", f"{DAY}09:00,"], (
            "--keep-default-na", "true", *EXACTLY
        ), [1]),
        (["x", *(f"{line},{'ab'[i % 2]}" for i, line in enumerate(PRICES))], (
            "--filter-column", "2", "--filter-value", "a", *EXACTLY
        ), [1, 3]),
        (["x", *(f"{line},{i},c" for i, line in enumerate(PRICES))], (
            *("--filter-column", "2", "--filter-value", "1.0"),
            *("--filter-column", "3", "--filter-value", "c"), *EXACTLY,
        ), [2]),
        (["x", *PRICES], ("--unit", "EUR/kWh", *UTC), [1000, 2000, 3000]),
        (["x", *PRICES], ("--unit=-EUR/MWh", *UTC), [-1, -2, -3]),
        (["x", f"{DAY}07:00,1", f"{DAY}07:30,2", f"{DAY}08:00,3", f"{DAY}08:30,4"], UTC, [
            1.5, 3.5
        ]),
        (["x", f"{DAY}07:00,1", f"{DAY}07:30,2", f"{DAY}08:00,3"], EXACTLY, [1, 2, 3]),
        (["x", f"{DAY}06:00,1", f"{DAY}08:00,2"], ("--resample", *UTC), [1, 1, 2, 2]),
    ],
)  # fmt: skip
def test_options(
    add: Add, toy: ToyAccount, lines: list[str], options: tuple[str, ...], values: list[float]
) -> None:
    assert "Successfully created beliefs" in add(lines, *options).output
    beliefs = toy.prices.search_beliefs()
    assert not isinstance(beliefs, str)
    assert beliefs["event_value"].tolist() == values


def test_belief_times_from_a_column(add: Add, toy: ToyAccount) -> None:
    lines = [f"{line},2026-11-24T1{i}:00" for i, line in enumerate(PRICES)]
    add(["x", *lines], "--beliefcol", "2", *EXACTLY)
    beliefs = toy.prices.search_beliefs()
    assert not isinstance(beliefs, str)
    assert [str(time) for time in beliefs.index.get_level_values("belief_time")] == [
        f"2026-11-24 1{hour}:00:00+01:00" for hour in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    ("options", "exit_code", "says"),
    [
        (("--skiprows", "-1"), 2, "--skiprows"),
        (("--skiprows", "99"), 1, "--skiprows"),
        (("--skiprows", "1" + "0" * 30), 1, "--skiprows"),
        (("--nrows", "0"), 2, "--nrows"),
        (("--datecol", "x"), 2, "--datecol"),
        (("--datecol", "9"), 1, "--datecol"),
        (("--datecol", "1", "--valuecol", "0"), 1, "--datecol"),
        (("--valuecol", "9"), 1, "--valuecol"),
        (("--valuecol", "0"), 1, "--valuecol"),
        (("--beliefcol", "9", "--do-not-resample"), 1, "--beliefcol"),
        (("--beliefcol", "0"), 1, "--do-not-resample"),
        (("--beliefcol", "0", "--horizon", "0"), 1, "--horizon or --beliefcol"),
        (("--delimiter", ""), 1, "--delimiter"),
        (("--delimiter", ";"), 1, "--delimiter"),
        (("--delimiter", "(("), 1, "--delimiter"),
        (("--delimiter", "||"), 1, "--delimiter"),
        (("--decimal", ""), 1, "--decimal"),
        (("--decimal", ","), 1, "--decimal and --delimiter"),
        (("--thousands", ".."), 1, "--thousands"),
        (("--thousands", "."), 1, "--decimal and --thousands"),
        (("--keep-default-na", "maybe"), 2, "--keep-default-na"),
        (("--filter-column", "9", "--filter-value", "1"), 1, "--filter-column"),
        (("--filter-column", "1", "--filter-value", "9"), 1, "--filter-column"),
        (("--filter-column", "a", "--filter-value", "1"), 2, "--filter-column"),
        (("--unit", "beans"), 1, "--unit"),
        (("--unit", "kWh"), 1, "--unit"),
        (("--horizon", "soon"), 2, "--horizon"),
        (("--horizon", "1" + "0" * 9), 1, "--horizon"),
        (("--horizon", "1" + "0" * 30), 2, "--horizon"),
        (("--cp", "1.1"), 2, "--cp"),
        (("--cp", "nan"), 1, "--cp"),
        (("--sheet_number", "-1"), 2, "--sheet_number"),
        (("--source", "x" * 200), 2, "--source"),
        (("--source", "a\0b"), 2, "--source"),
    ],
)
def test_what_is_no_good_for_an_option(
    add: Add, fresh_db: SQLAlchemy, options: tuple[str, ...], exit_code: int, says: str
) -> None:
    refused = add(["x", *PRICES], *UTC, *options, exit_code=exit_code)
    assert says in refused.stderr
    assert "Success" not in refused.output
    assert fresh_db.session.scalar(select(func.count()).select_from(TimedBelief)) == 0


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (f"{DAY}10:00,inf", "'inf' is no number"),
        ("1677-12-31T10:00,1", "'1677-12-31T10:00' in row 5"),
        ("9999-12-31T10:00,1", "'9999-12-31T10:00' in row 5"),
        (",1", "no datetime in row 5"),
    ],
)
def test_cells_that_are_no_good(add: Add, line: str, says: str) -> None:
    refused = add(["x", *PRICES, line], *EXACTLY, "--keep-default-na", "true", exit_code=1)
    assert says in refused.stderr


def sheet_of_1987(rows: Sequence[Sequence[str | float]]) -> bytes:
    """What Excel 2 would write into an .xls file."""

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
    return content + record(0x000A, b"")


@pytest.fixture(scope="module")
def toys(terminal: Terminal) -> Terminal:
    terminal("db", "upgrade")
    terminal("add", "toy-account")
    return terminal


@pytest.mark.parametrize("kind", ["csv", "xlsx", "xls"])
def test_installed_program(toys: Terminal, kind: str) -> None:
    """One file of each kind, with as many options as make sense."""
    path = toys.home / f"data.{kind.upper()}"
    rows = [["a", "3", f"{DAY}07:00"], ["a", "x", f"{DAY}08:00"], ["b", "5", f"{DAY}09:00"]]
    options = ["--datecol", "2", "--filter-column", "0", "--filter-value", "a"]
    options += ["--na-values", "x", "--skiprows", "2", "--nrows", "3", "--do-not-resample"]
    options += ["--timezone", "Asia/Seoul", "--unit", "EUR/kWh", "--horizon=-15", "--cp", "0.25"]
    if kind == "csv":
        lines = ["", "", *(";".join(row).replace("3", "3.000,5") for row in rows)]
        path.write_text("\n".join(lines))
        options += ["--delimiter", ";", "--decimal", ",", "--thousands", "."]
    elif kind == "xlsx":
        with pd.ExcelWriter(path, engine="openpyxl") as writer:
            pd.DataFrame(rows).to_excel(writer, sheet_name="other", index=False)
            pd.DataFrame([["", "", ""], *rows]).to_excel(writer, sheet_name="this", index=False)
        options += ["--sheet_number", "1"]
    else:
        header = [["kind", "price", "start"]] * 2
        path.write_bytes(sheet_of_1987([*header, ["a", 3.0, f"{DAY}07:00"], *rows[1:]]))
    words = ("add", "beliefs", "--sensor-id", "2", "--source", kind, path.name)
    added = toys(*words, *options)
    assert added.stdout.startswith("Successfully created beliefs\n")
    assert "timezone" in added.stderr
    assert "[" not in added.stderr  # no progress bar
    [belief] = [line for line in added.stdout.splitlines() if line.startswith("2026")]
    start, value = "2026-11-24 23:00:00+01:00", 3_000_500.0 if kind == "csv" else 3_000.0
    assert belief.startswith(start)
    assert belief.split()[-3:] == [kind, "0.25", str(value)]
