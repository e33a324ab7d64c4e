"""Flex-models and flex-contexts that assets remember."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flexmeasures.api.v3_0.tests.conftest import Call
from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.tests.permissions.world import World

MOMENTS = [{"datetime": "2026-03-01T07:00:00+01:00", "value": "3 kWh"}]


def own(world: World) -> str:
    return f"assets/{world.ids['asset of Bakery']}"


def price_sensor(world: World, owner: str) -> int:
    sensor = Sensor(
        "price", db.session.get(GenericAsset, world.ids[f"asset of {owner}"]), unit="EUR/MWh"
    )
    db.session.add(sensor)
    db.session.commit()
    return sensor.id


@pytest.mark.parametrize("as_text", [True, False])
def test_round_trip(call: Call, world: World, as_text: bool) -> None:
    model = {"soc-max": "40 kWh", "power-capacity": "10 kW", "roundtrip_efficiency": 0.9}
    context: dict[str, Any] = {"consumption-price": {"sensor": price_sensor(world, "None")}}
    sent = {"flex_model": model, "flex_context": context}
    body = {key: json.dumps(value) for key, value in sent.items()} if as_text else sent
    assert call("member", "PATCH", own(world), json=body).status_code == 200
    answer = call("member", "GET", own(world)).get_json()
    assert json.loads(answer["flex_model"]) == model
    assert json.loads(answer["flex_context"]) == context
    # each is replaced as a whole
    assert call("member", "PATCH", own(world), json={"flex_model": {}}).status_code == 200
    answer = call("member", "GET", own(world)).get_json()
    assert (answer["flex_model"], json.loads(answer["flex_context"])) == ("{}", context)


def test_new_assets_have_them(call: Call, world: World) -> None:
    kind = call("member", "GET", "assets/types").get_json()[0]["id"]
    body = {
        "name": "shed",
        "generic_asset_type_id": kind,
        "account_id": world.ids["account of Bakery"],
        "flex_context": {"site-power-capacity": "17 kVA"},
    }
    answer = call("account-admin", "POST", "assets", json=body).get_json()
    assert json.loads(answer["flex_context"]) == {"site-power-capacity": "17 kVA"}
    assert answer["flex_model"] == "{}"


def test_lists_can_leave_them_out(call: Call, world: World) -> None:
    (asset,) = call("member", "GET", "assets?fields=id|flex_model").get_json()
    assert asset == {"id": world.ids["asset of Bakery"], "flex_model": "{}"}


@pytest.mark.parametrize(
    ("field", "config", "key", "message"),
    [
        ("flex_model", {"soc-maxx": 3}, "soc-maxx", "Unknown field."),
        ("flex_model", {"soc-max": "3 EUR"}, "soc-max", None),
        ("flex_model", {"roundtrip-efficiency": 98}, "roundtrip-efficiency", None),
        ("flex_model", {"soc-minima": MOMENTS}, "soc-minima", "particular times"),
        ("flex_model", {"soc-usage": [MOMENTS]}, "soc-usage", "particular times"),
        ("flex_model", {"power": "3 kW", "process-type": "ODD"}, "process-type", None),
        ("flex_context", {"site-power-capacity": "-3 kW"}, "site-power-capacity", None),
        ("flex_context", {"consumption-price": {"sensor": 0}}, "consumption-price", None),
        ("flex_context", {"consumption-price": MOMENTS}, "consumption-price", "particular times"),
        (
            "flex_context",
            {"site-power-capacity": "1 kW", "soc-max": 1},
            "soc-max",
            "Unknown field.",
        ),
    ],
)
def test_wrong_fields_are_named(
    call: Call, world: World, field: str, config: Any, key: str, message: str | None
) -> None:
    answer = call("member", "PATCH", own(world), json={field: config})
    assert answer.status_code == 422
    told = answer.get_json()["message"]["json"][field][key]
    if message is not None:
        assert message in told[0]
    assert call("member", "GET", own(world)).get_json()[field] == "{}"


def test_fixed_prices_can_be_remembered(call: Call, world: World) -> None:
    body = {"flex_context": {"consumption-price": "0.2 EUR/kWh"}}
    assert call("member", "PATCH", own(world), json=body).status_code == 200


def test_sensors_of_others_are_unknown(call: Call, world: World) -> None:
    for id_ in (price_sensor(world, "Mill"), 123_456):
        body = {"flex_context": {"consumption-price": {"sensor": id_}}}
        answer = call("member", "PATCH", own(world), json=body)
        assert answer.status_code == 422
        assert answer.get_json()["message"]["json"]["flex_context"] == {
            "consumption-price": {"sensor": [f"No sensor found with id {id_}."]}
        }


@pytest.mark.parametrize("depth", [40, 90])
def test_nesting_has_an_end(call: Call, world: World, depth: int) -> None:
    nested: Any = {"sensor": 1}
    for _ in range(depth):
        nested = [nested]
    answer = call("member", "PATCH", own(world), json={"flex_model": {"soc-usage": nested}})
    assert answer.status_code == 422


def test_deleted_sensors_are_forgotten(call: Call, world: World) -> None:
    gone, left = price_sensor(world, "Bakery"), world.ids["sensor of Bakery"]
    asset = db.session.get(GenericAsset, world.ids["asset of Bakery"])
    assert asset is not None
    asset.flex_context = {
        "consumption-price": {"sensor": gone},
        "production-price-sensor": gone,
        "inflexible-device-sensors": [gone, left],
        "site-power-capacity": f"{gone} kW",
    }
    asset.flex_model = {
        "soc-max": gone,
        "soc-usage": [{"sensor": gone}],
        "production-capacity": {"sensor": str(gone), "default": "0 kW"},
    }
    db.session.commit()
    assert call("account-admin", "DELETE", f"sensors/{gone}").status_code == 204
    answer = call("member", "GET", own(world)).get_json()
    assert json.loads(answer["flex_context"]) == {
        "inflexible-device-sensors": [left],
        "site-power-capacity": f"{gone} kW",
    }
    assert json.loads(answer["flex_model"]) == {"soc-max": gone}
