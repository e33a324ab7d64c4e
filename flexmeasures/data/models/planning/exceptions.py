"""What can be missing when a schedule is to be made, as plugins know it."""

from __future__ import annotations

from flexmeasures.scheduling.exceptions import (
    MissingAttributeException,
    UnknownForecastException,
    UnknownMarketException,
    UnknownPricesException,
    WrongTypeAttributeException,
)

__all__ = [
    "MissingAttributeException",
    "UnknownForecastException",
    "UnknownMarketException",
    "UnknownPricesException",
    "WrongTypeAttributeException",
]
