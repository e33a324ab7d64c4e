"""Flex-model and flex-context as people send them."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import ValidationError

from flexmeasures.data.schemas.scheduling import FlexContextSchema, StorageFlexModelSchema

MODEL: dict[str, Any] = {
    "soc-at-start": 12.1,
    "soc-unit": "kWh",
    "soc-min": 10,
    "soc-max": 25,
    "soc-targets": [{"value": 25, "datetime": "2015-06-02T16:00:00+00:00"}],
    "roundtrip-efficiency": "98%",
}


def test_kilowatt_hours_become_megawatt_hours() -> None:
    model = StorageFlexModelSchema().load(MODEL)
    assert model["soc_at_start"] == pytest.approx(0.0121)
    assert model["soc_min"] == pytest.approx(0.010)
    assert model["soc_max"] == pytest.approx(0.025)
    assert model["soc_targets"][0]["value"] == pytest.approx(0.025)
    assert model["roundtrip_efficiency"] == pytest.approx(0.98)
    assert model["prefer_charging_sooner"] is True


@pytest.mark.parametrize("efficiency", ["98%", 0.98, "0.98"])
def test_efficiency_as_share_or_percentage(efficiency: Any) -> None:
    model = StorageFlexModelSchema().load(MODEL | {"roundtrip-efficiency": efficiency})
    assert model["roundtrip_efficiency"] == pytest.approx(0.98)


def test_underscores_are_accepted() -> None:
    spelled = {key.replace("-", "_"): value for key, value in MODEL.items()}
    assert StorageFlexModelSchema().load(spelled) == StorageFlexModelSchema().load(MODEL)


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"soc-unit": "KWH"}, "soc-unit", "Must be one of: kWh, MWh."),
        ({"soc-min": -1}, "soc-min", "Must be greater than or equal to 0."),
        ({"soc-min": "low"}, "soc-min", "Not a valid number."),
        ({"soc-minn": 1}, "soc-minn", "Unknown field."),
        ({"soc-targets": None}, "soc-targets", "Field may not be null."),
        (
            {"roundtrip-efficiency": 98},
            "roundtrip-efficiency",
            "Must be greater than 0 and less than or equal to 1.",
        ),
        (
            {"roundtrip-efficiency": 0},
            "roundtrip-efficiency",
            "Must be greater than 0 and less than or equal to 1.",
        ),
    ],
)
def test_bad_fields_are_named(changes: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        StorageFlexModelSchema().load(MODEL | changes)
    assert error.value.messages == {field: [message]}


def test_targets_need_value_and_moment() -> None:
    with pytest.raises(ValidationError) as error:
        StorageFlexModelSchema().load(MODEL | {"soc-targets": [{"value": 1}]})
    assert error.value.messages == {
        "soc-targets": {0: {"datetime": ["Missing data for required field."]}}
    }


@pytest.mark.parametrize("efficiency", ["half", "98 kW"])
def test_efficiency_that_is_no_share(efficiency: str) -> None:
    with pytest.raises(ValidationError) as error:
        StorageFlexModelSchema().load(MODEL | {"roundtrip-efficiency": efficiency})
    assert list(error.value.messages_dict) == ["roundtrip-efficiency"]


def test_floods_are_refused_before_they_are_read() -> None:
    with pytest.raises(ValidationError) as caught:
        FlexContextSchema().load({"inflexible-device-sensors": list(range(1, 1002))})
    assert caught.value.messages == {
        "inflexible-device-sensors": ["Longer than maximum length 1000."]
    }
    with pytest.raises(ValidationError, match=r"Has 1001 keys\."):
        FlexContextSchema().load({f"key-{number}": 1 for number in range(1001)})


def test_unknown_sensors(fresh_db: object) -> None:
    with pytest.raises(ValidationError) as error:
        FlexContextSchema().load({"consumption-price-sensor": 9, "inflexible-device-sensors": [8]})
    assert error.value.messages == {
        "consumption-price-sensor": ["No sensor found with id 9."],
        "inflexible-device-sensors": {0: ["No sensor found with id 8."]},
    }
