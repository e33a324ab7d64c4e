"""Why there are no forecasts."""

from __future__ import annotations


class NotEnoughDataException(Exception):
    """Nothing that a forecast could start from is known; the text says why, for people."""


class InvalidHorizonException(Exception):
    """Forecasts cannot be made that far ahead."""


class MisconfiguredForecastingJobException(Exception):
    """A job lacks something, or has what it should not have."""
