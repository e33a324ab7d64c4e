from __future__ import annotations

import pytest
from marshmallow import ValidationError, validate

from flexmeasures.data.schemas.units import QuantityField, QuantityValidator
from flexmeasures.utils.unit_utils import ur


@pytest.mark.parametrize(
    ("value", "to_unit", "magnitude"),
    [
        ("50%", "%", 50),
        ("0.5", "%", 50),
        ("1", "%", 100),
        (0.9, "%", 90),
        ("400 kWh", "MWh", 0.4),
        ("3.6 GJ", "MWh", 1),
        ("17 kVA", "MW", 0.017),
        ("10 EUR/kWh", "EUR/MWh", 10000),
        ("20 °C", "K", 293.15),
        ("0.25", "", 0.25),
    ],
)
def test_quantities(value: object, to_unit: str, magnitude: float) -> None:
    quantity = QuantityField(to_unit).deserialize(value)
    assert quantity.magnitude == pytest.approx(magnitude)
    assert quantity.units == ur.Unit(to_unit)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("half", "'half' is not a quantity: expected a number and a unit, as in 50 kWh."),
        ("", "is not a quantity"),
        ("kWh", "is not a quantity"),
        ("1,5 MWh", "is not a quantity"),
        (["1 MWh"], "is not a quantity"),
        ("nan MWh", "is not a quantity"),
        ("1e999 MWh", "its number is too large"),
        ("5 apples", "Unit 'apples' cannot be handled."),
        ("5 kW", "5 kW cannot be converted to MWh."),
        ("5", "5 cannot be converted to MWh."),
        (5, "5 cannot be converted to MWh."),
    ],
)
def test_why_a_quantity_is_refused(value: object, reason: str) -> None:
    with pytest.raises(ValidationError) as caught:
        QuantityField("MWh").deserialize(value)
    assert reason in str(caught.value.messages)


@pytest.mark.parametrize("value", ["-1%", "101%", "1.5", -0.1])
def test_ranges(value: object) -> None:
    field = QuantityField("%", validate=validate.Range(min=0, max=1))
    message = "Must be greater than or equal to 0 and less than or equal to 1."
    with pytest.raises(ValidationError, match=message):
        field.deserialize(value)
    assert field.deserialize("100%").magnitude == 100
    assert field.deserialize("0%").magnitude == 0


def test_quantities_leave_as_text() -> None:
    field = QuantityField("MWh")
    text = field.serialize("x", {"x": ur.Quantity("400 kWh")})
    assert text == "0.4 MWh"
    assert field.deserialize(text) == ur.Quantity("0.4 MWh")
    assert field.serialize("x", {"x": None}) is None


def test_the_validator_lets_quantities_of_any_unit_through() -> None:
    assert QuantityValidator()("5 kW") == "5 kW"
    with pytest.raises(ValidationError, match="is not a quantity"):
        QuantityValidator()("five")
