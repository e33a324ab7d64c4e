"""`flexmeasures show beliefs`: which values it shows, and when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from flask_sqlalchemy import SQLAlchemy

from flexmeasures import Source
from flexmeasures.cli.data_show.beliefs import plot_beliefs
from flexmeasures.data.beliefs.save import save
from flexmeasures.data.services.toy_account import ToyAccount
from flexmeasures.utils.timely import tb

Show = Callable[..., Result]


@pytest.fixture
def show(toy: ToyAccount, invoke: Callable[..., Result], fresh_db: SQLAlchemy) -> Show:
    """Shows the prices of a week in which the clock is set forward, on 29 March: 0, 1, 2, ..."""
    source = Source(name="market", type="script")
    fresh_db.session.add(source)
    hours = pd.date_range("2026-03-26", "2026-04-02", freq="h", tz="Europe/Amsterdam")[:-1]
    values = pd.Series(np.arange(len(hours), dtype=float), index=hours, name="event_value")
    now = datetime(2026, 3, 1, tzinfo=timezone.utc)
    save(tb.BeliefsDataFrame(values, sensor=toy.prices, source=source, belief_time=now))
    fresh_db.session.commit()

    def run(*options: str, exit_code: int = 0) -> Result:
        return invoke(
            plot_beliefs, "--sensor-id", str(toy.prices.id), *options, exit_code=exit_code
        )

    return run


def test_days_before_and_after_a_clock_change(show: Show, tmp_path: Path) -> None:
    path = tmp_path / "shown.csv"
    window = ("--start", "2026-03-26T00:00+01:00", "--duration", "P7D", "--resolution", "P1D")
    show(*window, "--to-file", str(path))
    lines = path.read_text().splitlines()
    assert [line.partition(" ")[0] for line in lines[2:]] == [
        *(f"2026-03-{day}" for day in range(26, 32)),
        "2026-04-01",
    ]
    days = [line.rpartition(",")[2] for line in lines[2:]]
    assert float(days[3]) == np.mean(range(72, 95))  # 23 hours
    assert float(days[4]) == np.mean(range(95, 119))


@pytest.mark.parametrize("duration", ["-PT1H", "PT0H", "P1000Y", "P10000Y", "P400000D"])
def test_durations_that_are_no_window(show: Show, duration: str) -> None:
    refused = show("--start", "2026-03-26T00:00+01:00", "--duration", duration, exit_code=2)
    assert "'--duration'" in refused.stderr


def test_window_that_starts_within_an_event(show: Show, tmp_path: Path) -> None:
    path = tmp_path / "shown.csv"
    show("--start", "2026-03-26T02:30+01:00", "--duration", "PT3H", "--to-file", str(path))
    assert path.read_text().splitlines()[2:] == [
        "2026-03-26 03:00:00+01:00,3.0",
        "2026-03-26 04:00:00+01:00,4.0",
    ]


def test_steps_without_a_value(show: Show, tmp_path: Path) -> None:
    path = tmp_path / "shown.csv"
    show("--start", "2026-03-25T22:00+01:00", "--duration", "PT3H", "--to-file", str(path))
    assert [line.rpartition(",")[2] for line in path.read_text().splitlines()[2:]] == [
        "",
        "",
        "0.0",
    ]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--timezone", "Mars/Base"), "Timezone Mars/Base is unknown!"),
        (("--to-file", "/"), "Cannot save the data to /"),
        (("--to-file", "/nowhere/to/be/found.csv"), "Cannot save the data to /nowhere"),
    ],
)
def test_mistakes(show: Show, options: tuple[str, ...], told: str) -> None:
    window = ("--start", "2026-03-26T00:00+01:00", "--duration", "PT3H")
    assert told in show(*window, *options, exit_code=1).output
