"""`flexmeasures add beliefs`: what it stores, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import func, select

from flexmeasures import Source
from flexmeasures.cli.data_add.beliefs import add_beliefs
from flexmeasures.data.models.time_series import TimedBelief
from flexmeasures.data.services.toy_account import ToyAccount

AMSTERDAM = ("--timezone", "Europe/Amsterdam")

Add = Callable[..., Result]


@pytest.fixture
def add(toy: ToyAccount, invoke: Callable[..., Result], tmp_path: Path) -> Add:
    """Adds a file with these lines, below a header, as beliefs about the toy account's prices."""
    path = tmp_path / "data.csv"

    def write_and_add(lines: list[str], *options: str, exit_code: int = 0) -> Result:
        path.write_text("\n".join(["start,price", *lines]) + "\n")
        arguments = ("--sensor-id", str(toy.prices.id), "--source", "market", str(path))
        return invoke(add_beliefs, *arguments, *options, exit_code=exit_code)

    return write_and_add


def prices(*values: object) -> list[str]:
    """From seven o'clock, one per hour."""
    return [f"2026-11-25T{hour:02}:00,{value}" for hour, value in enumerate(values, start=7)]


def test_horizon_and_probability(add: Add, toy: ToyAccount) -> None:
    added = add(prices(1, 2), *AMSTERDAM, "--horizon", "60", "--cp", "0.2")
    assert "Successfully created beliefs" in added.output
    beliefs = toy.prices.search_beliefs()
    assert not isinstance(beliefs, str)
    assert beliefs["event_value"].tolist() == [1, 2]
    # Tomorrow's prices can be known today at noon, and these are believed an hour before.
    assert {str(time) for time in beliefs.index.get_level_values("belief_time")} == {
        "2026-11-24 11:00:00+01:00"
    }
    assert set(beliefs.index.get_level_values("cumulative_probability")) == {0.2}


def test_file_as_an_option(toy: ToyAccount, invoke: Callable[..., Result], tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("\n".join(["start,price", *prices(1, 2)]))
    words = (*AMSTERDAM, "--sensor-id", str(toy.prices.id), "--source", "market")
    added = invoke(add_beliefs, "--file", str(path), *words)
    assert "Successfully created beliefs" in added.output
    refused = invoke(add_beliefs, *words, exit_code=2)
    assert "Missing argument 'FILE'." in refused.stderr
    refused = invoke(add_beliefs, *words, "--file", str(path), str(path), exit_code=2)
    assert "Give one FILE." in refused.stderr
    refused = invoke(add_beliefs, *words, "nowhere.csv", exit_code=2)
    assert "Path 'nowhere.csv' does not exist." in refused.stderr


def test_source_by_id_and_by_name(add: Add, fresh_db: SQLAlchemy) -> None:
    add(prices(1, 2), *AMSTERDAM)
    add(prices(1, 2), *AMSTERDAM, "--source", "1")
    names = {source.name: source.type for source in fresh_db.session.scalars(select(Source))}
    assert names == {"toy-user": "user", "market": "CLI script"}
    by_source = select(TimedBelief.source_id, func.count()).group_by(TimedBelief.source_id)
    assert {tuple(row) for row in fresh_db.session.execute(by_source)} == {(1, 2), (2, 2)}


def test_replacing_beliefs_needs_permission(add: Add, toy: ToyAccount) -> None:
    options = (*AMSTERDAM, "--horizon", "0")
    add(prices(1, 2), *options)
    refused = add(prices(1, 3), *options, exit_code=1)
    assert "Failed to create beliefs" in refused.output and "--allow-overwrite" in refused.output
    add(prices(1, 3), *options, "--allow-overwrite")
    beliefs = toy.prices.search_beliefs()
    assert not isinstance(beliefs, str)
    assert beliefs["event_value"].tolist() == [1, 3]


def test_another_timezone_than_the_sensor_is_said_so(add: Add) -> None:
    assert "differs from the sensor's" in add(prices(1, 2), "--timezone", "UTC").stderr


@pytest.mark.parametrize(
    ("lines", "options", "exit_code", "says"),
    [
        (prices(1, 2), (), 1, "use --timezone"),
        (prices(1, 2), ("--timezone", "Amsterdam"), 1, "Timezone Amsterdam is unknown!"),
        (prices(1, 2), (*AMSTERDAM, "--unit", "kW"), 1, "from kW to EUR/MWh"),
        (prices(1, 2), (*AMSTERDAM, "--valuecol", "5"), 1, "--valuecol"),
        (prices(1, "NaN"), AMSTERDAM, 1, "'NaN' is no number"),
        (prices(1, 2)[:1] + prices(3), AMSTERDAM, 1, "different values for the same event"),
        (prices(1, 2, 3, 4)[:1] + prices(1, 2, 3, 4)[2:], AMSTERDAM, 1, "--do-not-resample"),
        (["2026-03-29T02:30,1", "2026-03-29T03:30,2"], AMSTERDAM, 1, "does not exist in Europe"),
        (prices(1, 2), (*AMSTERDAM, "--filter-column", "1"), 2, "should be the same"),
        (prices(1, 2), (*AMSTERDAM, "--cp", "2"), 2, "--cp"),
        (prices(1, 2), (*AMSTERDAM, "--source", "99"), 1, "Failed to find source 99."),
        (prices(1, 2), (*AMSTERDAM, "--sensor-id", "99"), 2, "No sensor found with id 99."),
        (prices(1, 2), (*AMSTERDAM, "nowhere.csv"), 2, "unexpected extra argument"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(
    add: Add,
    fresh_db: SQLAlchemy,
    lines: list[str],
    options: tuple[str, ...],
    exit_code: int,
    says: str,
) -> None:
    refused = add(lines, *options, exit_code=exit_code)
    assert says in refused.stderr
    assert "Success" not in refused.output
    assert fresh_db.session.scalar(select(func.count()).select_from(TimedBelief)) == 0
    assert fresh_db.session.scalar(select(Source).filter_by(name="market")) is None


def test_source_without_a_name(add: Add, fresh_db: SQLAlchemy) -> None:
    failed = add(prices(1, 2), *AMSTERDAM, "--source", " ", exit_code=1)
    assert "--source" in failed.output
    add(prices(1, 2), *AMSTERDAM, "--source", "\N{SUPERSCRIPT TWO}")
    assert fresh_db.session.scalars(select(Source.name).filter_by(type="CLI script")).all() == [
        "\N{SUPERSCRIPT TWO}"
    ]
