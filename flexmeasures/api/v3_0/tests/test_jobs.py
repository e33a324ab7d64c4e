"""How far jobs are."""

from __future__ import annotations

import pytest
from flask import Flask

from flexmeasures.api.v3_0.tests.conftest import Call
from flexmeasures.api.v3_0.tests.plans import START, Depot, build_depot, work
from flexmeasures.api.v3_0.tests.test_schedules import ask
from flexmeasures.data.config import db
from flexmeasures.data.services import jobs
from flexmeasures.tests.permissions.world import World

TIMES = ("enqueued-at", "started-at", "ended-at")


@pytest.fixture
def depot(world: World) -> Depot:
    return build_depot(world)


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("queued", "waiting to be processed."),
        ("started", "in progress."),
        ("deferred", "waiting for unknown job to be processed."),
        ("scheduled", "has an unknown status."),
        ("stopped", "has an unknown status."),
        ("canceled", "has an unknown status."),
    ],
)
def test_jobs_that_are_not_done(call: Call, depot: Depot, state: str, text: str) -> None:
    id_ = ask(call, depot)
    job = jobs.find_job(id_)
    assert job is not None
    job.set_status(state)  # type: ignore[arg-type]  # RQ's states are texts
    answer = call("member", "GET", f"jobs/{id_}")
    assert answer.status_code == 202
    body = answer.get_json()
    assert (body["status"], body["message"]) == (state.upper(), f"Scheduling job {text}")
    assert body["origin"] == "scheduling"
    assert (body["result"], body["exc-info"], body["ended-at"]) == (None, None, None)


def test_a_finished_job(call: Call, depot: Depot, app: Flask) -> None:
    id_ = ask(call, depot)
    work(app)
    answer = call("member", "GET", f"jobs/{id_}")
    assert answer.status_code == 200
    body = answer.get_json()
    assert body["status"] == "FINISHED"
    assert body["message"] == "Scheduling job has finished."
    assert body["result"]["num-beliefs"] == 2
    assert body["func-name"] == "flexmeasures.data.services.scheduling.make_schedule"
    assert all(body[name].endswith("+00:00") for name in TIMES)
    for name in (*TIMES, "func-name", "exc-info"):
        assert body[name] == body[name.replace("-", "_")]


def test_a_failed_job(call: Call, depot: Depot, app: Flask) -> None:
    id_ = ask(call, depot, start=START.replace(year=2030).isoformat())
    work(app)
    answer = call("member", "GET", f"jobs/{id_}")
    assert answer.status_code == 422
    body = answer.get_json()
    assert (body["status"], body["result"]) == ("FAILED", None)
    assert body["exc-info"].startswith("UnknownPricesException: Prices unknown")
    assert body["message"] == f"Scheduling job failed with {body['exc-info']}"


@pytest.mark.parametrize("id_", ["x", "0b8e7c52-6f0d-4c1e-9a57-2f4d1be3a901", "a%00b"])
def test_unknown_jobs(call: Call, world: World, id_: str) -> None:
    answer = call("member", "GET", f"jobs/{id_}")
    assert answer.status_code == 404
    assert answer.get_json()["status"] == "ERROR"


def test_who_may_ask(call: Call, depot: Depot) -> None:
    id_ = ask(call, depot)
    codes = {who: call(who, "GET", f"jobs/{id_}").status_code for who in ("other", "admin-reader")}
    assert codes == {"other": 403, "admin-reader": 202}


def test_jobs_about_what_is_gone(call: Call, depot: Depot) -> None:
    id_ = ask(call, depot)
    assert call("account-admin", "DELETE", f"sensors/{depot.battery}").status_code == 204
    assert call("member", "GET", f"jobs/{id_}").status_code == 404
    db.session.remove()
