"""`flexmeasures show accuracy`: what it shows, and when it refuses."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pandas as pd
import pytest
from click.testing import Result
from flask_sqlalchemy import SQLAlchemy

from flexmeasures import Sensor, Source
from flexmeasures.cli.data_show.accuracy import show_accuracy
from flexmeasures.data.beliefs.save import save
from flexmeasures.data.services.toy_account import ToyAccount
from flexmeasures.utils.timely import tb

Show = Callable[..., Result]

START = datetime(2026, 3, 2, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def store(sensor: Sensor, source: Source, value: float, horizon: float, p: float = 0.5) -> None:
    """Of two days."""
    hours = pd.date_range(START, periods=48, freq="h")
    values = pd.Series([value] * 48, index=hours, name="event_value", dtype=float)
    frame = tb.BeliefsDataFrame(
        values,
        sensor=sensor,
        source=source,
        belief_horizon=horizon * HOUR,
        cumulative_probability=p,
    )
    save(frame, unchanged="store")


@pytest.fixture
def sensor(toy: ToyAccount, fresh_db: SQLAlchemy) -> Sensor:
    """Measured by a meter, and forecast by Seita (a day ahead, in bands) and Bob (half a day)."""
    sensor = Sensor("load", toy.prices.generic_asset, unit="kW", event_resolution=HOUR)
    meter, seita = Source("meter", type="script"), Source("Seita", type="forecaster")
    bob = Source("Bob", type="forecaster")
    fresh_db.session.add_all([sensor, meter, seita, bob])
    store(sensor, meter, 10, 0)
    for probability, value in {0.05: 8, 0.5: 11, 0.95: 12}.items():
        store(sensor, seita, value, 24, probability)
    store(sensor, bob, 15, 12)
    fresh_db.session.commit()
    return sensor


@pytest.fixture
def show(sensor: Sensor, invoke: Callable[..., Result]) -> Show:
    def run(*options: str, exit_code: int = 0) -> Result:
        return invoke(show_accuracy, "--sensor", str(sensor.id), *options, exit_code=exit_code)

    return run


def cells(result: Result) -> list[list[str]]:
    """Of the table."""
    lines = result.output.splitlines()
    [ruler] = [number for number, line in enumerate(lines) if set(line) == {"-", " "}]
    starts = [n for n, c in enumerate(lines[ruler]) if c == "-" and lines[ruler][n - 1 : n] != "-"]
    ends = [*starts[1:], max(map(len, lines))]
    return [
        [line[start:end].strip() for start, end in zip(starts, ends, strict=True)]
        for line in [lines[ruler - 1], *lines[ruler + 1 :]]
    ]


def test_table(show: Show, sensor: Sensor) -> None:
    result = show("--horizon", "6", "--horizon", "P1D")
    assert f"'load' (ID: {sensor.id}), from 2026-02-02T00:00+00:00" in result.output
    assert "48 events were measured, by meter." in result.output
    header, *rows = cells(result)
    assert header[:3] == ["Forecasts by", "Horizon", "Events"]
    by_name = {
        (row[0].partition(" (ID")[0], row[1]): dict(zip(header, row, strict=True)) for row in rows
    }
    assert [*by_name] == [
        ("Bob", "6 h (12 h)"),
        ("Bob", "24 h"),
        ("Seita", "6 h (24 h)"),
        ("Seita", "24 h"),
        ("(the last value)", "6 h"),
        ("(the last value)", "24 h"),
        ("(same slot yesterday)", "6 h"),
        ("(same slot yesterday)", "24 h"),
    ]
    seita = by_name["Seita", "24 h"]
    assert (seita["MAE (kW)"], seita["Bias (kW)"], seita["WAPE"]) == ("1", "1", "10.0%")
    assert seita["Accuracy (1 - WAPE)"] == "90.0%"
    assert seita["In band"] == "100.0% of 90%"
    bob = by_name["Bob", "24 h"]
    assert (bob["Events"], bob["Not forecast"], bob["MAE (kW)"]) == ("0", "48", "")
    assert bob["Remark"].startswith("No event has both")
    assert by_name["Bob", "6 h (12 h)"]["Accuracy (1 - WAPE)"] == "50.0%"
    assert by_name["(same slot yesterday)", "24 h"]["Not forecast"] == "24"


def test_one_source_in_a_period(show: Show, sensor: Sensor) -> None:
    bob = Source.query.filter_by(name="Bob").one()
    period = ("--start", "2026-03-02T06:00Z", "--duration", "PT3H")
    result = show("--source", str(bob.id), *period, "--horizon", "6", "--format", "csv")
    records = [*csv.DictReader(io.StringIO(result.output))]
    assert [record["source"] for record in records] == ["Bob", "persistence", "yesterday"]
    first = records[0]
    assert (first["source_id"], first["horizon"], first["events"]) == (str(bob.id), "PT6H", "3")
    assert (first["mae"], first["accuracy"], first["band_coverage"]) == ("5.0", "0.5", "")
    assert first["belief_horizon"] == "PT12H"


def test_json(show: Show, sensor: Sensor) -> None:
    body = json.loads(show("--horizon", "24", "--format", "json").output)
    assert (body["sensor"], body["unit"], body["events"]) == (sensor.id, "kW", 48)
    [seita] = body["scores"]  # Bob does not look as far ahead
    assert seita["source"]["name"] == "Seita"
    assert seita["band"] == {
        "lower": 0.05,
        "upper": 0.95,
        "nominal": 0.9,
        "coverage": 1.0,
        "events": 48,
    }


def test_nothing_forecast(show: Show) -> None:
    result = show("--horizon", "48")
    assert "Nobody forecast them so long before." in result.output
    assert [row[0] for row in cells(result)[1:]] == ["(the last value)", "(same slot yesterday)"]


def test_nothing_measured(show: Show) -> None:
    result = show("--start", "2020-01-01T00:00Z", "--duration", "P1D", exit_code=1)
    assert "No event of sensor 'load'" in result.output
    assert "was measured from 2020-01-01T00:00+00:00 to 2020-01-02T00:00+00:00." in result.output
    period = ("--start", "2020-01-01T00:00Z", "--duration", "P1D", "--format", "json")
    assert json.loads(show(*period).output)["events"] == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--sensor", "9999"), "No sensor found with id 9999."),
        (("--source", "9999"), "No data source found with id 9999."),
        (("--horizon", "0"), "A horizon is a positive length"),
        (("--horizon", "-PT1H"), "A horizon is a positive length"),
        (("--horizon", "P1M"), "Months and years are no fixed length."),
        (("--horizon", "99999999999999999999"), "horizon"),
        (("--horizon", "soon"), "Cannot parse soon as ISO8601 duration"),
        (("--start", "2026-03-02T00:00"), "--start"),
        (("--duration", "P1M"), "A --duration in months or years needs a --start."),
        (("--format", "xml"), "'xml' is not one of"),
        (
            ("--start", "2026-03-02T00:00Z", "--end", "2026-03-03T00:00Z", "--duration", "P1D"),
            "Give two of --start, --end and --duration at most.",
        ),
    ],
)
def test_mistakes(show: Show, options: tuple[str, ...], told: str) -> None:
    assert told in show(*options, exit_code=2).output


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--start", "2026-03-02T00:00Z", "--end", "2026-03-02T00:00Z"), "end after it starts"),
        (("--end", "2026-03-02T00:00Z", "--duration", "P0D"), "end after it starts"),
        (("--end", "2026-03-02T00:00Z", "--duration", "P999999D"), "Takes too long."),
    ],
)
def test_periods_that_are_none(show: Show, options: tuple[str, ...], told: str) -> None:
    assert told in show(*options, exit_code=1).output
