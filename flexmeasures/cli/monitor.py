"""`flexmeasures monitor ...`: for cron, to be told of what is wrong, or happens no more."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from flexmeasures.cli.utils import MsgStyle, abort, warn

if TYPE_CHECKING:
    from flexmeasures.data.models.task_runs import LatestTaskRun
    from flexmeasures.data.models.user import User


_MINUTES = click.IntRange(0, 100 * 366 * 24 * 60)


@click.group("monitor")
def fm_monitor() -> None:
    """FlexMeasures: Monitor tasks."""


def _task_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option(
            "--custom-message",
            default="",
            help="A note to add to each alert, say on what to do then.",
        ),
        click.option(
            "--task",
            "tasks",
            type=(str, _MINUTES),
            metavar="NAME MINUTES",
            multiple=True,
            required=True,
            help="A task, and how many minutes ago it may have run last. Can be given repeatedly.",
        ),
    ):
        command = option(command)
    return command


@fm_monitor.command("latest-run")
@_task_options
def monitor_latest_run(tasks: Sequence[tuple[str, int]], custom_message: str) -> None:
    """Alert if a task failed, or has not run lately.

    Tasks are functions that @task_with_status_report decorates. Alerts go to Sentry, to the log
    and by mail to FLEXMEASURES_MONITORING_MAIL_RECIPIENTS.

    \b
    Exit code 0: all was looked at, and those to be alerted are.
    Exit code 1: a task has never run, or a mail could not be sent.

    \b
    Example:
      flexmeasures monitor latest-run --task import_prices 1440 --task read_meters 6
    """
    from flexmeasures.data.services.monitoring import MailFailure, check_tasks
    from flexmeasures.utils.time_utils import server_now

    limits = [(name, timedelta(minutes=minutes)) for name, minutes in tasks]
    failed = False
    for problem in check_tasks(limits, server_now()):
        failed = failed or problem.run is None
        try:
            send_task_monitoring_alert(problem.task, problem.text, problem.run, custom_message)
        except MailFailure as error:
            click.secho(str(error), **MsgStyle.ERROR, err=True)
            failed = True
    if failed:
        raise click.Abort


@fm_monitor.command("tasks", hidden=True)
@_task_options
@click.pass_context
def monitor_task(
    context: click.Context, tasks: Sequence[tuple[str, int]], custom_message: str
) -> None:
    """Older name of latest-run."""
    click.secho(
        "This function has been renamed (and is now deprecated). Please use flexmeasures monitor"
        " latest-run.",
        **MsgStyle.ERROR,
        err=True,
    )
    context.invoke(monitor_latest_run, tasks=tasks, custom_message=custom_message)


@fm_monitor.command("last-seen")
@click.option(
    "--maximum-minutes-since-last-seen",
    "minutes",
    type=_MINUTES,
    required=True,
    help="How many minutes ago users may have been in contact last.",
)
@click.option(
    "--alert-users/--do-not-alert-users",
    default=False,
    show_default=True,
    help="Whether to send a mail to these users, too.",
)
@click.option("--account-role", help="Look at users only whose account has this role.")
@click.option("--user-role", help="Look at users only who have this role.")
@click.option(
    "--custom-user-message",
    default="",
    help="What to tell users in their mail, in place of the advice to check their code.",
)
def monitor_last_seen(
    minutes: int,
    alert_users: bool,
    account_role: str | None,
    user_role: str | None,
    custom_user_message: str,
) -> None:
    """Alert if users have not been in contact lately, such as scripts that send data.

    Users who have never been in contact do not count. Alerts go to Sentry, to the log and by mail
    to FLEXMEASURES_MONITORING_MAIL_RECIPIENTS.

    \b
    Exit code 0: all was looked at, and those to be alerted are.
    Exit code 1: there is no such role, or a mail could not be sent.

    \b
    Example:
      flexmeasures monitor last-seen --maximum-minutes-since-last-seen 100 --user-role bot
    """
    from flexmeasures.data.services.monitoring import MailFailure, last_seen_before
    from flexmeasures.utils.time_utils import server_now

    longest = timedelta(minutes=minutes)
    try:
        users = last_seen_before(server_now() - longest, account_role, user_role)
    except LookupError as error:
        abort(str(error))
    if not users:
        click.secho(
            "All good ― no users were found with relevant criteria and last_seen_at longer than"
            f" {minutes} minutes ago.",
            **MsgStyle.SUCCESS,
        )
        return
    failures = []
    alerted = []
    if not alert_users:
        warn("Users are not being alerted.")
    for user in users if alert_users else ():
        try:
            _alert_user(user, minutes, custom_user_message)
            alerted.append(user)
        except MailFailure as error:
            failures.append(str(error))
    try:
        send_lastseen_monitoring_alert(
            users, longest, alerted if alert_users else None, account_role, user_role
        )
    except MailFailure as error:
        failures.append(str(error))
    if failures:
        abort("\n".join(failures))


@fm_monitor.command("alerts")
def monitor_alerts() -> None:
    """Check the rules of sensors, and alert to what breaks them.

    Rules are in the attribute alert-rules of sensors. Alerts are kept as annotations of the
    sensor, each once however often this runs; they go to Sentry, to the log, and by mail to the
    recipients of the rule, once when they start and once when they are over. Run this at least
    daily; it looks a day back.

    \b
    Exit code 0: all was looked at, and those to be alerted are.
    Exit code 1: a rule or a recipient cannot be used, or a mail could not be sent.

    \b
    Example:
      flexmeasures edit attribute --sensor-id 3 --attribute alert-rules --list \\
        '[{"kind": "above", "limit": 30, "for": "PT15M", "recipients": ["ann@mill.example"]},
          {"kind": "gap", "longer-than": "PT1H"}, {"kind": "outlier"}]'
      flexmeasures monitor alerts
    """
    from flask import current_app

    from flexmeasures.data.config import db
    from flexmeasures.data.services.alert_mails import tell_recipients
    from flexmeasures.data.services.alerts import check_alerts, name_of
    from flexmeasures.utils.time_utils import server_now

    checked = check_alerts(server_now())
    db.session.commit()  # so that a mail never tells of what is not kept
    for alert in checked.started:
        click.echo(f"Alert: {name_of(alert.sensor)}: {alert.annotation.content}")
    for alert in checked.ended:
        click.echo(f"Over: {name_of(alert.sensor)}: {alert.annotation.content}")
    operators = current_app.config["FLEXMEASURES_MONITORING_MAIL_RECIPIENTS"]
    problems = [*checked.problems, *tell_recipients(checked.rules, operators)]
    db.session.commit()
    if problems:
        abort("\n".join(problems))


@fm_monitor.command("workers")
@click.option(
    "--longest-wait",
    "minutes",
    type=_MINUTES,
    default=15,
    show_default=True,
    help="For how many minutes jobs may wait in their queue.",
)
@click.option(
    "--memory",
    "megabytes",
    type=click.IntRange(min=1),
    help="How many MB a worker on this host may take up.",
)
def monitor_workers(minutes: int, megabytes: int | None) -> None:
    """Alert if queues have no workers, if jobs wait for long, or if workers grow.

    Alerts go to Sentry, to the log and by mail to FLEXMEASURES_MONITORING_MAIL_RECIPIENTS, each
    time that something is wrong.

    \b
    Exit code 0: all was looked at, and those to be alerted are.
    Exit code 1: a mail could not be sent.

    \b
    Example:
      flexmeasures monitor workers --longest-wait 10 --memory 2000
    """
    from flexmeasures.data.services.monitoring import MailFailure, alert_operators
    from flexmeasures.data.services.worker_problems import worker_problems
    from flexmeasures.utils.time_utils import server_now

    problems = worker_problems(server_now(), timedelta(minutes=minutes), megabytes)
    if not problems:
        return
    subject = "Problem with workers"
    try:
        alert_operators(subject, "\n".join(problems), subject, ("workers", {"problems": problems}))
    except MailFailure as error:
        abort(str(error))


def _with_other_name(command: click.Command, name: str) -> None:
    """Let a command answer to a name that documentation used; help shows one name only."""
    alias = copy.copy(command)
    alias.name, alias.hidden = name, True
    fm_monitor.add_command(alias)


_with_other_name(monitor_latest_run, "last-run")
_with_other_name(monitor_last_seen, "latest-login")


def send_task_monitoring_alert(
    task_name: str, message: str, latest_run: LatestTaskRun | None = None, custom_message: str = ""
) -> None:
    """Tell operators what is wrong with a task. Raises MailFailure."""
    from flexmeasures.data.services.monitoring import alert_operators
    from flexmeasures.utils.time_utils import as_server_time

    at, status = (latest_run.datetime, latest_run.status) if latest_run else (None, None)
    at = at and as_server_time(at)
    body = message
    if latest_run is not None:
        body += f"\n\nLast run was at {at}, status was: {status}\nWe suggest to check the logs."
    if custom_message:
        body += f"\n\nNote: {custom_message}"
    context = {"time": None if at is None else at.isoformat(), "status": status}
    alert_operators(f"Problem with task {task_name}", body, message, ("latest_run", context))


def send_lastseen_monitoring_alert(
    users: Sequence[User],
    last_seen_delta: timedelta,
    alerted_users: Sequence[User] | None,
    account_role: str | None = None,
    user_role: str | None = None,
) -> None:
    """Tell operators which users have not been in contact for longer than `last_seen_delta`.

    alerted_users : who got a mail; None if that was not wanted

    Raises MailFailure.
    """
    from flexmeasures.data.services.monitoring import alert_operators

    lines = [
        f"These users have not been in contact for more than {last_seen_delta}:",
        "",
        *(f"- {user.username} (last contact was {user.last_seen_at} UTC)" for user in users),
        "",
    ]
    if account_role:
        lines.append(f"Only users whose account has the role {account_role} were looked at.")
    if user_role:
        lines.append(f"Only users with the role {user_role} were looked at.")
    lines.append(_who_was_notified(users, alerted_users))
    context = {
        "delta": str(last_seen_delta),
        "users": [user.username for user in users],
        "alerted_users": [user.username for user in alerted_users or ()],
        "account_role": account_role,
        "user_role": user_role,
    }
    subject = "Last contact by user(s) too long ago"
    alert_operators(subject, "\n".join(lines), subject, ("last_seen_context", context))


def _who_was_notified(users: Sequence[User], alerted: Sequence[User] | None) -> str:
    if alerted is None:
        return "They have not been notified (--alert-users was not used)."
    if len(alerted) == len(users):
        return "They have been notified by mail."
    missed = ", ".join(user.username for user in users if user not in alerted)
    return f"They have been notified by mail, but for {missed}."


def _alert_user(user: User, minutes: int, custom_message: str) -> None:
    """Raises MailFailure."""
    from flexmeasures.data.services.monitoring import send_mail

    advice = custom_message or "Please check whether your code still runs, and can log in."
    send_mail(
        f"Last contact by user {user.username} has been too long ago",
        f"We noticed that user {user.username} has not been in contact with this FlexMeasures"
        f" server for at least {minutes} minutes (last contact was {user.last_seen_at} UTC).\n\n"
        f"{advice}",
        to=[user.email],
    )
