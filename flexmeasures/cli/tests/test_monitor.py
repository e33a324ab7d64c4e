"""Alerts by mail (in a real conversation with a mail server), Sentry and log, and exit codes."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flexmeasures.cli.conftest import Invoke
from flexmeasures.cli.monitor import fm_monitor
from flexmeasures.cli.tests.conftest import OPERATORS, Mailbox, told
from flexmeasures.data.models.task_runs import LatestTaskRun
from flexmeasures.data.models.user import Account
from flexmeasures.data.services.accounts import change_account
from flexmeasures.data.services.users import create_user
from flexmeasures.utils.time_utils import as_server_time, server_now


def run_task(db: SQLAlchemy, name: str, status: bool, minutes_ago: int) -> datetime:
    """When it ran, in the server's timezone."""
    at = as_server_time(server_now() - timedelta(minutes=minutes_ago))
    LatestTaskRun.record_run(name, status, at)
    db.session.commit()
    return at


# --- latest-run ---


@pytest.mark.parametrize("word", ["latest-run", "last-run", "tasks"])
def test_nothing_to_tell(invoke: Invoke, fresh_db: SQLAlchemy, mailbox: Mailbox, word: str) -> None:
    run_task(fresh_db, "prices", True, minutes_ago=9)
    run_task(fresh_db, "weather", True, minutes_ago=90)
    done = invoke(fm_monitor, word, "--task", "prices", "10", "--task", "weather", "100")
    assert done.stdout == ""
    assert mailbox.letters == []
    renamed = (
        "This function has been renamed (and is now deprecated)."
        " Please use flexmeasures monitor latest-run.\n"
    )
    assert (renamed in done.stderr) == (word == "tasks")
    assert "ERROR" not in done.stderr


def test_an_old_run(
    invoke: Invoke,
    fresh_db: SQLAlchemy,
    mailbox: Mailbox,
    sentry: list[dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    at = run_task(fresh_db, "prices", True, minutes_ago=70)
    done = invoke(
        fm_monitor, "latest-run", "--task", "prices", "60", "--custom-message", "Call Ann."
    )
    assert done.stdout == ""
    text = "Task prices's latest run time is outside of the acceptable range (1:00:00)."
    ((subject, body),) = mailbox.to_operators()
    assert subject == "Problem with task prices"
    assert body == (
        f"{text}\n\nLast run was at {at}, status was: True\nWe suggest to check the logs.\n\n"
        "Note: Call Ann.\n"
    )
    ((_, letter),) = mailbox.letters
    assert letter["Bcc"] is None and not letter["To"]
    (event,) = sentry
    assert event["message"] == text
    assert event["contexts"]["latest_run"] == {"time": at.isoformat(), "status": True}
    assert f"{text} Last run was at {at}" in caplog.text
    assert "Note: Call Ann." in caplog.text


@pytest.mark.parametrize(("minutes_ago", "too_old"), [(9, False), (11, True)])
def test_a_failed_run_is_no_run(
    invoke: Invoke, fresh_db: SQLAlchemy, mailbox: Mailbox, minutes_ago: int, too_old: bool
) -> None:
    run_task(fresh_db, "prices", False, minutes_ago)
    invoke(fm_monitor, "latest-run", "--task", "prices", "10")
    ((_, body),) = mailbox.to_operators()
    assert body.startswith("A failure has been reported on task prices.")
    assert ("outside of the acceptable range (0:10:00)." in body) == too_old
    assert "status was: False" in body


def test_a_task_that_never_ran_does_not_hide_others(
    invoke: Invoke, fresh_db: SQLAlchemy, mailbox: Mailbox, sentry: list[dict[str, Any]]
) -> None:
    run_task(fresh_db, "weather", False, minutes_ago=5)
    tasks = ("--task", "prices", "10", "--task", "weather", "10")
    invoke(fm_monitor, "latest-run", *tasks, exit_code=1)
    (_, never), (_, failed) = mailbox.to_operators()
    assert never == (
        "Task prices has no last run and thus cannot be monitored. Is it configured properly?\n"
    )
    assert failed.startswith("A failure has been reported on task weather.")
    assert sentry[0]["contexts"]["latest_run"] == {"time": None, "status": None}


def test_without_recipients(
    app: Flask,
    invoke: Invoke,
    fresh_db: SQLAlchemy,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(app.config, "FLEXMEASURES_MONITORING_MAIL_RECIPIENTS", [])
    run_task(fresh_db, "prices", False, minutes_ago=5)
    invoke(fm_monitor, "latest-run", "--task", "prices", "10")
    assert mailbox.letters == []
    assert "A failure has been reported on task prices." in caplog.text


def test_a_mail_server_that_is_away(
    app: Flask,
    invoke: Invoke,
    fresh_db: SQLAlchemy,
    mailbox: Mailbox,
    sentry: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setattr(app.extensions["mail"], "port", port)
    run_task(fresh_db, "prices", False, minutes_ago=5)
    tasks = ("--task", "prices", "10", "--task", "weather", "10")
    failed = invoke(fm_monitor, "latest-run", *tasks, exit_code=1).stderr
    for task in ("prices", "weather"):
        assert f"The mail 'Problem with task {task}' to fred@one.example, wilma@two" in failed
    assert "could not be sent: " in failed
    assert len(sentry) == 2


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((), "Missing option '--task'"),
        (("--task", "prices"), "requires 2 arguments"),
        (("--task", "prices", "soon"), "'soon' is not a valid integer range"),
        (("--task", "prices", "-1"), "-1 is not in the range"),
    ],
)
def test_wrong_tasks(invoke: Invoke, words: tuple[str, ...], problem: str) -> None:
    assert problem in invoke(fm_monitor, "latest-run", *words, exit_code=2).stderr


# --- last-seen ---


def naive(minutes_ago: int) -> datetime:
    at = datetime.now(timezone.utc) - timedelta(minutes=minutes_ago)
    return at.replace(tzinfo=None)


@pytest.fixture
def people(fresh_db: SQLAlchemy) -> dict[str, datetime | None]:
    """When each was last seen."""
    seen = {
        "bot": naive(200),
        "ann": naive(200),
        "gone": naive(9000),
        "new": naive(5),
        "idle": None,
    }
    for name, at in seen.items():
        create_user(
            email=f"{name}@example.com",
            username=name,
            password="battery-horse",
            account_name="Bakery" if name == "ann" else "Mill",
            user_roles=["bot"] if name in ("bot", "new") else [],
            active=name != "gone",
            check_email_deliverability=False,
            last_seen_at=at,
        )
    bakery = fresh_db.session.query(Account).filter_by(name="Bakery").one()
    change_account(bakery, add_roles=["Subscriber"])
    fresh_db.session.commit()
    return seen


SEEN = ("--maximum-minutes-since-last-seen", "100")


@pytest.mark.parametrize("word", ["last-seen", "latest-login"])
def test_who_has_not_been_seen(
    invoke: Invoke,
    people: dict[str, datetime | None],
    mailbox: Mailbox,
    sentry: list[dict[str, Any]],
    word: str,
) -> None:
    done = invoke(fm_monitor, word, *SEEN)
    assert done.stdout == ""
    assert done.stderr.startswith("Users are not being alerted.\n")
    ((subject, body),) = mailbox.to_operators()
    assert subject == "Last contact by user(s) too long ago"
    lines = body.splitlines()
    assert lines[0].endswith("more than 1:40:00:")
    assert [line for line in lines if line.startswith("- ")] == [
        f"- {name} (last contact was {people[name]} UTC)" for name in ("ann", "bot", "gone")
    ]
    assert "--alert-users was not used" in body
    (event,) = sentry
    assert event["contexts"]["last_seen_context"] == {
        "delta": "1:40:00",
        "users": ["ann", "bot", "gone"],
        "alerted_users": [],
        "account_role": None,
        "user_role": None,
    }
    assert len(mailbox.letters) == 1


@pytest.mark.parametrize(
    ("roles", "names"),
    [
        (("--user-role", "bot"), ["bot"]),
        (("--account-role", "Subscriber"), ["ann"]),
        (("--account-role", "Subscriber", "--user-role", "bot"), []),
    ],
)
def test_roles(
    invoke: Invoke,
    people: dict[str, datetime | None],
    mailbox: Mailbox,
    roles: tuple[str, ...],
    names: list[str],
) -> None:
    done = invoke(fm_monitor, "last-seen", *SEEN, *roles)
    bodies = [body for _, body in mailbox.to_operators()]
    listed = [line.split()[1] for body in bodies for line in body.splitlines() if line[:2] == "- "]
    assert listed == names
    if names:
        assert f"the role {roles[1]}" in bodies[0]
    else:
        assert done.stdout == (
            "All good ― no users were found with relevant criteria and last_seen_at longer than"
            " 100 minutes ago.\n"
        )


@pytest.mark.parametrize("kind", ["user", "account"])
def test_unknown_roles(
    invoke: Invoke, people: dict[str, datetime | None], mailbox: Mailbox, kind: str
) -> None:
    """With a role that is misspelt, nobody would ever be missed."""
    failed = invoke(fm_monitor, "last-seen", *SEEN, f"--{kind}-role", "bott", exit_code=1)
    assert failed.stderr == f"There is no {kind} role named 'bott'.\nAborted!\n"
    assert mailbox.letters == []


def test_mail_to_users(
    invoke: Invoke, people: dict[str, datetime | None], mailbox: Mailbox
) -> None:
    done = invoke(fm_monitor, "last-seen", *SEEN, "--alert-users", "--user-role", "bot")
    assert "Users are not" not in done.stderr
    (to_bot, letter), (to_operators, _) = mailbox.letters
    assert to_bot == ["bot@example.com"] and sorted(to_operators) == OPERATORS
    subject, body = told(letter)
    assert subject == "Last contact by user bot has been too long ago"
    assert f"at least 100 minutes (last contact was {people['bot']} UTC)" in body
    assert "check whether your code still runs" in body
    ((_, report),) = mailbox.to_operators()
    assert "They have been notified by mail." in report


def test_custom_message_to_users(
    invoke: Invoke, people: dict[str, datetime | None], mailbox: Mailbox
) -> None:
    options = ("--alert-users", "--custom-user-message", "Call Ann.", "--user-role", "bot")
    invoke(fm_monitor, "last-seen", *SEEN, *options)
    assert told(mailbox.letters[0][1])[1].endswith("\n\nCall Ann.\n")


def test_a_user_who_cannot_be_reached_does_not_hide_others(
    invoke: Invoke, people: dict[str, datetime | None], mailbox: Mailbox
) -> None:
    mailbox.unknown = {"ann@example.com"}
    failed = invoke(fm_monitor, "last-seen", *SEEN, "--alert-users", exit_code=1)
    assert "to ann@example.com could not be sent: " in failed.stderr
    assert [to for to, _ in mailbox.letters[:-1]] == [["bot@example.com"], ["gone@example.com"]]
    ((_, report),) = mailbox.to_operators()
    assert "They have been notified by mail, but for ann." in report


def test_help_shows_one_name(invoke: Invoke) -> None:
    shown = invoke(fm_monitor, "--help").stdout
    assert "latest-run" in shown and "last-seen" in shown
    for other in ("tasks  ", "last-run", "latest-login"):
        assert other not in shown
