"""The scheduler of the documentation's example, also for tests."""

from __future__ import annotations

from typing import Any

import pandas as pd

from flexmeasures import Scheduler


class DummyScheduler(Scheduler):
    """Plans to consume all that the capacity allows (in MW), always."""

    __author__ = "Test Organization"
    __version__ = "3"

    def compute(self, *args: Any, **kwargs: Any) -> pd.Series:
        """Power in MW, consumption positive."""
        assert self.sensor is not None
        slots = pd.date_range(self.start, self.end, freq=self.resolution, inclusive="left")
        return pd.Series(self.sensor.get_attribute("capacity_in_mw"), index=slots)

    def deserialize_config(self) -> None:
        """Whatever is asked for, the plan is the same."""
        self.config_deserialized = True
