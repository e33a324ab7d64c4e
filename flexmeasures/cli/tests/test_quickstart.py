"""From nothing to a schedule in one command, and once more."""

from __future__ import annotations

from flexmeasures.cli.conftest import Terminal


def test_quickstart_twice(terminal: Terminal) -> None:
    first = terminal("quickstart")
    assert "Loaded prices for tomorrow." in first.stdout
    for heading in ("Beliefs for Sensor 'day-ahead prices'", "Beliefs for Sensor 'discharging'"):
        assert heading in first.stdout
    assert "MW" in first.stdout and "flexmeasures show account --id 1" in first.stdout

    again = terminal("quickstart")
    assert "Prices for tomorrow are there." in again.stdout
    assert "Beliefs for Sensor 'discharging' (ID 1)." in again.stdout
    accounts = terminal("show", "account", "--id", "2", exit_code=2)
    assert "No account found with id 2." in accounts.stderr
