"""What becomes of a task's work, of its error, and what is noted about it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import NoReturn

import click
import pytest
from click.testing import CliRunner
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import select

from flexmeasures.data.models.task_runs import LatestTaskRun
from flexmeasures.data.models.user import Account
from flexmeasures.data.transactional import (
    PartialTaskCompletionException,
    after_request_exception_rollback_session,
    as_transaction,
    task_with_status_report,
)
from flexmeasures.utils.time_utils import server_now


class HalfDone(PartialTaskCompletionException):
    pass


def add_account(db: SQLAlchemy) -> None:
    db.session.add(Account(name="work"))
    db.session.flush()


def work_is_kept(db: SQLAlchemy) -> bool:
    db.session.rollback()
    return db.session.scalars(select(Account.name)).all() == ["work"]


def noted(db: SQLAlchemy, task: str) -> bool | None:
    run = db.session.get(LatestTaskRun, task)
    assert run is not None and run.datetime is not None
    assert abs((server_now() - run.datetime).total_seconds()) < 60
    return run.status


def test_success(fresh_db: SQLAlchemy, capsys: pytest.CaptureFixture[str]) -> None:
    @task_with_status_report
    def import_prices(hour: int, zone: str = "UTC") -> str:
        """Import them."""
        add_account(fresh_db)
        return f"{hour} {zone}"

    assert import_prices.__doc__ == "Import them."
    assert list(inspect.signature(import_prices).parameters) == ["hour", "zone"]
    import_prices(7, zone="Asia/Seoul")
    assert work_is_kept(fresh_db)
    assert noted(fresh_db, "import_prices") is True
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == (
        "[FLEXMEASURES] Task import_prices ran fine.\n"
        "[FLEXMEASURES] Reported task import_prices status as True\n"
    )


def fail_with(error: BaseException) -> Callable[[], NoReturn]:
    def fail() -> NoReturn:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "status", "kept"),
    [
        (ValueError("No prices today."), False, False),
        (click.Abort(), False, False),
        (click.ClickException("No prices today."), False, False),
        (KeyboardInterrupt(), False, False),
        (SystemExit(3), False, False),
        (SystemExit(0), True, True),
        (click.exceptions.Exit(0), True, True),
        (click.exceptions.Exit(1), False, False),
        (PartialTaskCompletionException("Half of the prices."), False, True),
        (HalfDone("Half of the prices."), False, True),
    ],
    ids=lambda case: repr(case),
)
def test_errors_go_on(fresh_db: SQLAlchemy, error: BaseException, status: bool, kept: bool) -> None:
    @task_with_status_report("pluginA_prices")
    def import_prices() -> None:
        add_account(fresh_db)
        raise error

    with pytest.raises(type(error)) as raised:
        import_prices()
    assert raised.value is error
    assert work_is_kept(fresh_db) == kept
    assert noted(fresh_db, "pluginA_prices") is status


def test_a_problem_is_told(fresh_db: SQLAlchemy, capsys: pytest.CaptureFixture[str]) -> None:
    task = task_with_status_report("prices")(fail_with(ValueError("No prices today.")))
    with pytest.raises(ValueError, match="No prices today"):
        task()
    told = capsys.readouterr().err
    assert (
        '[FLEXMEASURES] Task prices encountered a problem: "No prices today.". More details: {'
        in told
    )
    assert "test_transactional.py" in told and "raise error" in told
    assert "[FLEXMEASURES] Reported task prices status as False\n" in told


def test_what_breaks_a_rule_of_the_database_is_a_failure(fresh_db: SQLAlchemy) -> None:
    """Although the task itself returns: it leaves its work for the commit."""

    @task_with_status_report("accounts")
    def task() -> None:
        fresh_db.session.add_all([Account(name="same"), Account(name="same")])

    with pytest.raises(Exception, match="account_name_key"):
        task()
    assert noted(fresh_db, "accounts") is False


def test_the_latest_run_replaces_the_former(fresh_db: SQLAlchemy) -> None:
    task = task_with_status_report("prices")
    with pytest.raises(ValueError, match="no"):
        task(fail_with(ValueError("no")))()
    task(lambda: None)()
    assert noted(fresh_db, "prices") is True


def test_a_run_that_cannot_be_noted(
    fresh_db: SQLAlchemy, capsys: pytest.CaptureFixture[str]
) -> None:
    @task_with_status_report("a" * 81)
    def task() -> None:
        add_account(fresh_db)

    with pytest.raises(Exception, match="value too long"):
        task()
    told = capsys.readouterr().err
    assert f"[FLEXMEASURES] Could not report the running of task {'a' * 81}." in told
    assert "The task might have run fine." in told
    assert work_is_kept(fresh_db)


def test_exit_codes_of_commands(app: Flask, fresh_db: SQLAlchemy) -> None:
    def run(function: Callable[[], object]) -> int:
        command = click.command("prices")(task_with_status_report("prices")(function))
        return CliRunner().invoke(command).exit_code

    assert run(lambda: None) == 0
    assert run(fail_with(click.Abort())) == 1
    assert run(fail_with(ValueError("no"))) == 1
    assert run(fail_with(click.UsageError("no"))) == 2


def test_as_transaction(fresh_db: SQLAlchemy) -> None:
    @as_transaction
    def add(fail: bool) -> str:
        """Add it."""
        add_account(fresh_db)
        if fail:
            raise ValueError("no")
        return "added"

    assert add.__doc__ == "Add it."
    with pytest.raises(ValueError, match="no"):
        add(fail=True)
    assert not work_is_kept(fresh_db)
    assert add(fail=False) == "added"
    assert work_is_kept(fresh_db)


def test_session_after_a_request(fresh_db: SQLAlchemy) -> None:
    add_account(fresh_db)
    after_request_exception_rollback_session(None)
    assert fresh_db.session.scalars(select(Account.name)).all() == ["work"]
    after_request_exception_rollback_session(ValueError("no"))
    assert fresh_db.session.scalars(select(Account.name)).all() == []
