"""What is wrong around a command: one clear sentence, a non-zero exit code, no traceback."""

from __future__ import annotations

from flexmeasures.cli.conftest import Terminal

PRICES = ("add", "beliefs", "--sensor-id", "2", "--source", "market", "data.csv")
SCHEDULE = (
    *("add", "schedule", "for-storage", "--sensor-id", "1", "--consumption-price-sensor", "2"),
    *("--soc-at-start", "0%", "--start", "2026-11-25T07:00+01:00", "--duration", "PT2H"),
)


def test_commands_before_the_tables_are_there(terminal: Terminal) -> None:
    failed = terminal("show", "account", "--id", "1", exit_code=1)
    assert "Run `flexmeasures db upgrade` first" in failed.stderr


def test_missing_solver_and_target_out_of_reach(terminal: Terminal) -> None:
    terminal("db", "upgrade")
    terminal("add", "toy-account")
    (terminal.home / "data.csv").write_text(
        "start,price\n2026-11-25T07:00+01:00,1\n2026-11-25T08:00+01:00,2\n"
    )
    terminal(*PRICES)

    terminal.environment["FLEXMEASURES_LP_SOLVER"] = "/nowhere/cbc"
    failed = terminal(*SCHEDULE, exit_code=1).stderr
    assert "/nowhere/cbc" in failed and "FLEXMEASURES_LP_SOLVER" in failed
    del terminal.environment["FLEXMEASURES_LP_SOLVER"]

    # From empty to full takes 48 minutes at least: the plan comes as close as it can, and says so.
    planned = terminal(*SCHEDULE, "--soc-target", "100%", "2026-11-25T07:30+01:00")
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
