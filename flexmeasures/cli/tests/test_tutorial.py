"""The tutorial, typed into a terminal by somebody who has nothing but the installed program."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from flexmeasures.cli.conftest import Terminal

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
TOMORROW = (datetime.now(AMSTERDAM) + timedelta(days=1)).date()
SEVEN = datetime(TOMORROW.year, TOMORROW.month, TOMORROW.day, 7, tzinfo=AMSTERDAM)

# EUR/MWh and MW, by the hour of the day
PRICES = [
    *(10, 11, 12, 15, 18, 17, 10.5, 9, 9.5, 9, 8.5, 10),
    *(8, 5, 4, 4, 5.5, 8, 12, 13, 14, 12.5, 10, 7),
]
SOLAR = [
    *(0, 0, 0, 0, 0.01, 0.03, 0.06, 0.1, 0.14, 0.17, 0.19, 0.21),
    *(0.22, 0.21, 0.19, 0.17, 0.14, 0.1, 0.06, 0.03, 0.01, 0, 0, 0),
]

# MW, consumption positive, per quarter of the hours named; all other hours are idle
SCHEDULE = {
    8: [0, 0, -0.164078, -0.5],
    10: [0.5, 0.5, 0.5, 0.186548],
    11: [-0.017893, -0.5, -0.5, -0.5],
    14: [0.5, 0.5, 0.5, 0.186548],
    18: [-0.017893, -0.5, -0.5, -0.5],
}
SCHEDULE_WITH_SOLAR = {
    8: [0, 0, -0.304078, -0.36],
    10: [0.5, 0.5, 0.288889, 0],
    11: [-0.29, -0.29, -0.29, -0.29],
    14: [0.5, 0.5, 0.5, 0.186548],
    18: [-0.197893, -0.44, -0.44, -0.44],
}


def _by_hour(values: list[float]) -> str:
    rows = [f"{TOMORROW}T{hour:02}:00:00,{value}" for hour, value in enumerate(values)]
    return "\n".join(["Hour,Price", *rows]) + "\n"


def _expected(schedule: dict[int, list[float]]) -> list[float]:
    """Production positive, as power is stored."""
    return [-power for hour in range(7, 19) for power in schedule.get(hour, [0.0] * 4)]


def _stored(terminal: Terminal, path: Path) -> list[float]:
    terminal(
        *("show", "beliefs", "--sensor-id", "1", "--to-file", str(path)),
        *("--start", SEVEN.isoformat(), "--duration", "PT12H"),
    )
    with path.open() as file:
        rows = list(csv.reader(file))
    return [float(row[1]) for row in rows if row[0].startswith(str(TOMORROW.year))]


def test_tutorial(terminal: Terminal, tmp_path: Path) -> None:
    (terminal.home / "prices-tomorrow.csv").write_text(_by_hour(PRICES))
    (terminal.home / "solar-tomorrow.csv").write_text(_by_hour(SOLAR))
    terminal("db", "upgrade")

    made = terminal("add", "toy-account", "--kind", "battery").stdout
    assert "Toy account Toy Account with user toy-user@flexmeasures.io created successfully" in made
    assert "The sensor recording battery discharging is discharging (ID: 1)." in made
    assert "The sensor recording day-ahead prices is day-ahead prices (ID: 2)." in made
    assert "The sensor recording solar forecasts is production (ID: 3)." in made

    account = terminal("show", "account", "--id", "1").stdout
    assert "Account Toy Account (ID: 1)" in account
    assert "Account has no roles." in account
    assert "toy-user@flexmeasures.io" in account and "account-admin" in account
    assert "(52.374, 4.88969)" in account and "toy-solar" in account

    asset = terminal("show", "asset", "--id", "1").stdout
    assert "Asset toy-battery (ID: 1)" in asset
    for line in ("capacity_in_mw: 0.5", "max_soc_in_mwh: 0.45", "sensors_to_show: [2, [3, 1]]"):
        assert line in asset
    assert "15 minutes" in asset and "Europe/Amsterdam" in asset

    loaded = terminal(
        *("add", "beliefs", "--sensor-id", "2", "--source", "toy-user"),
        *("prices-tomorrow.csv", "--timezone", "Europe/Amsterdam"),
    )
    assert "Successfully created beliefs" in loaded.stdout

    plot = terminal(
        *("show", "beliefs", "--sensor-id", "2"),
        *("--start", SEVEN.replace(hour=0).isoformat(), "--duration", "PT24H"),
    ).stdout
    assert "Beliefs for Sensor 'day-ahead prices' (ID 2)." in plot
    assert "Data spans a day and starts at" in plot
    assert "The time resolution (x-axis) is an hour." in plot
    assert "15 EUR/MWh" in plot and "█ day-ahead prices" in plot

    schedule = (
        *("add", "schedule", "for-storage", "--sensor-id", "1", "--consumption-price-sensor", "2"),
        *("--start", SEVEN.isoformat(timespec="minutes"), "--duration", "PT12H"),
        *("--soc-at-start", "50%", "--roundtrip-efficiency", "90%"),
    )
    assert "New schedule is stored." in terminal(*schedule).stdout
    assert _stored(terminal, tmp_path / "first.csv") == pytest.approx(_expected(SCHEDULE), abs=1e-6)

    source = terminal("add", "source", "--name", "toy-forecaster", "--type", "forecaster").stdout
    assert "Added source <Data source 4 (toy-forecaster)>" in source
    terminal(
        *("add", "beliefs", "--sensor-id", "3", "--source", "4"),
        *("solar-tomorrow.csv", "--timezone", "Europe/Amsterdam"),
    )
    terminal(*schedule, "--inflexible-device-sensor", "3")
    assert _stored(terminal, tmp_path / "second.csv") == pytest.approx(
        _expected(SCHEDULE_WITH_SOLAR), abs=1e-6
    )

    # The same file, its times taken as UTC: the sensor's own timezone shows them an hour later.
    loaded = terminal(
        *("add", "beliefs", "--sensor-id", "2", "--source", "somebody in Reykjavik"),
        *("prices-tomorrow.csv", "--timezone", "UTC"),
    )
    offset = SEVEN.utcoffset()
    assert offset is not None
    assert str(SEVEN.replace(hour=0) + offset)[:16] in loaded.stdout
    assert "differs from the sensor's" in loaded.stderr
