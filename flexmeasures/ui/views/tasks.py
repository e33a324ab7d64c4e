"""Queues, workers and jobs. See documentation/dev/pages.md on why these are pages of our own.

To read, for admins and admin-readers; in mode demo, for everybody who is logged in. Admins let jobs
run again, or cancel them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import Blueprint, Flask, abort, current_app, flash, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user
from flask_security import login_required as known_user_required
from werkzeug.exceptions import NotFound

from flexmeasures.auth.error_handling import wants_json
from flexmeasures.auth.policy import user_has_admin_access
from flexmeasures.data.services import task_board
from flexmeasures.data.services.job_states import known_job, state_of
from flexmeasures.data.services.jobs import all_queues, find_queue, redis_connection
from flexmeasures.data.services.task_board import FAILED, QUEUED, STATES
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
from flexmeasures.utils.time_utils import as_utc

if TYPE_CHECKING:
    from rq import Queue
    from rq.job import Job

View = TypeVar("View", bound=Callable[..., Any])

tasks = Blueprint("rq_dashboard", __name__, url_prefix="/tasks")

PER_PAGE = 10
_LAST_PAGE = 100_000
# Of the menu. No job is ever put into these.
_RESERVED = ("labelling", "alerting", "reporting")
_OTHER_NAMES = {"schedules": "scheduling", "forecasts": "forecasting"}
_STATE_NAMES = {
    QUEUED: "Waiting",
    "started": "Running",
    FAILED: "Failed",
    "finished": "Finished",
    "deferred": "Deferred",
    "scheduled": "Planned",
    "canceled": "Cancelled",
}


@dataclass(frozen=True)
class Shown:
    """What a page is about.

    title : of the list of jobs
    queue : None for all
    """

    title: str
    queue: str | None
    queues: list[Queue]
    state: str


@tasks.before_request
def _check_access() -> ResponseReturnValue | None:
    """Deny by default, whatever routes there are."""
    return cast("ResponseReturnValue | None", known_user_required(_check_roles)())


def _check_roles() -> None:
    changes = request.method not in ("GET", "HEAD", "OPTIONS")
    if user_has_admin_access(current_user, "update" if changes else "read"):
        return
    if changes or current_app.config["FLEXMEASURES_MODE"] != "demo":
        abort(403)


# Pages


@tasks.get("/")
def overview() -> ResponseReturnValue:
    return _page(_shown(FAILED), 1)


@tasks.get("/<queue>")
def jobs_of(queue: str) -> ResponseReturnValue:
    if queue in _OTHER_NAMES:
        return redirect(url_for(".jobs_of", queue=_OTHER_NAMES[queue]))
    return _page(_shown(queue), 1)


@tasks.get("/<queue>/<int:page>")
def page_of_jobs(queue: str, page: int) -> ResponseReturnValue:
    return _page(_shown(queue), page)


@tasks.get("/job/<job_id>")
def job(job_id: str) -> ResponseReturnValue:
    found = known_job(job_id)
    if found is None:
        raise NotFound(f"There is no job {job_id}, or its time is over.")
    state, sentence = state_of(found)
    return render_flexmeasures_template(
        "rq_dashboard/job.html",
        job=found,
        state=state,
        state_name=_STATE_NAMES.get(state, state.capitalize()),
        sentence=sentence,
        traceback=task_board.traceback_of(found),
        about=_about(found),
        may_change=_may_change(),
        may_cancel=state == FAILED or task_board.may_be_cancelled(found),
    )


def _page(shown: Shown, page: int) -> ResponseReturnValue:
    found = _jobs(shown, page)
    return render_flexmeasures_template(
        "rq_dashboard/dashboard.html",
        queues=task_board.queue_summaries(),
        workers=task_board.worker_summaries(),
        shown=shown,
        is_reserved=shown.queue in _RESERVED,
        state_names=_STATE_NAMES,
        jobs=[_row(job) for job in found.jobs],
        number=found.number,
        page_number=page,
        pages=max(1, -(-found.number // PER_PAGE)),
        may_change=_may_change(),
        poll_interval=current_app.config["RQ_DASHBOARD_POLL_INTERVAL"],
    )


def _row(job: Job) -> dict[str, Any]:
    state, sentence = state_of(job)
    return {
        "job": job,
        "state": state,
        "since": job.ended_at or job.started_at or job.enqueued_at or job.created_at,
        "sentence": sentence if state == FAILED else "",
        "traceback": task_board.traceback_of(job) if state == FAILED else "",
        "about": _about(job),
        "may_cancel": state == FAILED or task_board.may_be_cancelled(job),
    }


# The same for programs


@tasks.get("/queues.json")
def list_queues() -> ResponseReturnValue:
    queues = [
        {
            "name": queue.name,
            "count": queue.numbers[QUEUED],
            "url": url_for(".jobs_of", queue=queue.name),
            **{f"{state}_count": queue.numbers[state] for state in STATES},
        }
        for queue in task_board.queue_summaries()
    ]
    return jsonify(queues=queues)


@tasks.get("/workers.json")
def list_workers() -> ResponseReturnValue:
    workers = [
        {
            "name": worker.name,
            "queues": worker.queues,
            "state": worker.state,
            "last_heartbeat": _text(worker.last_heartbeat),
        }
        for worker in task_board.worker_summaries()
    ]
    return jsonify(workers=workers)


@tasks.get("/jobs/<queue>/<int:page>.json")
def list_jobs(queue: str, page: int) -> ResponseReturnValue:
    shown = _shown(queue)
    found = _jobs(shown, page)
    pages = max(1, -(-found.number // PER_PAGE))
    return jsonify(
        name=queue,
        jobs=[_dump(job) for job in found.jobs],
        pagination={"number": found.number, "page": page, "pages": pages},
    )


@tasks.get("/rq-instances.json")
def list_instances() -> ResponseReturnValue:
    """The Redis server, without its password."""
    known = redis_connection().connection_pool.connection_kwargs
    place = f"{known['host']}:{known.get('port', 6379)}" if "host" in known else known.get("path")
    return jsonify([f"redis://{place}/{known.get('db', 0)}"])


def _dump(job: Job) -> dict[str, Any]:
    state, _ = state_of(job)
    return {
        "id": job.id,
        "origin": job.origin,
        "description": job.description,
        "state": state,
        "created_at": _text(job.created_at),
        "enqueued_at": _text(job.enqueued_at),
        "ended_at": _text(job.ended_at),
        "exc_info": task_board.traceback_of(job) if state == FAILED else None,
    }


# Changes


@tasks.post("/job/<job_id>/requeue")
def requeue(job_id: str) -> ResponseReturnValue:
    return _change(lambda: task_board.requeue(job_id), "The job waits to run again.")


@tasks.post("/job/<job_id>/cancel")
def cancel(job_id: str) -> ResponseReturnValue:
    return _change(lambda: task_board.cancel(job_id), "The job was cancelled.")


@tasks.post("/requeue-all")
def requeue_all() -> ResponseReturnValue:
    """Of the queue that the form names, or else of all."""
    name = request.form.get("queue")
    number = task_board.requeue_all([_find(name)] if name else all_queues())
    return _done(f"{number} {'job waits' if number == 1 else 'jobs wait'} to run again.")


@tasks.post("/queue/<queue>/empty")
def empty(queue: str) -> ResponseReturnValue:
    """Forget the jobs that wait."""
    number = _find(queue).empty()
    return _done(f"{_jobs_were(number)} off {queue}.")


@tasks.post("/queue/<queue>/compact")
def compact(queue: str) -> ResponseReturnValue:
    """Forget ids of jobs that have expired."""
    number = task_board.compact(_find(queue))
    return _done(f"{_jobs_were(number)} off {queue}: their time was over.")


def _jobs_were(number: int) -> str:
    return f"{number} {'job was' if number == 1 else 'jobs were'} taken"


def _change(change: Callable[[], Job | None], text: str) -> ResponseReturnValue:
    try:
        found = change()
    except task_board.NotPossible as error:
        return _done(str(error), 409)
    if found is None:
        raise NotFound("There is no such job, or its time is over.")
    return _done(text)


def _done(text: str, code: int = 200) -> ResponseReturnValue:
    if wants_json():
        return jsonify(status="OK" if code == 200 else "ERROR", message=text), code
    flash(text)
    return redirect(_where_from(), 303)


def _where_from() -> str:
    """The page with the form: its address, but only a path below ours."""
    path = request.form.get("next", "")
    home = url_for(".overview")
    return path if path.startswith(home) and "\\" not in path and path.isprintable() else home


# Parts


def _shown(name: str) -> Shown:
    """A queue; or `failed`, for what failed in any. Raises NotFound."""
    if name == FAILED:
        return Shown("failed", None, all_queues(), FAILED)
    asked = request.args.get("state", QUEUED)
    state = asked if asked in STATES else QUEUED
    return Shown(name, name, [] if name in _RESERVED else [_find(name)], state)


def _find(name: str) -> Queue:
    if name not in current_app.queues:  # type: ignore[attr-defined]
        raise NotFound(f"There is no queue named {name}.")
    return find_queue(name)


def _jobs(shown: Shown, page: int) -> task_board.JobsFound:
    page = min(max(page, 1), _LAST_PAGE)
    return task_board.jobs_in(shown.queues, shown.state, page, PER_PAGE)


def _about(job: Job) -> dict[str, str] | None:
    """A link to what the job is about."""
    named = job.meta.get("asset_or_sensor") or {}
    kind = {"Sensor": "sensor", "GenericAsset": "asset"}.get(named.get("class", ""))
    if kind is None:
        return None
    return {"text": f"{kind} {named['id']}", "url": f"/{kind}s/{named['id']}/"}


def _may_change() -> bool:
    return user_has_admin_access(current_user, "update")


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else as_utc(moment).isoformat()


def _from_older_address(path: str = "") -> ResponseReturnValue:
    return redirect(url_for("rq_dashboard.overview") + path)


def register_at(app: Flask) -> None:
    app.register_blueprint(tasks)
    app.add_url_rule("/rq/", "rq_dashboard_older", _from_older_address)
    app.add_url_rule("/rq/<path:path>", "rq_dashboard_older", _from_older_address)
