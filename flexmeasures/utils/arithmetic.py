"""Quantities as people write them down: "3.5 kW", "(30/2 - 1) kW", "3 * 230V * 16A"."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flexmeasures.utils.unit_registry import parse_unit, registry

if TYPE_CHECKING:
    from pint import Quantity

_LONGEST = 200
_DEEPEST = 20
_TOKEN = re.compile(
    r"(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<power>⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹])"
    r"|(?P<unit>(?:[^\W\d_]|[%°])[^\W_⁰¹²³⁴⁵⁶⁷⁸⁹]*)"
    r"|(?P<sign>\*\*|[-+*/()^])"
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


@lru_cache(maxsize=4096)
def evaluate(text: str) -> Quantity:
    """What a text of numbers, units, + - * / ** and parentheses amounts to.

    Multiplication signs may be left out before a unit. The exponents of powers are whole numbers of
    one digit. A ValueError says what is wrong.

    >>> f"{evaluate('(30/2 - 1) kW'):~P}", f"{evaluate('3 * 230V * 16A'):~P}"
    ('14.0 kW', '11040.0 A·V')
    """
    if len(text) > _LONGEST or not text.isprintable():
        raise ValueError(f"a quantity is a text of {_LONGEST} printable characters at most")
    try:
        found = _Reader(text).all()
        magnitude = float(found.magnitude)
    except ValueError:
        raise
    # pint has errors of its own, and those of Python's numbers shine through
    except Exception as error:
        raise ValueError(f"{text!r} is not a quantity: {error}") from error
    if not math.isfinite(magnitude):
        raise ValueError(f"{text!r} is not a quantity: its number is too large.")
    return registry().Quantity(magnitude, found.units)


class _Reader:
    """Goes through the text once; every method reads what its name says."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = self._split()
        self.place = 0
        self.depth = 0

    def all(self) -> Any:
        if not any(kind == "number" for kind, _ in self.tokens):
            raise self._refusal()
        result = self.sum()
        if self.place < len(self.tokens):
            raise self._refusal()
        return result

    def sum(self) -> Any:
        result = self.product()
        while (sign := self._next_of("+", "-")) is not None:
            other = self.product()
            result = result + other if sign == "+" else result - other
        return result

    def product(self) -> Any:
        result = self.signed()
        while True:
            if (sign := self._next_of("*", "/")) is not None:
                other = self.signed()
                result = result * other if sign == "*" else result / other
            elif self._peek()[0] == "unit":
                result = result * self.factor()
            else:
                return result

    def signed(self) -> Any:
        sign = self._next_of("+", "-")
        return -self.factor() if sign == "-" else self.factor()

    def factor(self) -> Any:
        base = self.base()
        kind, written = self._peek()
        if kind == "power":
            self.place += 1
            return base ** int(written.translate(_SUPERSCRIPTS))
        if self._next_of("^", "**") is None:
            return base
        negative = self._next_of("-") is not None
        kind, written = self._take()
        if kind != "number" or not re.fullmatch(r"\d", written):
            raise self._refusal()
        return base ** (-int(written) if negative else int(written))

    def base(self) -> Any:
        kind, written = self._take()
        units = registry()
        if kind == "number":
            return units.Quantity(float(written), units.dimensionless)
        if kind == "unit":
            factor, unit = parse_unit(written)
            return units.Quantity(factor, unit)
        if written != "(" or self.depth == _DEEPEST:
            raise self._refusal()
        self.depth += 1
        result = self.sum()
        if self._next_of(")") is None:
            raise self._refusal()
        self.depth -= 1
        return result

    def _split(self) -> list[tuple[str, str]]:
        tokens, place = [], 0
        while place < len(self.text):
            if self.text[place] == " ":
                place += 1
                continue
            found = _TOKEN.match(self.text, place)
            if found is None or found.lastgroup is None:
                raise self._refusal()
            tokens.append((found.lastgroup, found[0]))
            place = found.end()
        return tokens

    def _peek(self) -> tuple[str, str]:
        return self.tokens[self.place] if self.place < len(self.tokens) else ("end", "")

    def _take(self) -> tuple[str, str]:
        token = self._peek()
        self.place += 1
        return token

    def _next_of(self, *signs: str) -> str | None:
        """The next token, if it is one of these signs."""
        kind, written = self._peek()
        if kind != "sign" or written not in signs:
            return None
        self.place += 1
        return written

    def _refusal(self) -> ValueError:
        return ValueError(
            f"{self.text!r} is not a quantity: expected a number and a unit, as in 50 kWh."
        )
