"""Why there are no forecasts, as plugins know it."""

from __future__ import annotations

from flexmeasures.forecasting.exceptions import (
    InvalidHorizonException,
    MisconfiguredForecastingJobException,
    NotEnoughDataException,
)

__all__ = [
    "InvalidHorizonException",
    "MisconfiguredForecastingJobException",
    "NotEnoughDataException",
]
