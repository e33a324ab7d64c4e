"""Schedulers of the plugin."""

from __future__ import annotations

import pandas as pd

from flexmeasures import Scheduler


class FullThrottle(Scheduler):
    """Consumes what it can, always."""

    __author__ = "Energy Service"
    __version__ = "3"

    def compute(self, *args: object, **kwargs: object) -> pd.Series:
        assert self.sensor is not None
        return pd.Series(
            self.sensor.get_attribute("capacity_in_mw"),
            index=pd.date_range(self.start, self.end, freq=self.resolution, inclusive="left"),
        )

    def deserialize_config(self) -> None:
        self.config_deserialized = True
