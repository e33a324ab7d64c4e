"""Transactions around functions, and reports on tasks that run again and again.

For plugins, above all:

    @my_plugin.cli.command("import-prices")
    @with_appcontext
    @task_with_status_report("my_plugin_import_prices")
    def import_prices(): ...
"""

from __future__ import annotations

import functools
import logging
import sys
import traceback
from collections.abc import Callable
from typing import ParamSpec, TypeVar, overload

import click

from flexmeasures.data.config import db
from flexmeasures.data.models.task_runs import LatestTaskRun

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class PartialTaskCompletionException(Exception):
    """The task failed, but what it did so far is to be kept."""


def as_transaction(function: Callable[P, R]) -> Callable[P, R]:
    """Commit when the function returns; roll back when it raises."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            result = function(*args, **kwargs)
            db.session.commit()
        except BaseException:
            db.session.rollback()
            raise
        return result

    return run


def after_request_exception_rollback_session(exception: BaseException | None) -> None:
    """For `app.teardown_request`: leave no half-done transaction behind a request that failed."""
    if exception is not None:
        db.session.rollback()


@overload
def task_with_status_report(task: Callable[P, object], /) -> Callable[P, None]: ...


@overload
def task_with_status_report(
    task: str | None = None, /
) -> Callable[[Callable[P, object]], Callable[P, None]]: ...


def task_with_status_report(task: Callable[P, object] | str | None = None, /) -> object:
    """Note in `latest_task_run` when a task ran, and whether it succeeded.

    Used as `@task_with_status_report`, which takes the function's name for the task's, or as
    `@task_with_status_report("name")`; always next to the function, below all other decorators.

    The task's work is committed when it returns. When it raises, its work is rolled back (kept, if
    it raises PartialTaskCompletionException), the failure is noted, and the error goes on: so the
    exit code of a command tells of it, too.
    """
    if callable(task):
        return _reporting(task, getattr(task, "__name__", str(task)))
    return lambda function: _reporting(function, task or function.__name__)


def _reporting(function: Callable[P, object], name: str) -> Callable[P, None]:
    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            try:
                function(*args, **kwargs)
                db.session.commit()
            except BaseException as error:
                succeeded = _is_good_end(error)
                if succeeded or isinstance(error, PartialTaskCompletionException):
                    db.session.commit()
                else:
                    db.session.rollback()
                if succeeded:
                    _tell_success(name)
                else:
                    _tell_problem(name, error)
                _record(name, succeeded)
                raise
            _tell_success(name)
            problem = _record(name, True)
            if problem is not None:
                raise problem
        finally:
            db.session.remove()

    return run


def _is_good_end(error: BaseException) -> bool:
    """Did the task just end its process or command early, with exit code 0?"""
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code == 0
    return isinstance(error, SystemExit) and error.code in (None, 0)


def _record(name: str, succeeded: bool) -> Exception | None:
    """Note the run; the error, if that is not possible."""
    try:
        LatestTaskRun.record_run(name, succeeded)
        db.session.commit()
    except Exception as error:  # noqa: BLE001  # whatever it is, the task's own end counts more
        db.session.rollback()
        _tell(
            f"Could not report the running of task {name}. Encountered the following problem:"
            f" [{error}]. The task might have run fine."
        )
        return error
    _tell(f"Reported task {name} status as {succeeded}")
    return None


def _tell_success(name: str) -> None:
    _tell(f"Task {name} ran fine.")


def _tell_problem(name: str, error: BaseException) -> None:
    message = error.format_message() if isinstance(error, click.ClickException) else str(error)
    _tell(
        f'Task {name} encountered a problem: "{message or type(error).__name__}".'
        f" More details: {_place(error)}"
    )
    log.error("Task %s failed.", name, exc_info=error)


def _place(error: BaseException) -> dict[str, object]:
    """Where in the code it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return {}
    last = frames[-1]
    return {
        "src_file": last.filename,
        "src_line": last.lineno,
        "src_func": last.name,
        "src_code": last.line,
    }


def _tell(notice: str) -> None:
    print(f"[FLEXMEASURES] {notice}", file=sys.stderr)
