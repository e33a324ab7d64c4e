"""`flexmeasures add schedule ...`: what it refuses and stores (see the tutorial, too)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.cli.data_add.schedule import create_schedule
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services.toy_account import ToyAccount

WHEN = ("--start", "2026-11-25T07:00+01:00", "--duration", "PT2H")
SCHEDULE = ("--sensor-id", "1", "--soc-at-start", "50%", *WHEN)
MARKET = ("--consumption-price-sensor", "2")


@pytest.mark.parametrize(
    ("options", "exit_code", "says"),
    [
        ((), 2, "Missing option '--consumption-price-sensor'"),
        ((*MARKET, "--sensor-id", "2"), 1, "Sensor with ID 2 is not a power sensor."),
        ((*MARKET, "--sensor-id", "3"), 1, "Sensor production has no max_soc_in_mwh attribute."),
        ((*MARKET, "--inflexible-device-sensor", "1"), 1, "so it is not inflexible"),
        ((*MARKET, "--soc-at-start", "150%"), 2, "--soc-at-start"),
        ((*MARKET, "--soc-at-start", "half"), 2, "--soc-at-start"),
        ((*MARKET, "--duration", "12 hours"), 2, "--duration"),
        ((*MARKET, "--duration", "PT0M"), 2, "'--duration' must be longer"),
        ((*MARKET, "--start", "2026-11-25T07:00"), 2, "--start"),
        ((*MARKET, "--soc-target", "50%", "noon"), 2, "--soc-target"),
        ((*MARKET, "--flex-model", "nowhere.json"), 2, "neither JSON nor a file"),
        ((*MARKET, "--flex-model", "{"), 2, "neither JSON nor YAML"),
        ((*MARKET, "--flex-model", "[]"), 2, "Expected a mapping"),
        ((*MARKET, "--flex-model", '{"soc-minn": 1}'), 1, "soc-minn: Unknown field."),
        (
            (*MARKET, "--flex-model", '{"soc-minima": [{"value": "1 kWh"}]}'),
            1,
            "soc-minima 0 datetime: Missing data for required field.",
        ),
        (("--flex-context", '{"consumption-price": 5}'), 1, "consumption-price: A unit is missing"),
    ],
)
def test_refused(
    toy: ToyAccount,
    invoke: Callable[..., Result],
    options: tuple[str, ...],
    exit_code: int,
    says: str,
) -> None:
    refused = invoke(create_schedule, "for-storage", *SCHEDULE, *options, exit_code=exit_code)
    assert says in refused.stderr


def stored(db: SQLAlchemy, sensor_id: int) -> list[float]:
    sensor = db.session.get(Sensor, sensor_id)
    assert sensor is not None
    beliefs: Any = sensor.search_beliefs()
    values: list[float] = beliefs["event_value"].tolist()
    return values


def test_fields_of_the_api(
    toy: ToyAccount, invoke: Callable[..., Result], db: SQLAlchemy, tmp_path: Path
) -> None:
    """A flex-model that is written out, and a flex-context in a file of YAML."""
    model = {
        "soc-at-start": "225 kWh",
        "soc-minima": [{"datetime": "2026-11-25T08:00+01:00", "value": "300 kWh"}],
        "power-capacity": "100 kW",
    }
    path = tmp_path / "context.yaml"
    path.write_text(
        "consumption-price:\n"
        "- start: 2026-11-25T07:00:00+01:00  # which YAML by itself would take for a moment\n"
        "  duration: P1D\n"
        "  value: 50 EUR/MWh\n"
    )
    flex = ("--flex-model", json.dumps(model), "--flex-context", str(path))
    done = invoke(create_schedule, "for-storage", *WHEN, "--sensor-id", "1", *flex)
    assert done.stdout.splitlines()[-1] == "New schedule is stored."
    values = stored(db, toy.battery.id)
    assert len(values) == 8
    assert sum(values[:4]) / 4 == pytest.approx(-0.075)


def test_a_process(toy: ToyAccount, invoke: Callable[..., Result], db: SQLAlchemy) -> None:
    prices = [
        {"start": f"2026-11-25T0{hour}:00+01:00", "duration": "PT1H", "value": f"{price} EUR/MWh"}
        for hour, price in ((7, 50), (8, 20))
    ]
    done = invoke(
        create_schedule,
        "for-process",
        *(*WHEN, "--sensor-id", "3", "--flex-context", json.dumps({"consumption-price": prices})),
        *(
            "--process-duration",
            "PT30M",
            "--process-power",
            "100 kW",
            "--process-type",
            "shiftable",
        ),
        *("--forbid", '{"start": "2026-11-25T08:00+01:00", "duration": "PT15M"}'),
    )
    assert done.stdout.splitlines()[-1] == "New schedule is stored."
    assert stored(db, 3) == pytest.approx([0, 0, 0, 0, 0, -0.1, -0.1, 0])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "Missing option '--process-power'"),
        (("--process-power", "1 kW"), "Missing option '--process-duration'"),
        (("--process-power", "1 kW", "--process-duration", "long"), "--process-duration"),
        (("--process-type", "lazy"), "--process-type"),
        (("--forbid", "never"), "--forbid"),
    ],
)
def test_what_is_no_process(
    toy: ToyAccount, invoke: Callable[..., Result], options: tuple[str, ...], says: str
) -> None:
    refused = invoke(
        create_schedule, "for-process", *WHEN, "--sensor-id", "3", *options, exit_code=2
    )
    assert says in refused.stderr
