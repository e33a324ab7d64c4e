"""Forecast models, as plugins know them; they live in `flexmeasures.forecasting`."""

from __future__ import annotations

from flexmeasures.forecasting.base import Forecaster
from flexmeasures.forecasting.registry import find_model, model_map

__all__ = ["Forecaster", "find_model", "model_map"]
