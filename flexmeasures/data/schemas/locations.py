"""Latitudes and longitudes, in degrees; north and east are positive."""

from __future__ import annotations

from typing import Any

from marshmallow import fields
from marshmallow.validate import Validator

from flexmeasures.data.schemas.utils import FMValidationError, MarshmallowClickMixin

DECIMALS = 7  # about a centimetre


class _RangeValidator(Validator):
    """Refuses what is further than `limit` from the equator or prime meridian."""

    what: str
    limit: int

    def __call__(self, value: float) -> float:
        if abs(value) > self.limit:
            bound, limit = ("maximum", self.limit) if value > 0 else ("minimum", -self.limit)
            raise FMValidationError(
                f"{self.what} {value} exceeds the {bound} {self.what.lower()} of {limit} degrees."
            )
        return value


class LatitudeValidator(_RangeValidator):
    what, limit = "Latitude", 90


class LongitudeValidator(_RangeValidator):
    what, limit = "Longitude", 180


class _PrecisionValidator(Validator):
    def __call__(self, value: float) -> float:
        if round(value, DECIMALS) != value:
            raise FMValidationError(
                f"Latitudes and longitudes are limited to {DECIMALS} decimal places."
            )
        return value


class LatitudeField(MarshmallowClickMixin, fields.Float):
    """A number from -90 to 90 with at most 7 decimals."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators = [LatitudeValidator(), _PrecisionValidator(), *self.validators]


class LongitudeField(MarshmallowClickMixin, fields.Float):
    """A number from -180 to 180 with at most 7 decimals."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators = [LongitudeValidator(), _PrecisionValidator(), *self.validators]
