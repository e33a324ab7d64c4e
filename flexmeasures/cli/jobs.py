"""`flexmeasures jobs ...`: queues, and the workers that take jobs from them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from flexmeasures.cli.utils import MsgStyle, abort, warn

if TYPE_CHECKING:
    from rq import Queue


@click.group("jobs")
def fm_jobs() -> None:
    """FlexMeasures: Job queueing."""


_queues = click.option(
    "--queue",
    "queues",
    required=True,
    multiple=True,
    help="State which queue(s): forecasting, scheduling. With | between them, or several times.",
)


@fm_jobs.command("run-worker")
@_queues
@click.option(
    "--name",
    help="Give your worker a recognizable name. Defaults to random string prefixed with"
    " fm-worker-. If the name is taken, a number is added.",
)
def run_worker(queues: tuple[str, ...], name: str | None) -> None:
    """Start a worker process for forecasting and/or scheduling jobs.

    It stops on Ctrl+C or SIGTERM, once it has finished its job.

    \b
    Example:
      flexmeasures jobs run-worker --queue "forecasting|scheduling"
    """
    from rq.logutils import colorizer

    from flexmeasures.data.services.worker import make_worker

    colorizer.notty = colorizer.notty or bool(os.environ.get("NO_COLOR"))
    found = parse_queue_list("|".join(queues))
    worker = make_worker([one.name for one in found], name)
    click.echo("=" * 65)
    click.secho(
        f'Worker "{worker.name}" initialised: {worker} ― processing {len(found)} queue(s)',
        **MsgStyle.SUCCESS,
    )
    for one in found:
        click.echo(f"Running against {one} on {one.connection}")
    click.echo("=" * 65)
    worker.work()


@fm_jobs.command("show-queues")
def show_queues() -> None:
    """Show the job queues and their lengths, and how many jobs failed.

    \b
    Example:
      flexmeasures jobs show-queues
    """
    from flexmeasures.data.services.jobs import all_queues

    for queue in all_queues():
        failed = queue.failed_job_registry.get_job_count(cleanup=False)
        click.echo(f"Queue {queue.name} has {queue.count} jobs (and {failed} jobs have failed).")


@fm_jobs.group("show", hidden=True)
def show() -> None:
    """Older spelling of show-queues."""


show.add_command(show_queues, "queues")


@fm_jobs.command("clear-queue")
@_queues
@click.option("--failed", is_flag=True, help="Forget the jobs that failed, not those that wait.")
def clear_queue(queues: tuple[str, ...], failed: bool) -> None:
    """Clear one or several queues of jobs.

    \b
    Example:
      flexmeasures jobs clear-queue --queue forecasting --failed
    """
    some_are_left = False
    for one in parse_queue_list("|".join(queues)):
        if failed:
            count, left = _forget_failed(one)
            click.secho(f"Cleared {count} failed jobs from the registry at {one}.", **MsgStyle.WARN)
        else:
            count = one.empty()
            left = one.count
            click.secho(f"Cleared {count} jobs from {one}.", **MsgStyle.SUCCESS)
        if left:
            warn(f"There are {left} jobs which could not be removed for some reason.")
            some_are_left = True
        else:
            click.echo("No jobs left.")
    if some_are_left:
        raise click.Abort


def _forget_failed(queue: Queue) -> tuple[int, int]:
    """How many failed jobs were taken off the list (the jobs expire later), and are left on it."""
    registry = queue.failed_job_registry
    count = sum(registry.remove(job_id) for job_id in registry.get_job_ids())
    return count, registry.get_job_count(cleanup=False)


def parse_queue_list(queue_names: str) -> list[Queue]:
    """Queues named with | between them; the command ends if one is unknown."""
    from flexmeasures.data.services.jobs import UnknownQueue, find_queue

    try:
        return [find_queue(name) for name in dict.fromkeys(map(str.strip, queue_names.split("|")))]
    except UnknownQueue as error:
        abort(str(error))


def __getattr__(name: str) -> Any:
    if name == "handle_worker_exception":
        from flexmeasures.data.services.worker import handle_worker_exception

        return handle_worker_exception
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
