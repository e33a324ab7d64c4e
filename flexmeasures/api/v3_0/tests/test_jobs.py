"""How far jobs are."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from flexmeasures.api.v3_0.tests.conftest import Call
from flexmeasures.api.v3_0.tests.plans import HOUR, START, Depot, add_sensor, build_depot, work
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


def test_what_a_schedule_costs(call: Call, depot: Depot, app: Flask) -> None:
    """And where to find it, so that readers need nothing else."""
    id_ = ask(call, depot)
    work(app)
    result = call("member", "GET", f"jobs/{id_}").get_json()["result"]
    assert result["sensors"] == [depot.battery]
    assert result["start"] == START.isoformat()
    assert result["end"] == (START + 2 * HOUR).isoformat()
    info = result["scheduler-info"]
    assert (info["cost"], info["currency"]) == (pytest.approx(-10), "EUR")
    assert info["prices"]["consumption-price"] == {"sensor": depot.price}


def test_levels_of_a_schedule(call: Call, depot: Depot, app: Flask) -> None:
    """Other sensors that the result names have their part of the schedule under the same id."""
    level = add_sensor(depot.asset, "level", "MWh", resolution=timedelta(0)).id
    model = depot.message()["flex-model"] | {"state-of-charge": {"sensor": level}}
    id_ = ask(call, depot, **{"flex-model": model})
    work(app)
    result = call("member", "GET", f"jobs/{id_}").get_json()["result"]
    assert result["sensors"] == [depot.battery, level]
    answer = call("member", "GET", f"sensors/{level}/schedules/{id_}")
    assert (answer.status_code, answer.get_json()["values"][:2]) == (200, [0, 1])
    assert call("member", "GET", f"sensors/{depot.price}/schedules/{id_}").status_code == 400


def test_prices_of_no_sensor(call: Call, depot: Depot, app: Flask) -> None:
    id_ = ask(call, depot, **{"flex-context": {"consumption-price": "20 EUR/MWh"}})
    work(app)
    info = call("member", "GET", f"jobs/{id_}").get_json()["result"]["scheduler-info"]
    [price] = info["prices"]["production-price"]
    assert price == {
        "start": START.isoformat(),
        "end": (START + 2 * HOUR).isoformat(),
        "price": 20,
    }


def test_nobody_serves_the_queue(call: Call, depot: Depot) -> None:
    """A client can tell its user that waiting may be in vain."""
    id_ = ask(call, depot)
    assert call("member", "GET", f"jobs/{id_}").get_json()["workers"] == 0
    queue = jobs.find_queue("scheduling")
    queue.connection.hset("rq:worker:one", "birth", "now")
    queue.connection.sadd("rq:workers:scheduling", "rq:worker:one", "rq:worker:dead")
    try:
        assert call("member", "GET", f"jobs/{id_}").get_json()["workers"] == 1
    finally:
        queue.connection.delete("rq:worker:one", "rq:workers:scheduling")
