"""The forms in which flex-model and flex-context give a value.

A *variable* is what becomes of them: a number for all times, a list of segments, or a reference to
a sensor. Power is in MW, energy in MWh, shares are fractions, prices are money per MWh.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

from marshmallow import Schema, ValidationError, fields

from flexmeasures.data.schemas.scheduling.references import Reference, ReferenceSchema, name_of
from flexmeasures.data.schemas.scheduling.spelling import FlexSchema
from flexmeasures.data.schemas.times import (
    FIRST_YEAR,
    LAST_YEAR,
    AwareDateTimeField,
    DurationField,
)
from flexmeasures.data.schemas.utils import FMValidationError
from flexmeasures.utils.time_utils import as_utc, ground_duration, localize, shift

if TYPE_CHECKING:
    from pint import Quantity

Segment: TypeAlias = dict[str, Any]
"""`value`, and either `datetime` or `start` and `end` (aware)"""

Variable: TypeAlias = float | list[Segment] | Reference

MOST_SEGMENTS = 20_000


class Kind(Enum):
    """What a value measures: the unit it is converted to, an example, and the largest magnitude.

    Nothing on earth is larger; and solvers reckon with numbers of some 15 digits.
    """

    POWER = ("MW", "10 kW", 1e6)
    ENERGY = ("MWh", "12.1 kWh", 1e8)
    SHARE = ("", "95 %", 1e4)
    PRICE = ("currency/MWh", "0.21 EUR/kWh", 1e9)

    @property
    def unit(self) -> str:
        return self.value[0]

    @property
    def example(self) -> str:
        return self.value[1]

    @property
    def largest(self) -> float:
        return self.value[2]


SMALLEST_EFFICIENCY = 1e-4


@dataclass(frozen=True)
class Price:
    """variable : in currency/MWh"""

    variable: Variable
    currency: str


@dataclass(frozen=True)
class _Amount:
    """A number, the unit in which it was given ("" if in none), and the currency of a price."""

    value: float
    unit: str
    currency: str = ""


class SegmentSchema(FlexSchema):
    """A value at a moment, or within a window of time."""

    value = fields.Raw(required=True)
    datetime = AwareDateTimeField()
    start = AwareDateTimeField()
    end = AwareDateTimeField()
    duration = DurationField()


class SOCTargetSchema(Schema):
    """A state of charge to reach at a moment."""

    value = fields.Float(required=True)
    datetime = AwareDateTimeField(required=True)


class AmountField(fields.Field[Any]):
    """One value for all times: a quantity such as "3.5 kW", arithmetic allowed.

    numbers : whether bare numbers are taken, too: as fractions, or as energy in the unit that the
        schema has as `unit_of_numbers`
    minimum, maximum : in the unit of the kind
    """

    default_error_messages = {
        "invalid": "Not a valid quantity.",
        "number": "Not a valid number.",
        "special": "Special numeric values (nan or infinity) are not permitted.",
        "too_large": "Number too large.",
        "no_unit": "A unit is missing, as in {example}.",
        "unit": "{given} cannot be converted to {unit}.",
        "minimum": "Must be greater than or equal to {limit}.",
        "positive": "Must be greater than 0.",
    }

    def __init__(
        self,
        kind: Kind,
        *,
        numbers: bool = False,
        minimum: float | None = None,
        positive: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.numbers = numbers
        self.minimum = minimum
        self.positive = positive

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        return self._amount(value).value

    def _amount(self, value: Any) -> _Amount:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise self.make_error("number" if self.numbers else "invalid")
        amount = self._of_text(value) if isinstance(value, str) else self._of_number(value)
        if abs(amount.value) > self.kind.largest:
            raise self.make_error("too_large")
        if self.positive and amount.value <= 0:
            raise self.make_error("positive")
        if self.minimum is not None and amount.value < self.minimum:
            raise self.make_error("minimum", limit=f"{self.minimum:g}")
        return amount

    def _of_number(self, value: float) -> _Amount:
        if not self.numbers:
            raise self.make_error("no_unit", example=self.kind.example)
        try:
            number = float(value)
        except OverflowError as error:
            raise self.make_error("too_large") from error
        if not math.isfinite(number):
            raise self.make_error("special")
        if self.kind is Kind.ENERGY:
            number = number / self._per_mwh(number)
        return _Amount(number, "")

    def _per_mwh(self, number: float) -> float:
        schema: Any = self.root
        unit = getattr(schema, "unit_of_numbers", None)
        if unit is None and number and schema is not None:
            schema.lacks_unit = True
        return 1000.0 if unit == "kWh" else 1.0

    def _of_text(self, text: str) -> _Amount:
        from flexmeasures.utils.arithmetic import evaluate
        from flexmeasures.utils.unit_registry import registry

        if self.numbers and text.strip().lower().lstrip("+-") in ("nan", "inf", "infinity"):
            raise self.make_error("special")
        if self.numbers and not any(character.isdigit() for character in text[:200]):
            raise self.make_error("number")
        try:
            quantity = evaluate(text)
        except ValueError as error:
            raise FMValidationError(f"{str(error)[:300]}") from error
        if quantity.units == registry().dimensionless and "%" not in text:
            return self._of_number(float(quantity.magnitude))
        return self._converted(quantity, text)

    def _converted(self, quantity: Quantity, text: str) -> _Amount:
        import pint

        from flexmeasures.utils.unit_utils import energy_price

        unit = f"{quantity.units:~P}"
        try:
            if self.kind is Kind.PRICE:
                value, currency = energy_price(quantity)
                return _Amount(value, unit, currency)
            value = float(f"{quantity.to(self.kind.unit).magnitude:.15g}")
        except (pint.PintError, ValueError, OverflowError, ArithmeticError) as error:
            wanted = self.kind.unit or "a share, such as 95 %"
            raise self.make_error("unit", given=text, unit=wanted) from error
        if not math.isfinite(value):
            raise self.make_error("too_large")
        return _Amount(value, unit)


class VariableField(AmountField):
    """A value that may vary: also a list of moments and windows, or `{"sensor": id}`.

    It becomes a variable (see above); of prices, a `Price`.
    """

    default_error_messages = {
        "form": "Not a value: expected a quantity such as {example}, a list of times with values,"
        ' or {{"sensor": id}}.',
        "too_many": "Longer than maximum length {most}.",
        "units": "Values of one list should share one unit, but {first} and {other} are mixed.",
        "currencies": "Prices should share one currency, but {first} and {other} are mixed.",
    }

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        currency = ""
        variable: Variable
        if isinstance(value, Mapping):
            variable, currency = self._reference(value)
        elif isinstance(value, (list, tuple)):
            variable, currency = self._segments(value)
        elif isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise self.make_error("form", example=self.kind.example)
        else:
            amount = self._amount(value)
            variable, currency = amount.value, amount.currency
        return Price(variable, currency) if self.kind is Kind.PRICE else variable

    def _reference(self, value: Mapping[Any, Any]) -> tuple[Reference, str]:
        found = ReferenceSchema().load(dict(value))
        sensor, currency = found["sensor"], ""
        try:
            factor, currency = _factor(sensor, self.kind)
        except ValueError as error:
            reason = (
                f"{name_of(sensor)} is in {sensor.unit or 'no unit'}, which cannot be converted to"
                f" {self.kind.unit or 'a share, such as 95 %'}."
            )
            raise FMValidationError({"sensor": [reason]}) from error
        default = None
        if "default" in found:
            try:
                amount = self._amount(found["default"])
            except ValidationError as error:
                raise FMValidationError({"default": error.messages}) from error
            if amount.currency != currency:
                raise FMValidationError(
                    {"default": [f"Should be in {currency}/MWh, as the sensor's prices."]}
                )
            default = amount.value
        return Reference(sensor, factor, default, found["filters"]), currency

    def _segments(self, items: Any) -> tuple[list[Segment], str]:
        if len(items) > MOST_SEGMENTS:
            raise self.make_error("too_many", most=MOST_SEGMENTS)
        schema, errors, segments = SegmentSchema(), {}, []
        amounts: dict[tuple[type, Any], _Amount] = {}
        units: dict[str, None] = {}
        currencies: dict[str, None] = {}
        for position, item in enumerate(items):
            try:
                loaded = schema.load(item)
                amount = self._amount_of(loaded["value"], amounts)
                segments.append({"value": amount.value} | self._when(loaded))
            except ValidationError as error:
                errors[position] = error.messages
                continue
            units[amount.unit] = currencies[amount.currency] = None
        if errors:
            raise ValidationError(errors)
        if len(currencies) > 1:
            first, other, *_ = currencies
            raise self.make_error("currencies", first=first, other=other)
        if len(units) > 1:
            first, other, *_ = (unit or "bare numbers" for unit in units)
            raise self.make_error("units", first=first, other=other)
        return segments, next(iter(currencies), "")

    def _amount_of(self, value: Any, known: dict[tuple[type, Any], _Amount]) -> _Amount:
        """known : what was read before, as many times often have few values"""
        key = (type(value), value) if isinstance(value, (str, int, float)) else None
        if key in known:
            return known[key]
        try:
            amount = self._amount(value)
        except ValidationError as error:
            raise FMValidationError({"value": error.messages}) from error
        if key is not None:
            known[key] = amount
        return amount

    def _when(self, item: Segment) -> Segment:
        """The time of a segment, as `datetime` or as `start` and `end`."""
        names = [name for name in ("start", "end", "duration") if name in item]
        if "datetime" in item:
            if names:
                raise FMValidationError({names[0]: ["Not together with datetime."]})
            return {"datetime": item["datetime"]}
        if not names:
            raise FMValidationError({"datetime": ["Missing data for required field."]})
        if len(names) != 2:
            reason = "Give exactly two of start, end and duration."
            raise FMValidationError({names[-1]: [reason]})
        start, end = self._window(item)
        if as_utc(end) < as_utc(start):
            name = "end" if "end" in item else "duration"
            raise FMValidationError({name: ["The end should not be before the start."]})
        return {"start": start, "end": end}

    def _window(self, item: Segment) -> tuple[datetime, datetime]:
        if "duration" not in item:
            return item["start"], item["end"]
        given = item["start"] if "start" in item else item["end"]
        try:
            local = self._local(given)
            if "start" in item:
                start, end = given, shift(given, ground_duration(item["duration"], local))
            else:
                start, end = _before(local, item["duration"]), given
            if not all(FIRST_YEAR <= moment.year <= LAST_YEAR for moment in (start, end)):
                raise OverflowError
        except (ValueError, OverflowError) as error:
            raise FMValidationError({"duration": ["This duration is too long."]}) from error
        return start, end

    def _local(self, moment: datetime) -> datetime:
        """In the timezone of the schema's sensor, on whose calendar months are counted."""
        timezone = getattr(self.root, "timezone", None)
        return moment if timezone is None else moment.astimezone(timezone)


def _before(end: datetime, duration: Any) -> datetime:
    """The start of a duration that ends then."""
    if isinstance(duration, timedelta):
        return shift(end, -duration)
    calendar = type(duration)(years=duration.years, months=duration.months)
    assert end.tzinfo is not None
    local = localize(end.replace(tzinfo=None) - calendar, end.tzinfo)
    return shift(local, -duration.tdelta)


def _factor(sensor: Any, kind: Kind) -> tuple[float, str]:
    """What to multiply a sensor's values with, and the currency of prices; or a ValueError."""
    from flexmeasures.utils.unit_registry import parse_unit, registry
    from flexmeasures.utils.unit_utils import determine_unit_conversion_multiplier, energy_price

    if kind is Kind.PRICE:
        factor, unit = parse_unit(sensor.unit)
        return energy_price(registry().Quantity(factor, unit))
    unit_of_sensor, unit_of_kind = sensor.unit or "dimensionless", kind.unit or "dimensionless"
    # Energy per event is power, too; but no power is a stock.
    length = (sensor.event_resolution or None) if kind is Kind.POWER else None
    return determine_unit_conversion_multiplier(unit_of_sensor, unit_of_kind, length), ""
