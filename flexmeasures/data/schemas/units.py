"""Quantities: numbers with a unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from marshmallow import fields
from marshmallow.validate import Validator

from flexmeasures.data.schemas.utils import FMValidationError, MarshmallowClickMixin
from flexmeasures.utils.unit_registry import parse_quantity

if TYPE_CHECKING:
    from pint import Quantity


class QuantityValidator(Validator):
    """Refuses what is no quantity, such as "50 apples"."""

    def __call__(self, value: Any) -> Any:
        try:
            parse_quantity(value)
        except ValueError as error:
            raise FMValidationError(str(error)) from error
        return value


class QuantityField(MarshmallowClickMixin, fields.Field["Quantity"]):
    """A number with a unit that converts to this field's, such as "50 kWh" for MWh.

    It becomes a pint quantity in `to_unit`. Where that is %, a bare number is a fraction: 0.5 means
    50 %.
    """

    def __init__(self, to_unit: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.to_unit = to_unit

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Quantity:
        import pint

        QuantityValidator()(value)
        try:
            return parse_quantity(value).to(self.to_unit)
        except pint.PintError as error:
            raise FMValidationError(
                f"{value} cannot be converted to {self.to_unit or 'a number without unit'}."
            ) from error

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else f"{value.to(self.to_unit):~P}"
