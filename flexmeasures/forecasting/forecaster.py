"""The forecaster that runs our own models."""

from __future__ import annotations

from flexmeasures.forecasting.base import Forecaster


class ModelForecaster(Forecaster):
    """Forecasts with the model of a search term, and with the next in line where it cannot."""

    __author__ = "Seita"

    def get_data_source_info(self, rung: str) -> dict[str, str | None]:
        return {"name": f"Seita ({rung})", "model": None, "version": None}
