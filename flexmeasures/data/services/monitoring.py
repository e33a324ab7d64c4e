"""What operators want to be told: which tasks do not run, and which users do not come any more."""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from flexmeasures.data.config import db
from flexmeasures.data.models.task_runs import LatestTaskRun
from flexmeasures.data.models.user import Account, AccountRole, Role, User
from flexmeasures.utils.time_utils import naive_utc_from

log = logging.getLogger(__name__)


class MailFailure(Exception):
    """A mail could not be handed to the mail server."""


@dataclass(frozen=True)
class TaskProblem:
    """Why a task needs attention.

    run : its latest run; None if there was none
    """

    task: str
    text: str
    run: LatestTaskRun | None


def check_tasks(tasks: Sequence[tuple[str, timedelta]], now: datetime) -> list[TaskProblem]:
    """Which of these tasks did not succeed lately, or ever.

    tasks : each with how long ago its latest run may be
    """
    names = [name for name, _ in tasks]
    found = db.session.scalars(select(LatestTaskRun).where(LatestTaskRun.name.in_(names)))
    runs = {run.name: run for run in found}
    problems = []
    for task, limit in tasks:
        run = runs.get(task)
        text = _problem(task, run, limit, now)
        if text is None:
            log.info("Task %s ran within the last %s.", task, limit)
        else:
            problems.append(TaskProblem(task, text, run))
    return problems


def _problem(task: str, run: LatestTaskRun | None, limit: timedelta, now: datetime) -> str | None:
    if run is None or run.datetime is None:
        return (
            f"Task {task} has no last run and thus cannot be monitored. Is it configured properly?"
        )
    texts = []
    if not run.status:
        texts.append(f"A failure has been reported on task {task}.")
    if now - run.datetime > limit:
        texts.append(f"Task {task}'s latest run time is outside of the acceptable range ({limit}).")
    return " ".join(texts) or None


def last_seen_before(
    moment: datetime, account_role: str | None = None, user_role: str | None = None
) -> Sequence[User]:
    """Users by name, active or not, who were here, but not since that (aware) moment.

    Both roles must hold, if given. Raises LookupError for a role that does not exist: nobody would
    ever be found.
    """
    query = (
        select(User)
        .where(User.last_seen_at < naive_utc_from(moment))
        .options(selectinload(User.flexmeasures_roles))
        .order_by(User.username)
    )
    if account_role is not None:
        _check_role(AccountRole, account_role, "account role")
        has_role = Account.account_roles.any(AccountRole.name == account_role)
        query = query.where(User.account.has(has_role))
    if user_role is not None:
        _check_role(Role, user_role, "user role")
        query = query.where(User.flexmeasures_roles.any(Role.name == user_role))
    return db.session.scalars(query).all()


def _check_role(kind: type[AccountRole | Role], name: str, what: str) -> None:
    if db.session.scalars(select(kind.id).where(kind.name == name)).first() is None:
        raise LookupError(f"There is no {what} named '{name}'.")


def alert_operators(
    subject: str, body: str, title: str, context: tuple[str, Mapping[str, Any]]
) -> None:
    """Tell operators by Sentry, the log and mail, whichever are set up.

    title : the message in Sentry; its context has a name and a mapping

    Raises MailFailure, after the others have been told.
    """
    import sentry_sdk

    with sentry_sdk.new_scope() as scope:
        scope.set_context(context[0], dict(context[1]))
        sentry_sdk.capture_message(title, level="error")
    log.error(" ".join(body.split()))
    recipients = current_app.config["FLEXMEASURES_MONITORING_MAIL_RECIPIENTS"]
    if recipients:
        send_mail(subject, body, bcc=recipients)


def send_mail(subject: str, body: str, *, to: Sequence[str] = (), bcc: Sequence[str] = ()) -> None:
    """Hand a mail to the mail server. Raises MailFailure."""
    from flask_mail import Message

    subject = " ".join(subject.split())  # a header is one line
    message = Message(subject, recipients=list(to), bcc=list(bcc), body=body)
    try:
        cast("Any", current_app).mail.send(message)
    # An assertion of the library: there is no MAIL_DEFAULT_SENDER.
    except (OSError, smtplib.SMTPException, ValueError, AssertionError) as error:
        names = ", ".join([*to, *bcc])
        raise MailFailure(f"The mail '{subject}' to {names} could not be sent: {error}") from error
