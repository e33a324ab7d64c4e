"""The contract of schedulers: ours, and those that plugins bring."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from flexmeasures.utils.coding_utils import deprecated
from flexmeasures.utils.time_utils import as_utc, shift

if TYPE_CHECKING:
    import pandas as pd

    from flexmeasures.data.models.generic_assets import GenericAsset
    from flexmeasures.data.models.time_series import Sensor


@dataclass(frozen=True)
class Settings:
    """What a scheduler needs to know of the host's configuration; the service fills it in.

    solver : see `flexmeasures.scheduling.engine.solvers`
    max_planning_horizon : how far targets may extend the end; a number counts steps of the
        sensor's resolution, None is without limit
    time_limit : seconds after which the best plan found so far must do
    """

    solver: str = "cbc"
    max_planning_horizon: timedelta | int | None = 2520
    time_limit: float | None = 90

    def latest_end(self, start: datetime, resolution: timedelta) -> datetime | None:
        """The latest end of a schedule, or None without limit."""
        if self.max_planning_horizon is None:
            return None
        if isinstance(self.max_planning_horizon, int):
            return shift(start, self.max_planning_horizon * resolution)
        return shift(start, self.max_planning_horizon)


@dataclass(frozen=True)
class Output:
    """What to store on a sensor: values in its unit, with its sign, by event start."""

    sensor: Sensor
    values: pd.Series


class Scheduler:
    """Computes when a device should run.

    Subclasses set `__author__` and `__version__`, and override `compute`. They also override
    `deserialize_flex_config`, if they have a flex-model or flex-context of their own to check, and
    `persist_flex_model`, if parts of it should be remembered.

    Parameters
    ----------
    sensor : the power sensor to schedule
    start, end : of the schedule, aware
    resolution : length of a slot
    belief_time : only beliefs formed at or before it count; all, if None
    round_to_decimals : of the resulting power values
    flex_model : what the device can do; as sent, until `deserialize_config` was called
    flex_context : what surrounds it; likewise

    Attributes
    ----------
    settings : the host's configuration
    report : after `compute`, what was assumed, filled in or missed, and what the plan costs, in
        values that JSON can have
    """

    __author__: ClassVar[str | None] = None
    __version__: ClassVar[str | None] = None

    def __init__(
        self,
        sensor: Sensor | None,
        start: datetime,
        end: datetime,
        resolution: timedelta,
        belief_time: datetime | None = None,
        round_to_decimals: int | None = 6,
        flex_model: Any = None,
        flex_context: Any = None,
    ) -> None:
        # None only with schedulers of whole assets, which know what to do without.
        self.sensor: Sensor = sensor  # type: ignore[assignment]
        self.start = start
        self.end = end
        self.resolution = resolution
        self.belief_time = belief_time
        self.round_to_decimals = round_to_decimals
        self.flex_model: Any = {} if flex_model is None else flex_model
        self.flex_context: Any = {} if flex_context is None else flex_context
        self.config_deserialized = False
        self.settings = Settings()
        self.report: dict[str, Any] = {}

    def compute(self, *args: Any, **kwargs: Any) -> pd.Series | None:
        """Power in MW by slot start, consumption positive; or None."""
        raise NotImplementedError(f"{type(self).__name__} should have a method `compute`.")

    def compute_outputs(self) -> list[Output]:
        """What to store: by default, what `compute` returns, on the sensor.

        Values are production positive, unless an attribute of the sensor says otherwise.
        """
        from flexmeasures.utils.unit_utils import convert_units

        power = self.compute()
        if power is None:
            return []
        sign = 1 if self.sensor.get_attribute("consumption_is_positive", False) else -1
        # Adding zero turns the negative zeros of idle slots into plain ones.
        values = convert_units(sign * power + 0.0, "MW", self.sensor.unit, self.resolution)
        return [Output(self.sensor, values)]

    @deprecated(compute, "0.14")
    def compute_schedule(self, *args: Any, **kwargs: Any) -> pd.Series | None:
        return self.compute(*args, **kwargs)

    def deserialize_config(self) -> None:
        """Check timing, flex-model and flex-context, and turn them into what `compute` works with.

        Overriding it skips the checks. Raises ValueError or ValidationError on bad input.
        """
        self.deserialize_timing_config()
        self.deserialize_flex_config()
        self.config_deserialized = True

    def deserialize_timing_config(self) -> None:
        if self.resolution <= timedelta(0):
            raise ValueError(f"Slots take time, but the resolution is {self.resolution}.")
        if self.start > self.end:
            raise ValueError(f"Start {self.start} cannot be after end {self.end}.")
        limit = self.settings.latest_end(self.start, self.resolution)
        if limit is not None and as_utc(self.end) > as_utc(limit):
            raise ValueError(
                f"A schedule from {self.start} can last until {limit} (as set by"
                f" FLEXMEASURES_MAX_PLANNING_HORIZON), but the end is {self.end}."
            )

    def deserialize_flex_config(self) -> None:
        """Check and convert `flex_model` and `flex_context`, in place."""

    def persist_flex_model(self) -> None:
        """Remember parts of the flex-model, once the schedule is stored."""

    @classmethod
    def get_data_source_info(cls) -> dict[str, str]:
        """Name, model and version of the data source of this scheduler's schedules."""
        return {
            "model": cls.__name__,
            "version": str(cls.__version__),
            "name": str(cls.__author__),
        }


class SiteScheduler(Scheduler):
    """A scheduler of one device, or of all devices of a site.

    sensor : the power sensor of one device, whose flex-model is a mapping
    asset : or else the site of the devices in a list of flex-models
    sequential : plan the devices of a site one after the other, in the order of the list
    """

    def __init__(
        self,
        sensor: Sensor | None = None,
        *args: Any,
        asset: GenericAsset | None = None,
        sequential: bool = False,
        **kwargs: Any,
    ) -> None:
        if (sensor is None) == (asset is None):
            raise TypeError("Expected a sensor or an asset.")
        super().__init__(sensor, *args, **kwargs)
        self.asset = asset
        self.sequential = sequential
