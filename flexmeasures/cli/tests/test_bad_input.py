"""What is wrong around a command: one clear sentence, a non-zero exit code, no traceback."""

from __future__ import annotations

import pytest

from flexmeasures.cli.conftest import Terminal

PRICES = ("add", "beliefs", "--sensor-id", "2", "--source", "market", "data.csv")
SCHEDULE = (
    *("add", "schedule", "for-storage", "--sensor-id", "1", "--consumption-price-sensor", "2"),
    *("--soc-at-start", "0%", "--start", "2026-11-25T07:00+01:00", "--duration", "PT2H"),
)


def test_commands_before_the_tables_are_there(terminal: Terminal) -> None:
    failed = terminal("show", "account", "--id", "1", exit_code=1)
    assert "Run `flexmeasures db upgrade` first" in failed.stderr


@pytest.fixture(scope="module")
def toys(terminal: Terminal) -> Terminal:
    """With a toy account, and two prices."""
    terminal("db", "upgrade")
    terminal("add", "toy-account")
    (terminal.home / "data.csv").write_text(
        "start,price\n2026-11-25T07:00+01:00,1\n2026-11-25T08:00+01:00,2\n"
    )
    terminal(*PRICES)
    return terminal


def test_missing_solver_and_target_out_of_reach(toys: Terminal) -> None:
    toys.environment["FLEXMEASURES_LP_SOLVER"] = "/nowhere/cbc"
    failed = toys(*SCHEDULE, exit_code=1).stderr
    assert "/nowhere/cbc" in failed and "FLEXMEASURES_LP_SOLVER" in failed
    del toys.environment["FLEXMEASURES_LP_SOLVER"]

    # From empty to full takes 48 minutes at least: the plan comes as close as it can, and says so.
    planned = toys(*SCHEDULE, "--soc-target", "100%", "2026-11-25T07:30+01:00")
    assert "New schedule is stored." in planned.stdout
    assert "target" in planned.stderr


def test_unreachable_database(terminal: Terminal) -> None:
    terminal.environment |= {
        "SQLALCHEMY_DATABASE_URI": "postgresql://fm:secret@127.0.0.1:9/fm",
        "SECRET_KEY": "x",
    }
    try:
        failed = terminal("show", "account", "--id", "1", exit_code=1).stderr
    finally:
        del terminal.environment["SQLALCHEMY_DATABASE_URI"], terminal.environment["SECRET_KEY"]
    assert "Cannot connect to the database fm on 127.0.0.1:9" in failed
    assert "secret" not in failed


def test_values_that_no_field_takes(toys: Terminal) -> None:
    failed = toys(*SCHEDULE, "--roundtrip-efficiency", "0%", exit_code=1).stderr
    assert "roundtrip-efficiency: Must be greater than 0" in failed
    failed = toys("add", "source", "--name", "x" * 400, "--type", "x", exit_code=1).stderr
    assert "too long" in failed


def test_output_without_any_characters_but_ascii(toys: Terminal) -> None:
    toys.environment["PYTHONIOENCODING"] = "ascii"
    try:
        shown = toys(
            *("show", "beliefs", "--sensor-id", "2"),
            *("--start", "2026-11-25T07:00+01:00", "--duration", "PT2H"),
        ).stdout
    finally:
        del toys.environment["PYTHONIOENCODING"]
    assert f"+{'-' * 60}+" in shown and "?" not in shown
