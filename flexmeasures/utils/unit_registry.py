"""Reading units and quantities: the registry of units, and a guard before it.

The registry is made when it is first used, since that takes a third of a second.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from flexmeasures.utils.currencies import CURRENCIES

if TYPE_CHECKING:
    from pint import Quantity, Unit, UnitRegistry


@lru_cache(maxsize=1)
def registry() -> UnitRegistry:
    import pint

    units: UnitRegistry = pint.UnitRegistry()
    units.load_definitions([f"{code} = [currency_{code}]" for code in sorted(CURRENCIES)])
    units.formatter.default_format = "~P"
    return units


_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_SMALL_POWER = re.compile(r"\*\*(?:[+-]?\d{1,2}|\([+-]?\d{1,2}\))(?![\w.]|\*\*)")
_POWER_IN_WORDS = re.compile(r"\b(?:square|squared|cubic|cubed)\b")
_ABBREVIATION = re.compile(r"[^\W\d]\.")
# To Python's tokenizer # starts a comment and ; ends a statement. Pint makes factors of what
# follows a % (no remainder) and of uncertainties.
_MISREAD = re.compile(r"[#;±]|\+/-|%\s*\d")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")


@lru_cache(maxsize=1024)
def parse_unit(unit: str) -> tuple[float, Unit]:
    """A unit's factor and the unit that it multiplies: (-1, watt) for -W."""
    text = _tame(unit)
    units = registry()
    try:
        try:
            return 1.0, units.parse_units(text)  # knows temperature differences, as in W/°C
        except ValueError:  # the unit has a factor
            quantity: Quantity = units.Quantity(text)
            factor = float(quantity.magnitude)
    # pint reads with Python's tokenizer, and both answer to odd texts in many ways
    except Exception as error:
        raise ValueError(f"Unit {unit!r} cannot be handled.") from error
    if not factor or not math.isfinite(factor):
        raise ValueError(f"Unit {unit!r} cannot be handled: its factor is {factor}.")
    return factor, units.Unit(quantity.units)


def _tame(unit: str) -> str:
    """Refuse texts that pint would misread, or whose powers would take forever to compute."""
    text = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+", lambda found: f"**{found[0].translate(_SUPERSCRIPTS)} ", unit)
    text = re.sub(r"\s*(\*\*|\^)\s*", "**", text).strip()
    if (
        not text
        or not unit.isprintable()  # pint reads over NUL characters, which cannot be stored
        or len(text) > 100
        or text.count("**") != len(_SMALL_POWER.findall(text))
        or ")**" in text
        or _POWER_IN_WORDS.search(text)
        or _ABBREVIATION.search(text)  # pint takes a.u. for a product
        or _MISREAD.search(text)
    ):
        raise ValueError(f"Unit {unit!r} cannot be handled.")
    return text


def parse_quantity(text: str | float | Quantity) -> Quantity:
    """A number with a unit, or a bare number, as a pint quantity.

    >>> f"{parse_quantity('50 kWh'):~P}"
    '50.0 kWh'
    """
    units = registry()
    if isinstance(text, units.Quantity):
        return text
    stripped = str(text).strip()
    number = _NUMBER.match(stripped)
    # a digit after the number would be a second number, as in 1 200 kW
    if number is None or re.match(r"\s*[\d,]", stripped[number.end() :]):
        raise ValueError(f"{text!r} is not a quantity: expected a number and a unit, as in 50 kWh.")
    unit = stripped[number.end() :].strip()
    unit = f"1{unit}" if unit.startswith("/") else unit.removeprefix("*")
    factor, base = parse_unit(unit) if unit else (1.0, units.dimensionless)
    magnitude = float(number[0]) * factor
    if not math.isfinite(magnitude):
        raise ValueError(f"{text!r} is not a quantity: its number is too large.")
    return units.Quantity(magnitude, base)
