"""Schedules of several devices."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from flexmeasures.api.v3_0.tests.conftest import Call, statements
from flexmeasures.api.v3_0.tests.plans import HOUR, Depot, add_sensor, build_depot, work
from flexmeasures.api.v3_0.tests.test_schedules import refusals
from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.services import jobs
from flexmeasures.tests.permissions.world import World


@pytest.fixture
def depot(world: World) -> Depot:
    return build_depot(world)


def child_of(depot: Depot, name: str, **fields: Any) -> GenericAsset:
    parent = db.session.get(GenericAsset, depot.asset)
    assert parent is not None
    child = GenericAsset(
        name=name,
        generic_asset_type=parent.generic_asset_type,
        account_id=parent.account_id,
        parent_asset_id=parent.id,
        **fields,
    )
    db.session.add(child)
    db.session.commit()
    return child


def message(depot: Depot, *devices: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return depot.message(**{"flex-model": list(devices)} | changes)


def battery(sensor: int, soc_max: str = "1 MWh") -> dict[str, Any]:
    return {
        "sensor": sensor,
        "soc-at-start": "0 MWh",
        "soc-max": soc_max,
        "power-capacity": "1 MW",
    }


def trigger(call: Call, depot: Depot, body: dict[str, Any], **options: Any) -> Any:
    return call("member", "POST", f"assets/{depot.asset}/schedules/trigger", json=body, **options)


def values(call: Call, sensor: int, job: str) -> Any:
    answer = call("member", "GET", f"sensors/{sensor}/schedules/{job}")
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()["values"]


@pytest.mark.parametrize("sequential", [False, True])
def test_two_devices_at_one_connection(
    call: Call, depot: Depot, app: Flask, sequential: bool
) -> None:
    second = add_sensor(child_of(depot, "garage").id, "power", "kW").id
    context = {"consumption-price": {"sensor": depot.price}, "site-power-capacity": "1.5 MW"}
    body = message(
        depot,
        battery(depot.battery),
        battery(second),
        **{"flex-context": context, "sequential": sequential},
    )
    answer = trigger(call, depot, body)
    assert answer.status_code == 200, answer.get_json()
    told = answer.get_json()
    assert "results-url" not in told
    assert told["schedule"] == told["job"]
    assert told["job-url"].endswith(f"/jobs/{told['job']}")
    work(app)
    first_plan, second_plan = (values(call, id_, told["job"]) for id_ in (depot.battery, second))
    together = [mine + theirs / 1000 for mine, theirs in zip(first_plan, second_plan, strict=True)]
    assert together == pytest.approx([1.5, -1.5])
    report = call("member", "GET", f"jobs/{told['job']}").get_json()
    assert (report["status"], report["result"]["num-beliefs"]) == ("FINISHED", 4)


def test_asking_asynchronously(call: Call, depot: Depot) -> None:
    body = message(depot, battery(depot.battery))
    answer = trigger(call, depot, body, headers={"Prefer": "respond-async"})
    assert (answer.status_code, answer.get_json()["status"]) == (202, "ACCEPTED")


@pytest.mark.parametrize("listed", [True, False])
def test_a_single_device(call: Call, depot: Depot, app: Flask, listed: bool) -> None:
    body = message(depot, battery(depot.battery))
    if not listed:
        (body["flex-model"],) = body["flex-model"]
    job = trigger(call, depot, body).get_json()["schedule"]
    assert trigger(call, depot, body).get_json()["schedule"] == job
    body["force-new-job-creation"] = True
    assert trigger(call, depot, body).get_json()["schedule"] != job
    work(app)
    assert values(call, depot.battery, job) == [1, -1]


def test_wrong_devices(call: Call, depot: Depot) -> None:
    foreign, public = depot.world.ids["sensor of Mill"], depot.world.ids["sensor of None"]
    ours = depot.battery

    def told(*devices: dict[str, Any]) -> Any:
        return refusals(trigger(call, depot, message(depot, *devices)))

    assert "There is no device" in told()["flex-model"][0]
    for id_ in (foreign, 999):
        assert told(battery(id_), battery(ours)) == (
            {"flex-model": {"0": {"sensor": [f"No sensor found with id {id_}."]}}}
        )
    assert "Does not belong" in told(battery(public))["flex-model"]["0"]["sensor"][0]
    twice = told(battery(ours), battery(ours))
    assert twice["flex-model"] == {"1": {"sensor": [f"Sensor {ours} is listed twice."]}}
    elsewhere = told(battery(ours) | {"asset": child_of(depot, "garage").id})
    assert elsewhere["flex-model"]["0"].keys() == {"asset"}
    other = child_of(depot, "shed").id
    for wrong in (battery(ours) | {"asset": other}, {"soc-max": 1}, {"sensor": "x"}):
        assert told(wrong, {"asset": other, "soc-max": 1})
    assert jobs.find_queue("scheduling").is_empty()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"flex-model": 3}, "flex-model"),
        ({"flex-model": [3]}, "flex-model"),
        ({"flex-model": [{}] * 1001}, "flex-model"),
        ({"flex-model": None}, "flex-model"),
        ({"flex-context": [{}, {}]}, "flex-context"),
        ({"flex-context": [[]]}, "flex-context"),
        ({"sequential": "later"}, "sequential"),
        ({"resolution": "PT30M"}, "resolution"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_fields_are_named(
    call: Call, depot: Depot, changes: dict[str, Any], field: str
) -> None:
    assert field in refusals(
        trigger(call, depot, message(depot, battery(depot.battery), **changes))
    )


def test_errors_of_devices_are_told(call: Call, depot: Depot) -> None:
    second = add_sensor(child_of(depot, "garage").id, "power", "kW").id
    wrong = battery(second) | {"soc-max": "much"}
    told = refusals(trigger(call, depot, message(depot, battery(depot.battery), wrong)))
    assert "soc-max" in str(told)


def test_unknown_assets(call: Call, depot: Depot) -> None:
    path = "assets/999/schedules/trigger"
    assert call("member", "POST", path, json=message(depot)).status_code == 404


def test_what_assets_remember_takes_part(call: Call, depot: Depot, app: Flask) -> None:
    """One device is sent in part, another is not mentioned at all."""
    garage = child_of(depot, "garage")
    second = add_sensor(garage.id, "power", "MW").id
    garage.flex_model = battery(second, "0.5 MWh")
    asset = db.session.get(GenericAsset, depot.asset)
    assert asset is not None
    asset.flex_model = {"soc-max": "0.25 MWh", "power-capacity": "1 MW"}
    asset.flex_context = {"consumption-price": {"sensor": depot.price}}
    db.session.commit()
    body = message(depot, {"sensor": depot.battery, "soc-at-start": 0}, **{"flex-context": {}})
    answer = trigger(call, depot, body)
    assert answer.status_code == 200, answer.get_json()
    work(app)
    job = answer.get_json()["schedule"]
    assert values(call, depot.battery, job) == [0.25, -0.25]
    assert values(call, second, job) == [0.5, -0.5]


def test_changed_devices_are_planned_anew(call: Call, depot: Depot) -> None:
    garage = child_of(depot, "garage")
    second = add_sensor(garage.id, "power", "MW")
    body = message(depot, battery(depot.battery), battery(second.id))
    first = trigger(call, depot, body).get_json()["schedule"]
    assert trigger(call, depot, body).get_json()["schedule"] == first
    second.attributes["consumption_is_positive"] = True
    db.session.commit()
    assert trigger(call, depot, body).get_json()["schedule"] != first


def test_statements_do_not_grow_with_assets(call: Call, depot: Depot) -> None:
    def taken() -> int:
        body = message(depot, battery(depot.battery), **{"force-new-job-creation": True})
        return statements(db, lambda: trigger(call, depot, body))

    before = taken()
    for number in range(5):
        child_of(depot, f"shed {number}")
    assert taken() == before


def test_slots_of_half_the_length(call: Call, depot: Depot, app: Flask) -> None:
    """The plan is stored at the resolution of each sensor."""
    garage = child_of(depot, "garage")
    fine = add_sensor(garage.id, "power", "MW", resolution=HOUR / 2).id
    body = message(depot, battery(depot.battery), battery(fine))
    answer = trigger(call, depot, body)
    assert answer.status_code == 200, answer.get_json()
    work(app)
    job = answer.get_json()["schedule"]
    assert len(values(call, depot.battery, job)) == 2
    assert len(values(call, fine, job)) == 4
