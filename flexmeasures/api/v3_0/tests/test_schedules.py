"""Schedules of one device: asked for, waited for, and got."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from flexmeasures.api.v3_0.tests.conftest import Call
from flexmeasures.api.v3_0.tests.plans import HOUR, START, Depot, add_sensor, build_depot, work
from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services import jobs
from flexmeasures.data.services.tests.workers import workers
from flexmeasures.tests.permissions.world import World

THREADS = {"wsgi.multithread": True}


@pytest.fixture
def depot(world: World) -> Depot:
    return build_depot(world)


def ask(call: Call, depot: Depot, **changes: Any) -> str:
    answer = call("member", "POST", depot.trigger, json=depot.message(**changes))
    assert answer.status_code == 200, answer.get_json()
    return str(answer.get_json()["schedule"])


def get(call: Call, depot: Depot, job: str, query: str = "", **options: Any) -> TestResponse:
    return call("member", "GET", f"sensors/{depot.battery}/schedules/{job}{query}", **options)


def refusals(answer: TestResponse) -> Any:
    assert answer.status_code == 422, answer.get_json()
    body = answer.get_json()
    assert (body["result"], body["status"]) == ("Rejected", "UNPROCESSABLE_ENTITY")
    return body["message"]["json"]


# --- Asking ---


def test_asking(call: Call, depot: Depot) -> None:
    answer = call("member", "POST", depot.trigger, json=depot.message())
    job = answer.get_json()["schedule"]
    assert answer.status_code == 200
    assert answer.get_json() == {
        "status": "PROCESSED",
        "message": "Request has been processed.",
        "schedule": job,
        "job": job,
        "job-url": f"/api/v3_0/jobs/{job}",
        "results-url": f"/api/v3_0/sensors/{depot.battery}/schedules/{job}",
    }
    assert jobs.find_queue("scheduling").job_ids == [job]


def test_asking_asynchronously(call: Call, depot: Depot) -> None:
    headers = {"Prefer": "wait=5, respond-async"}
    answer = call("member", "POST", depot.trigger, json=depot.message(), headers=headers)
    assert answer.status_code == 202
    assert answer.get_json()["status"] == "ACCEPTED"
    assert answer.get_json()["message"] == "Request has been accepted for processing."


def test_asking_again(call: Call, depot: Depot, app: Flask) -> None:
    first = ask(call, depot)
    assert ask(call, depot) == first
    work(app)
    assert ask(call, depot) == first
    assert ask(call, depot, **{"force-new-job-creation": True}) != first
    assert ask(call, depot, force_new_job_creation=True) != first
    assert ask(call, depot, prior=START.isoformat()) != first


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"start": None}, "start"),
        ({"start": "2026-03-01T07:00:00"}, "start"),
        ({"start": "9999-03-01T07:00:00Z"}, "start"),
        ({"start": 3}, "start"),
        ({"duration": "2 hours"}, "duration"),
        ({"duration": "PT481000H"}, "duration"),
        ({"duration": "P8000Y"}, "duration"),
        ({"duration": "P99999999D"}, "duration"),
        ({"duration": None}, "duration"),
        ({"duration": "PT0S"}, "duration"),
        ({"prior": "yesterday"}, "prior"),
        ({"resolution": "PT7M"}, "resolution"),
        ({"resolution": "PT0M"}, "resolution"),
        ({"resolution": []}, "resolution"),
        ({"force-new-job-creation": "perhaps"}, "force-new-job-creation"),
        ({"flex-model": 3}, "flex-model"),
        ({"flex-model": None}, "flex-model"),
        ({"flex-context": "{}"}, "flex-context"),
        ({"soc-at-start": 3}, "soc-at-start"),
        ({"flex-model": {"soc-at-start": "full", "soc-max": 1}}, "soc-at-start"),
        ({"flex-model": {"soc-at-start": "nan", "soc-max": 1}}, "soc-at-start"),
        ({"flex-model": {"soc-at-start": 1, "soc-max": 1, "soc-maxx": 1}}, "soc-maxx"),
        ({"flex-model": {"soc-max": 1, "soc-unit": "Wh"}}, "soc-unit"),
        ({"flex-model": {"soc-max": 1, "soc-targets": [{"value": 1}]}}, "soc-targets"),
        ({"flex-model": {"soc-max": 1, "soc-targets": None}}, "soc-targets"),
        ({"flex-model": {"soc-max": 1, "roundtrip-efficiency": 98}}, "roundtrip-efficiency"),
        ({"flex-model": {"soc-max": 1, "power-capacity": "3 EUR"}}, "power-capacity"),
        ({"flex-context": {"consumption-price": "3 kW"}}, "consumption-price"),
        ({"flex-context": {"consumption-price-sensor": 999}}, "consumption-price-sensor"),
        ({"flex-context": {"inflexible-device-sensors": [999]}}, "inflexible-device-sensors"),
    ],
)
def test_wrong_fields_are_named(
    call: Call, depot: Depot, changes: dict[str, Any], field: str
) -> None:
    told = refusals(call("member", "POST", depot.trigger, json=depot.message(**changes)))
    assert field in told
    assert jobs.find_queue("scheduling").is_empty()


def test_what_is_missing_is_told_in_words(call: Call, depot: Depot) -> None:
    message = depot.message(duration="-PT1H")
    told = refusals(call("member", "POST", depot.trigger, json=message))
    assert "cannot be after end" in str(told)


def test_the_limit_is_told(call: Call, depot: Depot) -> None:
    told = refusals(call("member", "POST", depot.trigger, json=depot.message(hours=2521)))
    assert "FLEXMEASURES_MAX_PLANNING_HORIZON" in told["duration"][0]


def test_nothing_is_limited_if_the_host_says_so(
    call: Call, depot: Depot, monkeypatch: pytest.MonkeyPatch, app: Flask
) -> None:
    from flexmeasures.data.services import triggers

    monkeypatch.setitem(app.config, "FLEXMEASURES_MAX_PLANNING_HORIZON", None)
    message = {"start": START, "duration": 2521 * HOUR, "resolution": None, "prior": None}
    with app.app_context():
        sensor = db.session.get(Sensor, depot.battery)
        assert sensor is not None
        models = {"flex_model": None, "flex_context": None}
        trigger = triggers.for_sensor(sensor, message | models)
    assert trigger.end == START + 2521 * HOUR


def test_sensors_in_wrong_units_are_refused_by_field(call: Call, depot: Depot) -> None:
    won = add_sensor(depot.asset, "won", "KRW/MWh").id
    context = {"consumption-price-sensor": depot.price}
    for key, value in (
        ("consumption-price-sensor", depot.battery),
        ("production-price-sensor", won),
        ("production-price", {"sensor": won}),
        ("inflexible-device-sensors", [depot.price]),
    ):
        message = depot.message(**{"flex-context": context | {key: value}})
        answer = call("member", "POST", depot.trigger, json=message)
        assert [*refusals(answer)] == [key]


def test_deep_nesting_is_refused(call: Call, depot: Depot) -> None:
    nested: Any = 1
    for _ in range(500):
        nested = [nested]
    message = depot.message(**{"flex-model": {"soc-max": 1, "soc-usage": nested}})
    assert "soc-usage" in refusals(call("member", "POST", depot.trigger, json=message))


_WINDOW = {"start": START.isoformat(), "duration": "PT1H", "value": "1 kW"}


@pytest.mark.parametrize(
    ("about", "config", "told"),
    [
        ("flex-model", {"soc-usage": ["1 kW"] * 60_000}, "Holds more than 50000 values."),
        ("flex-model", {"soc-usage": [[_WINDOW] * 200] * 100}, "Holds more than 50000 values."),
        ("flex-model", {"soc-usage": ["1 kW"] * 101}, "Longer than maximum length 100."),
        ("flex-model", {f"k{n}": 1 for n in range(2000)}, "Has 2000 keys."),
        ("flex-context", {f"k{n}": 1 for n in range(2000)}, "Has 2000 keys."),
        (
            "flex-context",
            {"inflexible-device-sensors": list(range(300_000))},
            "Holds more than 50000 values.",
        ),
    ],
)
def test_floods_are_refused_before_they_are_read(
    call: Call, depot: Depot, about: str, config: dict[str, Any], told: str
) -> None:
    message = depot.message(**{about: config})
    began = time.monotonic()
    answer = call("member", "POST", depot.trigger, json=message)
    assert told in str(refusals(answer))
    assert time.monotonic() - began < 2


# --- Whose sensors ---


def test_sensors_of_others_are_unknown(call: Call, depot: Depot) -> None:
    theirs = depot.world.ids["sensor of Mill"]
    for id_ in (theirs, 999):
        for key, value, told in (
            ("consumption-price", {"sensor": id_}, {"sensor": [f"No sensor found with id {id_}."]}),
            ("consumption-price-sensor", id_, [f"No sensor found with id {id_}."]),
            ("inflexible-device-sensors", [id_], {"0": [f"No sensor found with id {id_}."]}),
        ):
            message = depot.message(**{"flex-context": {key: value}})
            answer = call("member", "POST", depot.trigger, json=message)
            assert refusals(answer) == {key: told}
    # an admin-reader may read it, but not plan
    message = depot.message(**{"flex-context": {"consumption-price-sensor": theirs}})
    assert call("admin-reader", "POST", depot.trigger, json=message).status_code == 403


@pytest.mark.parametrize("spelling", ["{:013d}", "+{}", "0_{}", " {} ", "{}               "])
def test_spellings_hide_no_sensors_of_others(call: Call, depot: Depot, spelling: str) -> None:
    theirs = spelling.format(depot.world.ids["sensor of Mill"])
    model = depot.message()["flex-model"]
    for changes in (
        {"flex-context": {"consumption-price": {"sensor": theirs}}},
        {"flex-context": {"consumption-price-sensor": theirs}},
        {"flex-context": {"inflexible-device-sensors": [theirs]}},
        {"flex-model": model | {"consumption": {"sensor": theirs}}},
    ):
        message = depot.message(**changes)
        told = str(refusals(call("member", "POST", depot.trigger, json=message)))
        assert "No sensor found" in told or "Not a valid integer." in told
    devices = depot.message(**{"flex-model": [model | {"sensor": theirs}]})
    path = f"assets/{depot.asset}/schedules/trigger"
    assert "flex-model" in refusals(call("member", "POST", path, json=devices))
    stored = {"flex_context": {"consumption-price": {"sensor": theirs}}}
    answer = call("account-admin", "PATCH", f"assets/{depot.asset}", json=stored)
    assert answer.status_code == 422
    assert jobs.find_queue("scheduling").is_empty()


def test_attributes_hide_no_sensors_of_others(call: Call, depot: Depot) -> None:
    mill = db.session.get(Sensor, depot.world.ids["sensor of Mill"])
    assert mill is not None
    price = add_sensor(mill.generic_asset_id, "price of Mill", "EUR/MWh").id
    battery = db.session.get(Sensor, depot.battery)
    assert battery is not None
    battery.attributes = {**battery.attributes, "market_id": price}
    db.session.commit()
    message = depot.message(**{"flex-context": {}})
    answer = call("member", "POST", depot.trigger, json=message)
    assert refusals(answer) == {"market_id": {"sensor": [f"No sensor found with id {price}."]}}
    # it is of no concern where prices are sent
    assert ask(call, depot)


def test_results_are_stored_where_one_may_write(call: Call, depot: Depot) -> None:
    public = depot.world.ids["sensor of None"]
    model = depot.message()["flex-model"] | {"consumption": {"sensor": public}}
    message = depot.message(**{"flex-model": model})
    assert call("member", "POST", depot.trigger, json=message).status_code == 403
    assert jobs.find_queue("scheduling").is_empty()


def test_unknown_sensors(call: Call, depot: Depot) -> None:
    path = "sensors/999/schedules"
    assert call("member", "POST", f"{path}/trigger", json=depot.message()).status_code == 404
    assert call("member", "GET", f"{path}/x").status_code == 404


def test_triggers_take_posts_only(call: Call, depot: Depot) -> None:
    answer = call("member", "GET", depot.trigger)
    assert answer.status_code == 405
    assert "GET" not in answer.headers["Allow"]


# --- Getting ---


def test_getting(call: Call, depot: Depot, app: Flask) -> None:
    job = ask(call, depot)
    work(app)
    answer = get(call, depot, job)
    assert answer.status_code == 200, answer.get_json()
    body = answer.get_json()
    assert body.pop("scheduler_info")["scheduler"] == "StorageScheduler"
    assert body == {
        "values": [1, -1],
        "start": "2026-03-01T07:00:00+01:00",
        "duration": "PT2H",
        "unit": "MW",
        "status": "PROCESSED",
        "message": "Request has been processed.",
    }


@pytest.mark.parametrize(
    ("query", "values", "unit"),
    [
        ("?unit=kW", [1000, -1000], "kW"),
        ("?unit=MWh", [1, -1], "MWh"),
        ("?duration=PT1H", [1], "MW"),
        ("?duration=P1D", [1, -1], "MW"),
        ("?duration=P1M", [1, -1], "MW"),
        ("?sign-convention=production-positive", [-1, 1], "MW"),
        ("?sign_convention=wysiwyg", [-1, 1], "MW"),
    ],
)
def test_how_one_wants_it(
    call: Call, depot: Depot, app: Flask, query: str, values: list[float], unit: str
) -> None:
    job = ask(call, depot)
    work(app)
    body = get(call, depot, job, query).get_json()
    assert (body["values"], body["unit"]) == (values, unit)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?duration=long", "duration"),
        ("?unit=EUR", "unit"),
        ("?unit=", "unit"),
        ("?unit=a%00b", "unit"),
        ("?sign-convention=negative", "sign-convention"),
    ],
)
def test_wrong_queries(call: Call, depot: Depot, query: str, field: str) -> None:
    answer = get(call, depot, ask(call, depot), query)
    if query == "?unit=":
        assert answer.status_code in (400, 422)
        return
    assert answer.status_code == 422
    assert field in answer.get_json()["message"]["query"]


@pytest.mark.parametrize("duration", ["PT0H", "-PT1H", "P9999Y"])
def test_durations_of_nothing(call: Call, depot: Depot, duration: str) -> None:
    answer = get(call, depot, ask(call, depot), f"?duration={duration}")
    assert answer.status_code == 400
    assert answer.get_json()["status"] == "INVALID_PERIOD"
    assert answer.get_json()["message"].endswith("Cannot parse 'duration' value.")


@pytest.mark.parametrize(
    "id_", ["0b8e7c52-6f0d-4c1e-9a57-2f4d1be3a901", "x", "a%00b", "a:b", "%F0"]
)
def test_unknown_jobs(call: Call, depot: Depot, id_: str) -> None:
    answer = get(call, depot, id_)
    assert answer.status_code == 400
    body = answer.get_json()
    assert (body["status"], body["result"]) == ("UNRECOGNIZED_UDI_EVENT", "Rejected")
    if "%" not in id_:
        assert body["message"] == (
            f"The requested UDI event (id = {id_}, type = job) is not known."
        )


def test_jobs_about_others_are_unknown(call: Call, depot: Depot) -> None:
    job = ask(call, depot)
    mine = depot.world.ids["sensor of Mill"]
    answer = call("other", "GET", f"sensors/{mine}/schedules/{job}")
    assert answer.get_json()["status"] == "UNRECOGNIZED_UDI_EVENT"


PREFIX = "No known schedule for this time period. Scheduling job "


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("queued", "waiting to be processed."),
        ("started", "in progress."),
        ("deferred", "waiting for unknown job to be processed."),
        ("canceled", "has an unknown status."),
        ("stopped", "has an unknown status."),
    ],
)
def test_not_yet(call: Call, depot: Depot, state: str, text: str) -> None:
    id_ = ask(call, depot)
    job = jobs.find_job(id_)
    assert job is not None
    job.set_status(state)  # type: ignore[arg-type]  # RQ's states are texts
    answer = get(call, depot, id_)
    assert answer.status_code == 400
    assert answer.get_json() == {
        "result": "Rejected",
        "status": "UNKNOWN_SCHEDULE",
        "message": PREFIX + text,
    }
    answer = get(call, depot, id_, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    assert answer.get_json() == {"status": state.upper(), "message": f"Scheduling job {text}"}


def test_the_server_can_answer_in_the_newer_way(
    call: Call, site: Flask, depot: Depot, app: Flask
) -> None:
    site.config["FLEXMEASURES_RESPOND_ASYNC"] = True
    assert get(call, depot, ask(call, depot)).status_code == 202


def test_failures_are_told(call: Call, depot: Depot, app: Flask) -> None:
    late = START.replace(year=2030).isoformat()
    id_ = ask(call, depot, start=late)
    work(app)
    answer = get(call, depot, id_)
    assert answer.status_code == 400
    assert answer.get_json()["status"] == "UNKNOWN_SCHEDULE"
    assert answer.get_json()["message"].startswith(
        f"{PREFIX}failed with UnknownPricesException: Prices unknown for planning window."
    )
    assert ask(call, depot, start=late) != id_


def test_plans_that_are_gone(call: Call, depot: Depot, app: Flask) -> None:
    id_ = ask(call, depot)
    work(app)
    db.session.execute(
        db.text("DELETE FROM timed_belief WHERE sensor_id = :id"), {"id": depot.battery}
    )
    db.session.commit()
    answer = get(call, depot, id_)
    assert answer.status_code == 400
    assert "but the schedule was not found in the database." in answer.get_json()["message"]


def test_each_job_has_its_own_plan(call: Call, depot: Depot, app: Flask) -> None:
    first = ask(call, depot)
    work(app)
    model = {"soc-at-start": 1, "soc-max": 1, "soc-unit": "MWh"}
    second = ask(call, depot, **{"flex-model": model})
    work(app)
    assert get(call, depot, first).get_json()["values"] == [1, -1]
    assert get(call, depot, second).get_json()["values"] == [0, -1]


def test_all_of_it_up_to_the_planning_horizon(
    call: Call, site: Flask, depot: Depot, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "FLEXMEASURES_PLANNING_HORIZON", 3 * HOUR)
    site.config["FLEXMEASURES_PLANNING_HORIZON"] = 3 * HOUR
    id_ = ask(call, depot, hours=5)
    work(app)
    assert len(get(call, depot, id_).get_json()["values"]) == 3
    assert len(get(call, depot, id_, "?duration=P1D").get_json()["values"]) == 5


# --- Waiting ---


def test_the_plan_comes_when_it_is_made(call: Call, depot: Depot) -> None:
    with workers():
        id_ = ask(call, depot)
        answer = get(call, depot, id_, environ_overrides=THREADS)
    assert answer.get_json()["values"] == [1, -1]


def test_who_waits_holds_no_connection(call: Call, site: Flask, depot: Depot, app: Flask) -> None:
    id_, in_use = ask(call, depot), []
    site.config["FLEXMEASURES_LONG_POLLING"] = 1

    def wait() -> None:
        with app.app_context():
            get(call, depot, id_, environ_overrides=THREADS)

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.5)
    with site.app_context():
        in_use.append(db.engine.pool.checkedout())  # type: ignore[attr-defined]
    assert waiting.is_alive()
    waiting.join()
    assert in_use == [0]


def test_waiting_ends(call: Call, site: Flask, depot: Depot) -> None:
    id_ = ask(call, depot)
    site.config["FLEXMEASURES_LONG_POLLING"] = 1
    began = time.monotonic()
    answer = get(call, depot, id_, environ_overrides=THREADS)
    assert 1 <= time.monotonic() - began < 2
    assert answer.get_json()["message"] == f"{PREFIX}waiting to be processed."
    # those who do not want to wait do not
    for options in (
        {"headers": {"Prefer": "respond-async"}, "environ_overrides": THREADS},
        {"environ_overrides": {"wsgi.multithread": False, "wsgi.multiprocess": False}},
    ):
        began = time.monotonic()
        get(call, depot, id_, **options)
        assert time.monotonic() - began < 0.9


@pytest.mark.parametrize(
    ("server", "places"),
    [(THREADS, 2), ({"wsgi.multithread": False, "wsgi.multiprocess": True}, 1)],
)
def test_few_wait_at_once(
    call: Call, site: Flask, app: Flask, depot: Depot, server: dict[str, bool], places: int
) -> None:
    id_ = ask(call, depot)
    site.config["FLEXMEASURES_LONG_POLLING"] = 2
    took = []

    def wait() -> None:
        began = time.monotonic()
        with app.app_context():
            assert get(call, depot, id_, environ_overrides=server).status_code == 400
        took.append(time.monotonic() - began)

    for _ in range(2):  # places are free again afterwards
        waiting = [threading.Thread(target=wait) for _ in range(4)]
        for thread in waiting:
            thread.start()
        for thread in waiting:
            thread.join()
        assert sum(seconds >= 2 for seconds in took) == places
        took.clear()


# --- What is remembered ---


def test_what_the_asset_remembers_is_used(call: Call, depot: Depot, app: Flask) -> None:
    asset = db.session.get(GenericAsset, depot.asset)
    assert asset is not None
    parent = GenericAsset(
        name="site",
        generic_asset_type=asset.generic_asset_type,
        account_id=asset.account_id,
        flex_context={
            "consumption-price": {"sensor": depot.price},
            "site-power-capacity": "0.25 MW",
        },
    )
    db.session.add(parent)
    db.session.flush()
    asset.parent_asset_id = parent.id
    asset.flex_model = {"soc-max": "0.5 MWh", "soc-at-start": "0.1 MWh"}
    asset.flex_context = {"site-power-capacity": "0.3 MW"}
    db.session.commit()
    message = depot.message(**{"flex-model": {"soc-at-start": "0 MWh"}, "flex-context": {}})
    id_ = call("member", "POST", depot.trigger, json=message).get_json()["schedule"]
    work(app)
    assert get(call, depot, id_).get_json()["values"] == [0.3, -0.3]
    del message["flex-model"], message["flex-context"]
    id_ = call("member", "POST", depot.trigger, json=message).get_json()["schedule"]
    work(app)
    assert get(call, depot, id_).get_json()["values"] == [0.2, -0.3]


def test_sensors_of_energy_have_the_sign_of_power(call: Call, depot: Depot, app: Flask) -> None:
    meter = add_sensor(depot.asset, "meter", "kWh", resolution=HOUR / 2)
    model = {"soc-at-start": "0 MWh", "soc-max": "1 MWh", "power-capacity": "1 MW"}
    body = depot.message(**{"flex-model": model})
    id_ = call("member", "POST", f"sensors/{meter.id}/schedules/trigger", json=body).get_json()[
        "job"
    ]
    work(app)
    path = f"sensors/{meter.id}/schedules/{id_}"
    for query, charged in (("", 500), ("?unit=MWh", 0.5), ("?sign-convention=wysiwyg", -500)):
        values = call("member", "GET", path + query).get_json()["values"]
        assert values == [charged, charged, -charged, -charged]


def test_coarser_slots(call: Call, depot: Depot, app: Flask) -> None:
    id_ = ask(call, depot, hours=4, resolution="PT2H")
    work(app)
    body = get(call, depot, id_).get_json()
    assert body["duration"] == "PT4H"
    assert body["values"][0] == body["values"][1]
