"""Requests that cannot be: refused before anything is planned, and the field is named."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from flexmeasures.scheduling.exceptions import UnknownPricesException
from flexmeasures.scheduling.storage import StorageScheduler
from flexmeasures.scheduling.tests.worlds import HOUR, QUARTER, START, World, make_world

pytestmark = pytest.mark.usefixtures("session")

BATTERY = {"soc-at-start": "0 MWh", "soc-max": "1 MWh", "power-capacity": "1 MW"}
PRICE = {"consumption-price": "50 EUR/MWh"}


def site(world: World, models: Any, context: Any = PRICE, **arguments: Any) -> StorageScheduler:
    timing: dict[str, Any] = {"start": START, "end": START + HOUR, "resolution": HOUR}
    return StorageScheduler(
        asset=world.asset, flex_model=models, flex_context=context, **timing | arguments
    )


def messages(scheduler: StorageScheduler) -> Any:
    with pytest.raises(ValidationError) as error:
        scheduler.deserialize_config()
    return error.value.messages


@pytest.mark.parametrize(
    ("models", "errors"),
    [
        ([], {"flex-model": ["At least one device is needed."]}),
        ("battery", {"flex-model": ["Not a valid list."]}),
        (7, {"flex-model": ["Not a valid list."]}),
        ([[]], {"flex-model": {0: ["Not a valid mapping type."]}}),
        ([{}] * 1001, {"flex-model": ["Longer than maximum length 1000."]}),
        (
            [{"sensor": 2**31}],
            {"flex-model": {0: {"sensor": [f"No sensor found with id {2**31}."]}}},
        ),
        (
            [{"soc-max": 1}],
            {"flex-model": {0: {"sensor": ["Give sensor, asset or state-of-charge."]}}},
        ),
    ],
)
def test_lists_of_devices(models: Any, errors: Any) -> None:
    assert messages(site(make_world(), models)) == errors


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"soc-min": "2 MWh"}, "soc-max", "greater than or equal to soc-min"),
        ({"soc-minn": 1}, "soc-minn", "Unknown field."),
        ({"relax": 1}, "relax", "Unknown field."),
        ({"soc-max": "five"}, "soc-max", "Not a valid number."),
    ],
)
def test_fields_of_one_of_them(fields: dict[str, Any], field: str, reason: str) -> None:
    world = make_world()
    found = messages(site(world, [{"sensor": world.battery.id, **BATTERY, **fields}]))
    assert list(found["flex-model"][0]) == [field]
    assert reason in str(found)


def test_no_capacity() -> None:
    world = make_world()
    model = {"sensor": world.battery.id, "soc-at-start": "0 MWh"}
    assert messages(site(world, [model])) == {
        "flex-model": {0: {"power-capacity": ["Missing data for required field."]}}
    }


def test_no_price() -> None:
    world = make_world()
    models = [{"sensor": world.battery.id, **BATTERY}]
    assert messages(site(world, models, {})) == {
        "consumption-price": ["Missing data for required field."]
    }


def test_numbers_without_unit() -> None:
    world = make_world(unit="W")
    model = {"sensor": world.battery.id, "soc-max": 5, "power-capacity": "1 MW"}
    found = messages(site(world, [model]))
    assert "kWh or MWh" in str(found["flex-model"][0]["soc-unit"])


def test_a_sensor_twice() -> None:
    world = make_world()
    model = {"sensor": world.battery.id, **BATTERY}
    found = messages(site(world, [model, model]))
    assert "is also sensor" in str(found["flex-model"][1]["sensor"])


def test_scheduled_and_inflexible() -> None:
    world = make_world()
    models = [{"sensor": world.battery.id, **BATTERY}]
    context = PRICE | {"inflexible-device-sensors": [world.battery.id]}
    assert list(messages(site(world, models, context))) == ["inflexible-device-sensors"]


def test_a_stock_that_two_devices_tell_about() -> None:
    world = make_world()
    other = world.sensor("other", "MW", HOUR)
    level = world.sensor("level", "MWh", timedelta(0))
    place = {"state-of-charge": {"sensor": level.id}}
    models = [{"sensor": sensor.id, **BATTERY, **place} for sensor in (world.battery, other)]
    found = messages(site(world, models))
    assert "Entry 0 says all about this stock" in str(found["flex-model"][1]["soc-at-start"])


def test_resolutions_that_do_not_fit() -> None:
    world = make_world(timedelta(minutes=20))
    models = [{"sensor": world.battery.id, **BATTERY}]
    found = messages(site(world, models, resolution=QUARTER))
    assert "do not fit slots of 0:15:00" in str(found["flex-model"][0]["sensor"])


@pytest.mark.parametrize(("name", "positive"), [("consumption", False), ("production", True)])
def test_outputs_with_the_other_sign(name: str, positive: bool) -> None:
    world = make_world()
    output = world.sensor("output", "MW", HOUR, consumption_is_positive=positive)
    model = {"sensor": world.battery.id, **BATTERY, name: {"sensor": output.id}}
    assert "consumption_is_positive" in str(messages(site(world, [model]))["flex-model"][0][name])
    model = {"sensor": world.battery.id, **BATTERY}
    context = PRICE | {f"aggregate-{name}": {"sensor": output.id}}
    assert list(messages(site(world, [model], context))) == [f"aggregate-{name}"]


def test_efficiency_of_what_time() -> None:
    world = make_world()
    model = {"asset": world.asset.id, **BATTERY, "storage-efficiency": "99%"}
    assert list(messages(site(world, [model]))["flex-model"][0]) == ["storage-efficiency"]


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        ["1 kW", "1 MW", "0.5 MWh", "95 %", "0.2 EUR/kWh", [], {}, [[]], {"sensor": 1}]
    ),
    st.lists(
        st.fixed_dictionaries(
            {"value": st.sampled_from(["1 kW", "0.5 MWh", "95 %", 1, None])},
            optional={
                "datetime": st.sampled_from([START.isoformat(), "2026-03-02T07:20+01:00", 5]),
                "start": st.sampled_from([START.isoformat(), "2261-12-31T00:00Z"]),
                "duration": st.sampled_from(["PT1H", "P1M", "P999999999D", "-PT5M"]),
            },
        ),
        max_size=3,
    ),
)
FIELDS = [
    *("soc-at-start", "soc-unit", "soc-min", "soc-max", "soc-minima", "soc-maxima", "soc-targets"),
    *("soc-gain", "soc-usage", "charging-efficiency", "discharging-efficiency", "state-of-charge"),
    *("storage-efficiency", "roundtrip-efficiency", "power-capacity", "consumption-capacity"),
    *("production-capacity", "soc-value-at-end", "consumption", "production"),
]
CONTEXT = [
    *("consumption-price", "production-price", "site-power-capacity", "inflexible-consumption"),
    *("inflexible-device-sensors", "aggregate-power", "relax-constraints"),
]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200
)
@given(
    model=st.dictionaries(st.sampled_from(FIELDS), JUNK, max_size=4),
    context=st.dictionaries(st.sampled_from(CONTEXT), JUNK, max_size=2),
)
def test_whatever_comes_is_planned_or_refused(model: Any, context: Any) -> None:
    """What passes the checks can be planned, unless its prices are about another time."""
    from flexmeasures.data.config import db

    world = make_world()
    try:
        scheduler = world.scheduler(2 * HOUR, BATTERY | model, PRICE | context)
        try:
            scheduler.deserialize_config()
        except (ValidationError, ValueError):
            return
        try:
            scheduler.compute_outputs()
        except UnknownPricesException:
            assert {"consumption-price", "production-price"} & context.keys()
    finally:
        db.session.rollback()
