"""The forms of values, and all that can be wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask_sqlalchemy import SQLAlchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.schemas.scheduling import (
    DeviceFlexModelSchema,
    FlexContextSchema,
    ProcessFlexModelSchema,
    StorageFlexModelSchema,
    referenced_ids,
)
from flexmeasures.data.schemas.scheduling.references import Reference

START = "2026-03-01T00:00:00+01:00"
LATER = "2026-03-02T00:00:00+01:00"
MOMENT = datetime.fromisoformat(START)


def model(**fields: Any) -> dict[str, Any]:
    return StorageFlexModelSchema().load({k.replace("_", "-"): v for k, v in fields.items()})


def refused(schema: Any, config: Any) -> Any:
    with pytest.raises(ValidationError) as error:
        schema.load(config)
    return error.value.messages


@pytest.fixture
def sensors(db: SQLAlchemy) -> Iterator[dict[str, Sensor]]:
    """One sensor of each kind; nothing is committed."""
    asset = GenericAsset(name="site", generic_asset_type=GenericAssetType(name="site"))
    hour = timedelta(hours=1)
    found = {
        name: Sensor(name, generic_asset=asset, unit=unit, event_resolution=length)
        for name, unit, length in [
            ("power", "kW", hour),
            ("energy", "kWh", hour),
            ("level", "kWh", timedelta(0)),
            ("percentage", "%", timedelta(0)),
            ("price", "EUR/kWh", hour),
            ("won", "KRW/MWh", hour),
            ("temperature", "°C", hour),
        ]
    }
    found["load"] = Sensor(
        "load",
        generic_asset=asset,
        unit="kW",
        event_resolution=hour,
        attributes={"consumption_is_positive": True},
    )
    db.session.add_all([asset, *found.values()])
    db.session.flush()
    yield found
    db.session.rollback()


class TestQuantities:
    @pytest.mark.parametrize(
        ("text", "megawatts"),
        [
            ("3.5 kW", 0.0035),
            ("45kVA", 0.045),
            ("(30/2 - 1) kW", 0.014),
            ("3 * 230V * 16A", 0.01104),
            ("11500 MVA", 11500),
            ("1 MW + 200 kW", 1.2),
            ("100 Wh/h", 0.0001),
            ("1e-3 GW", 1),
        ],
    )
    def test_power(self, text: str, megawatts: float) -> None:
        assert model(power_capacity=text)["power_capacity"] == pytest.approx(megawatts)

    @pytest.mark.parametrize(
        ("value", "share"), [("95 %", 0.95), (0.95, 0.95), ("0.95", 0.95), (3, 3), ("350%", 3.5)]
    )
    def test_efficiency(self, value: Any, share: float) -> None:
        assert model(charging_efficiency=value)["charging_efficiency"] == pytest.approx(share)

    @pytest.mark.parametrize(
        ("value", "unit", "megawatt_hours"),
        [(12.1, "kWh", 0.0121), ("12.1", "kWh", 0.0121), ("12.1 MWh", "kWh", 12.1), (2, "MWh", 2)],
    )
    def test_energy(self, value: Any, unit: str, megawatt_hours: float) -> None:
        loaded = model(soc_at_start=value, soc_unit=unit)
        assert loaded["soc_at_start"] == pytest.approx(megawatt_hours)
        assert loaded["soc_unit"] == "MWh"

    def test_numbers_without_a_unit(self) -> None:
        assert model(soc_at_start=12.1)["soc_unit"] is None
        assert model(soc_at_start="12.1 kWh", soc_min=0)["soc_unit"] == "MWh"

    @pytest.mark.parametrize(
        ("text", "price", "currency"),
        [
            ("0.21 EUR/kWh", 210, "EUR"),
            ("0.05 kEUR/MWh", 50, "EUR"),
            ("400 g/kWh", 400, "kg"),
            ("-10 EUR/MWh", -10, "EUR"),
        ],
    )
    def test_prices(self, text: str, price: float, currency: str) -> None:
        loaded = FlexContextSchema().load({"consumption-price": text})["consumption_price"]
        assert (loaded.variable, loaded.currency) == (pytest.approx(price), currency)


class TestTimes:
    def test_moments_and_windows(self) -> None:
        loaded = model(
            soc_minima=[
                {"datetime": START, "value": "1 kWh"},
                {"start": START, "end": LATER, "value": "2 kWh"},
                {"start": START, "duration": "PT1H", "value": "3 kWh"},
                {"end": LATER, "duration": "P1D", "value": "4 kWh"},
            ]
        )["soc_minima"]
        assert [segment["value"] for segment in loaded] == pytest.approx(
            [0.001, 0.002, 0.003, 0.004]
        )
        assert loaded[0]["datetime"] == MOMENT
        assert [segment["end"] - segment["start"] for segment in loaded[1:]] == [
            timedelta(days=1),
            timedelta(hours=1),
            timedelta(days=1),
        ]
        assert loaded[3]["start"] == MOMENT

    @pytest.mark.parametrize("known", ["start", "end"])
    def test_months_are_those_of_the_timezone_of_the_sensor(self, known: str) -> None:
        """March in Amsterdam takes an hour less than 31 days."""
        given = {"start": "2026-02-28T23:00:00Z", "end": "2026-03-31T22:00:00Z"}
        segment = {known: given[known], "duration": "P1M", "value": "1 kWh"}
        schema = StorageFlexModelSchema(timezone=ZoneInfo("Europe/Amsterdam"))
        [loaded] = schema.load({"soc-minima": [segment]})["soc_minima"]
        for name, moment in given.items():
            assert loaded[name].astimezone(timezone.utc) == datetime.fromisoformat(
                moment.replace("Z", "+00:00")
            )


class TestReferences:
    def test_units(self, sensors: dict[str, Sensor]) -> None:
        loaded = model(
            power_capacity={"sensor": sensors["power"].id},
            consumption_capacity={"sensor": sensors["energy"].id, "default": "2 MW"},
            soc_minima={"sensor": sensors["energy"].id},
            charging_efficiency={"sensor": sensors["percentage"].id},
        )
        assert loaded["power_capacity"] == Reference(sensors["power"], 0.001)
        assert loaded["consumption_capacity"] == Reference(sensors["energy"], 0.001, 2.0)
        assert loaded["soc_minima"].factor == pytest.approx(0.001)
        assert loaded["charging_efficiency"].factor == pytest.approx(0.01)

    def test_filters(self, sensors: dict[str, Sensor], db: SQLAlchemy) -> None:
        source = DataSource(name="me", type="forecaster")
        db.session.add(source)
        db.session.flush()
        filters = model(
            power_capacity={
                "sensor": sensors["power"].id,
                "source-types": ["forecaster"],
                "exclude_source_types": ["scheduler", "user"],
                "source": source.id,
            }
        )["power_capacity"].filters
        assert filters.types == ("forecaster",)
        assert filters.excluded_types == ("scheduler", "user")
        assert filters.source_ids == (source.id,)
        assert filters.account_ids is None

    @pytest.mark.parametrize(
        ("config", "ids"),
        [
            (
                {"consumption-price": {"sensor": 3}, "inflexible-device-sensors": [4, "5"]},
                [3, 4, 5],
            ),
            ([{"sensor": 1, "soc-usage": [{"sensor": 2}]}], [1, 2]),
            ({"consumption_price_sensor": 7, "soc-minima": [{"value": 9}]}, [7]),
            ({"sensor": True, "a": {"sensor": None}, "b": "sensor"}, []),
        ],
    )
    def test_all_of_them(self, config: Any, ids: list[int]) -> None:
        assert list(referenced_ids(config)) == ids


NO_NUMBER = "Not a valid number."


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("soc-at-start", "low", NO_NUMBER),
        ("soc-at-start", True, NO_NUMBER),
        ("soc-at-start", None, "Field may not be null."),
        ("soc-at-start", [1], NO_NUMBER),
        ("soc-at-start", {"sensor": 1}, NO_NUMBER),
        ("soc-at-start", float("nan"), "Special numeric values"),
        ("soc-at-start", float("inf"), "Special numeric values"),
        ("soc-at-start", 10**400, "Number too large."),
        ("soc-at-start", "1e999 kWh", "too large"),
        ("soc-at-start", "12 kW", "12 kW cannot be converted to MWh."),
        ("soc-at-start", "1 kWh\0", "printable"),
        ("soc-at-start", "\ud800 1", "printable"),
        ("soc-at-start", "9" * 500, "200 printable characters at most"),
        ("soc-min", -1, "Must be greater than or equal to 0."),
        ("soc-min", "-1 kWh", "Must be greater than or equal to 0."),
        ("soc-minima", "-1 kWh", "Must be greater than or equal to 0."),
        ("soc-minima", True, "Not a value"),
        ("power-capacity", 5, "A unit is missing, as in 10 kW."),
        ("power-capacity", "5", "A unit is missing, as in 10 kW."),
        ("power-capacity", "5 kWh", "cannot be converted to MW"),
        ("power-capacity", "5 apples", "cannot be handled"),
        ("power-capacity", "kW", "is not a quantity"),
        ("power-capacity", "1/0 kW", "is not a quantity"),
        ("power-capacity", "9**9**9 kW", "is not a quantity"),
        ("power-capacity", "__import__('os')", "is not a quantity"),
        ("power-capacity", "(" * 100 + "1", "is not a quantity"),
        ("power-capacity", None, "Field may not be null."),
        ("charging-efficiency", 0, "Must be greater than 0."),
        ("charging-efficiency", "-5 %", "Must be greater than 0."),
        ("charging-efficiency", "5 kW", "cannot be converted to a share"),
        ("storage-efficiency", float("nan"), "Special numeric values"),
        ("soc-usage", "100 W", "Not a valid list."),
        ("soc-gain", {"sensor": 1}, "Not a valid list."),
        ("prefer-curtailing-later", "maybe", "Not a valid boolean."),
        ("operation-modes", [], "Unknown field."),
        ("group", {"asset": 1}, "Unknown field."),
    ],
)
def test_bad_fields_of_a_device(field: str, value: Any, reason: str) -> None:
    messages = refused(StorageFlexModelSchema(), {field: value})
    assert list(messages) == [field]
    assert reason in str(messages[field])


@pytest.mark.parametrize(
    ("item", "errors"),
    [
        ({"value": 1}, {"datetime": ["Missing data for required field."]}),
        ({"datetime": START}, {"value": ["Missing data for required field."]}),
        ({"datetime": START, "end": LATER, "value": 1}, {"end": ["Not together with datetime."]}),
        ({"start": START, "value": 1}, {"start": ["Give exactly two of start, end and duration."]}),
        (
            {"start": START, "end": LATER, "duration": "P1D", "value": 1},
            {"duration": ["Give exactly two of start, end and duration."]},
        ),
        (
            {"start": LATER, "end": START, "value": 1},
            {"end": ["The end should not be before the start."]},
        ),
        (
            {"start": START, "duration": "-P1D", "value": 1},
            {"duration": ["The end should not be before the start."]},
        ),
        (
            {"start": START, "duration": "P999999999D", "value": 1},
            {"duration": ["This duration is too long."]},
        ),
        (
            {"start": START, "duration": "P9999Y", "value": 1},
            {"duration": ["This duration is too long."]},
        ),
        (
            {"end": START, "duration": "P900Y", "value": 1},
            {"duration": ["This duration is too long."]},
        ),
        ({"datetime": "noon", "value": 1}, {"datetime": ["Not a valid datetime."]}),
        ({"datetime": START, "value": True}, {"value": [NO_NUMBER]}),
        ({"datetime": START, "value": [1]}, {"value": [NO_NUMBER]}),
        ({"datetime": START, "value": 1, "x": 1}, {"x": ["Unknown field."]}),
        (
            {"datetime": "9999-12-31T23:00:00Z", "value": 1},
            {"datetime": ["Years from 1678 to 2261 can be used."]},
        ),
        (7, {"_schema": ["Invalid input type."]}),
    ],
)
def test_bad_segments(item: Any, errors: Any) -> None:
    messages = refused(StorageFlexModelSchema(), {"soc-unit": "kWh", "soc-minima": [item]})
    assert messages == {"soc-minima": {0: errors}}


def test_one_unit_per_list() -> None:
    items = [{"datetime": START, "value": value} for value in ("1 kWh", "1 MWh")]
    messages = refused(StorageFlexModelSchema(), {"soc-minima": items})
    assert "should share one unit, but kWh and MWh are mixed" in str(messages["soc-minima"])


def test_lists_that_are_too_long() -> None:
    items = [{"datetime": START, "value": 1}] * 20_001
    messages = refused(StorageFlexModelSchema(), {"soc-targets": items})
    assert messages == {"soc-targets": ["Longer than maximum length 20000."]}


def test_efficiencies_that_contradict() -> None:
    config = {"roundtrip-efficiency": "90%", "charging-efficiency": "95%"}
    assert refused(StorageFlexModelSchema(), config) == {
        "roundtrip-efficiency": ["Not together with charging-efficiency."]
    }


@pytest.mark.parametrize(
    ("config", "field", "reason"),
    [
        ({"consumption-price": "5 EUR"}, "consumption-price", "cannot be converted"),
        ({"consumption-price": "5 EUR/MW"}, "consumption-price", "cannot be converted"),
        ({"consumption-price": 5}, "consumption-price", "A unit is missing"),
        ({"consumption-price": {"sensor": 0}}, "consumption-price", "No sensor found with id 0."),
        ({"consumption-price": {"sensor": 2**40}}, "consumption-price", "No sensor found"),
        ({"consumption-price": {"sensor": True}}, "consumption-price", "Not a valid integer."),
        ({"consumption-price": {}}, "consumption-price", "Missing data"),
        (
            {"consumption-price": "5 EUR/MWh", "production-price": "5 KRW/MWh"},
            "production-price",
            "expected EUR/MWh",
        ),
        (
            {
                "consumption-price": [
                    {"datetime": START, "value": "5 EUR/MWh"},
                    {"datetime": LATER, "value": "5 KRW/MWh"},
                ]
            },
            "consumption-price",
            "EUR and KRW are mixed",
        ),
        ({"site-power-capacity": "-5 kW"}, "site-power-capacity", "greater than or equal to 0"),
        ({"inflexible-consumption": [7]}, "inflexible-consumption", "Expected"),
        ({"inflexible-consumption": {"sensor": 7}}, "inflexible-consumption", "valid list"),
        ({"relax-constraints": "perhaps"}, "relax-constraints", "Not a valid boolean."),
        ({"commitments": []}, "commitments", "Unknown field."),
        ({"site-peak-consumption": "1 kW"}, "site-peak-consumption", "Unknown field."),
        ({"soc-minima-breach-price": "1 EUR/kWh"}, "soc-minima-breach-price", "Unknown field."),
    ],
)
def test_bad_contexts(db: SQLAlchemy, config: Any, field: str, reason: str) -> None:
    messages = refused(FlexContextSchema(), config)
    assert list(messages) == [field]
    assert reason in str(messages[field])


def test_old_and_new_names_together(sensors: dict[str, Sensor]) -> None:
    price = sensors["price"].id
    config = {"consumption-price-sensor": price, "consumption-price": {"sensor": price}}
    assert refused(FlexContextSchema(), config) == {
        "consumption-price-sensor": ["Not together with consumption-price."]
    }


def test_sensors_of_the_wrong_kind(sensors: dict[str, Sensor]) -> None:
    def ref(name: str) -> dict[str, int]:
        return {"sensor": sensors[name].id}

    for field, name in (
        ("power-capacity", "temperature"),
        ("soc-minima", "power"),
        ("charging-efficiency", "power"),
    ):
        messages = refused(StorageFlexModelSchema(), {field: ref(name)})
        assert f"({name}) is in" in messages[field]["sensor"][0]
    assert "resolution" in str(
        refused(StorageFlexModelSchema(), {"state-of-charge": ref("energy")})
    )
    assert "unit of power" in str(refused(StorageFlexModelSchema(), {"consumption": ref("price")}))
    messages = refused(FlexContextSchema(), {"consumption-price": ref("power")})
    assert "(power) is in kW" in messages["consumption-price"]["sensor"][0]


def test_inflexible_devices(sensors: dict[str, Sensor]) -> None:
    load, power = {"sensor": sensors["load"].id}, {"sensor": sensors["power"].id}
    schema = FlexContextSchema()
    assert "positive values are consumption" in str(
        refused(schema, {"inflexible-production": [load]})
    )
    twice = {"inflexible-consumption": [power], "inflexible-production": [power]}
    assert "is listed twice" in str(refused(schema, twice))
    both = {"inflexible-consumption": [power], "inflexible-device-sensors": [sensors["load"].id]}
    assert list(refused(schema, both)) == ["inflexible-device-sensors"]
    assert schema.load({"inflexible-consumption": [load], "inflexible-production": [power]})


def test_whose_device_it_is(sensors: dict[str, Sensor]) -> None:
    schema = DeviceFlexModelSchema()
    assert refused(schema, {}) == {"sensor": ["Give sensor, asset or state-of-charge."]}
    assert "power sensor" in str(refused(schema, {"sensor": sensors["price"].id}))
    assert refused(schema, {"sensor": 2**40}) == {"sensor": [f"No sensor found with id {2**40}."]}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"power": "5 kWh"}, "power"),
        ({"power": -1}, "power"),
        ({"power": True}, "power"),
        ({"power": None}, "power"),
        ({"duration": "4 hours"}, "duration"),
        ({"duration": "PT0M"}, "duration"),
        ({"duration": "-PT1H"}, "duration"),
        ({"process-type": "lazy"}, "process-type"),
        ({"optimization-sense": "best"}, "optimization-sense"),
        ({"time-restrictions": {}}, "time-restrictions"),
        ({"time-restrictions": [{"start": START}]}, "time-restrictions"),
        (
            {"time-restrictions": [{"start": START, "duration": "P999999999D"}]},
            "time-restrictions",
        ),
        ({"soc-min": 1}, "soc-min"),
    ],
)
def test_bad_processes(changes: dict[str, Any], field: str) -> None:
    config = {"power": 5, "duration": "PT1H"} | changes
    assert list(refused(ProcessFlexModelSchema(unit="kW"), config)) == [field]


def test_processes_as_they_are_documented() -> None:
    loaded = ProcessFlexModelSchema(unit="kW").load(
        {
            "power": 200,
            "duration": "PT4H",
            "process_type": "shiftable",
            "optimization_direction": "max",
            "time_restrictions": [{"start": START, "duration": "PT1H"}],
        }
    )
    assert loaded["power"] == pytest.approx(0.2)
    assert (loaded["process_type"], loaded["optimization_sense"]) == ("SHIFTABLE", "MAX")


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["1 kW", "5 kWh", "95 %", "0.2 EUR/kWh", START, LATER, "P1D", "P1M", "((1)"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["sensor", "value", "datetime", "start", "end", "duration", "default"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
FIELDS = {
    schema: sorted(field.data_key or name for name, field in schema().fields.items())
    for schema in (
        StorageFlexModelSchema,
        DeviceFlexModelSchema,
        FlexContextSchema,
        ProcessFlexModelSchema,
    )
}


@pytest.mark.usefixtures("sensors")
@pytest.mark.parametrize("schema", FIELDS, ids=[schema.__name__ for schema in FIELDS])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_whatever_comes_is_taken_or_refused(schema: Any, data: st.DataObject) -> None:
    config = data.draw(st.dictionaries(st.sampled_from(FIELDS[schema]), JUNK, max_size=4))
    try:
        schema().load(config)
    except ValidationError as error:
        assert set(error.messages_dict) <= {*FIELDS[schema]}
