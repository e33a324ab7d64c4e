"""Pages about queues, workers and jobs."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from redis.exceptions import ConnectionError as RedisConnectionError
from rq.job import Job, JobStatus
from werkzeug.test import TestResponse

from flexmeasures.app import create
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.data.services import jobs, task_board
from flexmeasures.data.services.tests.workers import fail, write
from flexmeasures.tests.permissions.world import World, build_world, user_named


@pytest.fixture(scope="module")
def world(db: SQLAlchemy) -> World:
    return build_world()


@pytest.fixture
def site(world: World) -> FlexMeasures:
    return create(env="testing")


@pytest.fixture(autouse=True)
def _empty_queues(app: Flask) -> Iterator[None]:
    app.redis_connection.flushdb()  # type: ignore[attr-defined]
    yield
    app.redis_connection.flushdb()  # type: ignore[attr-defined]


def browser_of(site: Flask, name: str, **headers: str) -> FlaskClient:
    client = site.test_client()
    client.environ_base["HTTP_ACCEPT"] = headers.get("accept", "text/html")
    with client.session_transaction() as session:
        session.update(_user_id=user_named(name).fs_uniquifier, _fresh=True)
    return client


def make(queue: str = "scheduling", name: str = "a schedule", **more: Any) -> Job:
    return jobs.enqueue(jobs.make_job(queue, write, {"path": "x"}, description=name, **more))


def make_failed(queue: str = "scheduling", name: str = "a failed schedule") -> Job:
    """As a worker does it that runs the job."""
    about = {"asset_or_sensor": {"class": "Sensor", "id": 7}}
    job = make(queue, name, meta=about)
    found = jobs.find_queue(queue)
    found.remove(job)
    try:
        fail("/dev/null")
    except RuntimeError:
        kind, error, _ = sys.exc_info()
        assert kind is not None
        assert error is not None
        jobs.remember_exception(job, kind, error)
        text = traceback.format_exc()
    with job.connection.pipeline() as pipeline:
        job.set_status(JobStatus.FAILED, pipeline=pipeline)
        job._handle_failure(text, pipeline=pipeline)
        pipeline.execute()
    return job


# What pages show


def test_the_first_page_shows_queues_workers_and_failures(site: FlexMeasures) -> None:
    for number in range(3):
        make("forecasting", f"forecast {number}")
    failed = make_failed()
    page = browser_of(site, "admin").get("/tasks/").text
    assert "<title>Task listing - FlexMeasures</title>" in page
    for text in ("3 waiting in forecasting", "0 waiting in scheduling", "1 failed in scheduling"):
        assert f'aria-label="{text}"' in page
    assert "No workers registered!" in page
    for text in (
        "Failed jobs",
        "a failed schedule",
        f'href="/tasks/job/{failed.id}"',
        "Scheduling job failed with RuntimeError: as always",
        "Traceback (most recent call last)",
        'href="/sensors/7/"',
        "Requeue All",
    ):
        assert text in page
    assert "forecast 0" not in page
    assert browser_of(site, "admin").get("/tasks/failed").text.count("a failed schedule") == 1


def test_the_page_of_a_queue(site: FlexMeasures) -> None:
    for number in range(12):
        make("forecasting", f"forecast {number} <b>")
    client = browser_of(site, "admin")
    page = client.get("/tasks/forecasting").text
    assert "Jobs on forecasting" in page
    for number in range(12):  # the next ones first
        assert (f"forecast {number} &lt;b&gt;" in page) == (number < 10)
    assert "Page 1 of 2, 12 jobs" in page
    assert 'href="/tasks/forecasting/2"' in page
    page = client.get("/tasks/forecasting/2").text
    assert "forecast 10" in page
    assert "forecast 9" not in page
    for text in ("Empty", "Compact"):
        assert f">{text}</button>" in page
    for path in ("/tasks/forecasting/99999999999", "/tasks/forecasting/0"):
        assert client.get(path).status_code == 200


def test_jobs_by_state(site: FlexMeasures) -> None:
    first = make(name="the first one")
    make(name="the second one", after=[first])
    make_failed()
    client = browser_of(site, "admin")
    shown = {
        state: client.get(f"/tasks/scheduling?state={state}").text
        for state in ("queued", "deferred", "failed", "nonsense")
    }
    assert "the second one" in shown["deferred"]
    assert "the second one" not in shown["queued"]
    assert "a failed schedule" in shown["failed"]
    assert "a failed schedule" not in shown["queued"]
    assert "the first one" in shown["nonsense"]


def test_jobs_that_run(site: FlexMeasures) -> None:
    job = make()
    queue = jobs.find_queue("scheduling")
    queue.remove(job)
    job.set_status(JobStatus.STARTED)
    job.connection.zadd(queue.started_job_registry.key, {f"{job.id}:a-run": 1e12})
    page = browser_of(site, "admin").get("/tasks/scheduling?state=started").text
    assert f'href="/tasks/job/{job.id}"' in page
    assert ">Cancel<" not in page


def test_the_page_of_a_job(site: FlexMeasures) -> None:
    failed = make_failed()
    page = browser_of(site, "admin").get(f"/tasks/job/{failed.id}").text
    for text in ("a failed schedule", "Failed", failed.id, "as always", "Requeue", "Cancel"):
        assert text in page
    assert "/dev/null" not in page.split("Traceback (most")[0]  # arguments stay out
    for job_id in ("nonsense", "a" * 300, "x%00y", "x:y"):
        assert browser_of(site, "admin").get(f"/tasks/job/{job_id}").status_code == 404


def test_workers_are_shown(site: FlexMeasures) -> None:
    from rq import Worker

    worker = Worker(["forecasting", "scheduling"], connection=jobs.redis_connection(), name="Bob")
    worker.register_birth()
    page = browser_of(site, "admin").get("/tasks/").text
    assert '<span class="worker-name">Bob</span>' in page
    assert "forecasting, scheduling" in page
    assert "No workers registered!" not in page
    worker.register_death()
    assert "Bob" not in browser_of(site, "admin").get("/tasks/").text


@pytest.mark.parametrize("queue", ["labelling", "alerting", "reporting"])
def test_queues_of_the_menu_that_are_not_used(site: FlexMeasures, queue: str) -> None:
    page = browser_of(site, "admin").get(f"/tasks/{queue}").text
    assert f"Jobs on {queue}" in page
    assert "Nothing puts jobs into this queue yet." in page
    assert ">Compact<" not in page


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/tasks/schedules", "/tasks/scheduling"),
        ("/tasks/forecasts", "/tasks/forecasting"),
        ("/rq/", "/tasks/"),
        ("/rq/scheduling", "/tasks/scheduling"),
    ],
)
def test_other_names(site: FlexMeasures, path: str, leads_to: str) -> None:
    assert browser_of(site, "admin").get(path).location == leads_to


def test_looking_changes_nothing(site: FlexMeasures, app: Flask) -> None:
    make()
    make_failed()
    redis = app.redis_connection  # type: ignore[attr-defined]
    before = {key: redis.dump(key) for key in redis.scan_iter()}
    client = browser_of(site, "admin")
    for path in ("", "scheduling", "scheduling?state=failed", "queues.json", "workers.json"):
        assert client.get(f"/tasks/{path}").status_code == 200
    assert {key: redis.dump(key) for key in redis.scan_iter()} == before


def test_without_redis(site: FlexMeasures, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise RedisConnectionError("refused")

    monkeypatch.setattr(task_board, "queue_summaries", refuse)
    answer = browser_of(site, "admin").get("/tasks/")
    assert answer.status_code == 503
    assert "The job queue does not answer. Please try again later." in answer.text


# For programs


def test_as_json(site: FlexMeasures) -> None:
    job = make(name="a schedule")
    failed = make_failed()
    client = browser_of(site, "admin", accept="application/json")

    def get(path: str) -> Any:
        return client.get(f"/tasks/{path}").json

    queues = get("queues.json")["queues"]
    assert [(queue["name"], queue["count"]) for queue in queues] == [
        ("forecasting", 0),
        ("scheduling", 1),
    ]
    assert queues[1]["failed_count"] == 1
    assert get("workers.json") == {"workers": []}
    found = get("jobs/scheduling/1.json")
    assert found["pagination"] == {"number": 1, "page": 1, "pages": 1}
    assert (found["jobs"][0]["id"], found["jobs"][0]["description"]) == (job.id, "a schedule")
    (row,) = get("jobs/failed/1.json")["jobs"]
    assert row["id"] == failed.id
    assert row["exc_info"].endswith("RuntimeError: as always")
    assert get("rq-instances.json")[0].startswith("redis://")
    answer = client.post(f"/tasks/job/{failed.id}/requeue")
    assert answer.json == {"status": "OK", "message": "The job waits to run again."}
    assert client.post(f"/tasks/job/{failed.id}/requeue").status_code == 409
    assert client.get("/tasks/jobs/none/1.json").status_code == 404


# Changes


def post(site: FlexMeasures, path: str, **form: str) -> TestResponse:
    return browser_of(site, "admin").post(f"/tasks/{path}", data=form, follow_redirects=True)


def test_a_failed_job_runs_again(site: FlexMeasures) -> None:
    failed = make_failed()
    answer = post(site, f"job/{failed.id}/requeue", next="/tasks/scheduling?state=failed")
    assert answer.request.full_path == "/tasks/scheduling?state=failed"
    assert "The job waits to run again." in answer.text
    assert jobs.find_queue("scheduling").job_ids == [failed.id]
    assert "exception" not in failed.get_meta(refresh=True)


def test_all_failed_jobs_run_again(site: FlexMeasures) -> None:
    schedules = [make_failed() for _ in range(3)]
    make_failed("forecasting")
    assert "3 jobs wait to run again." in post(site, "requeue-all", queue="scheduling").text
    assert {*jobs.find_queue("scheduling").job_ids} == {job.id for job in schedules}
    assert "1 job waits to run again." in post(site, "requeue-all").text
    assert jobs.find_queue("forecasting").count == 1


def test_cancelling(site: FlexMeasures) -> None:
    waiting, failed = make(), make_failed()
    parent = make(name="what follows", after=[waiting])
    post(site, f"job/{waiting.id}/cancel")
    assert waiting.get_status(refresh=True) == JobStatus.CANCELED
    assert jobs.find_queue("scheduling").job_ids == [parent.id]  # goes on without
    post(site, f"job/{failed.id}/cancel")
    assert jobs.find_job(failed.id) is None
    assert task_board.queue_summaries()[1].numbers["failed"] == 0
    answer = post(site, f"job/{waiting.id}/cancel")
    assert "Only jobs that wait or failed can be cancelled." in answer.text
    assert post(site, "job/nonsense/cancel").status_code == 404


def test_emptying_and_compacting(site: FlexMeasures, app: Flask) -> None:
    kept, gone = make(), make()
    app.redis_connection.delete(Job.key_for(gone.id))  # type: ignore[attr-defined]
    assert "1 job was taken off scheduling" in post(site, "queue/scheduling/compact").text
    assert jobs.find_queue("scheduling").job_ids == [kept.id]
    assert "1 job was taken off scheduling." in post(site, "queue/scheduling/empty").text
    assert jobs.find_queue("scheduling").is_empty()
    assert jobs.find_job(kept.id) is None


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/accounts", "", "/tasks/\r\nX: y"]
)
def test_changes_lead_back_to_pages_about_tasks_only(site: FlexMeasures, elsewhere: str) -> None:
    answer = browser_of(site, "admin").post("/tasks/requeue-all", data={"next": elsewhere})
    assert (answer.status_code, answer.location) == (303, "/tasks/")


# Who may


def test_only_admins_change_things(site: FlexMeasures) -> None:
    failed = make_failed()
    client = browser_of(site, "admin-reader")
    page = client.get("/tasks/").text
    assert "a failed schedule" in page
    assert "Requeue" not in page
    assert "Requeue" not in client.get(f"/tasks/job/{failed.id}").text
    for path in (f"job/{failed.id}/requeue", f"job/{failed.id}/cancel", "requeue-all"):
        assert client.post(f"/tasks/{path}").status_code == 403
    assert failed.get_status(refresh=True) == JobStatus.FAILED


@pytest.mark.parametrize("path", ["scheduling/1", "failed/2", "jobs/scheduling/1.json"])
def test_pages_of_lists_are_closed_to_others(site: FlexMeasures, path: str) -> None:
    assert site.test_client().get(f"/tasks/{path}").location == f"/login?next=/tasks/{path}"
    statuses = [
        browser_of(site, who).get(f"/tasks/{path}").status_code
        for who in ("member", "account-admin", "admin-reader", "admin")
    ]
    assert statuses == [403, 403, 200, 200]


def test_in_a_demo_everybody_may_look(site: FlexMeasures) -> None:
    failed = make_failed()
    client = browser_of(site, "member")
    assert client.get("/tasks/").status_code == 403
    site.config["FLEXMEASURES_MODE"] = "demo"
    page = client.get("/tasks/").text
    assert "a failed schedule" in page
    assert "Requeue" not in page
    assert client.post(f"/tasks/job/{failed.id}/requeue").status_code == 403
    assert site.test_client().get("/tasks/").status_code == 302


def test_changes_need_a_form_of_ours(site: FlexMeasures) -> None:
    failed = make_failed()
    site.config["WTF_CSRF_ENABLED"] = True
    assert browser_of(site, "admin").post(f"/tasks/job/{failed.id}/requeue").status_code == 400
    assert failed.get_status(refresh=True) == JobStatus.FAILED
