"""The process scheduler: loads of constant power that run for some time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
from marshmallow import ValidationError

from flexmeasures.data.schemas.scheduling import (
    FlexContextSchema,
    ProcessFlexModelSchema,
    hyphenated,
    load_sensors,
)
from flexmeasures.data.schemas.scheduling.outputs import records_power
from flexmeasures.data.schemas.scheduling.references import SensorOnlySchema
from flexmeasures.data.schemas.utils import FMValidationError
from flexmeasures.scheduling.base import Output, SiteScheduler
from flexmeasures.scheduling.devices import spelled_entries
from flexmeasures.scheduling.exceptions import UnknownMarketException, UnknownPricesException
from flexmeasures.scheduling.inputs import given_prices, known_prices, prices_of, source_of_prices
from flexmeasures.scheduling.outputs import own_output
from flexmeasures.scheduling.process_problem import NoRoom, process_power
from flexmeasures.scheduling.slots import check_slots, initialize_index
from flexmeasures.scheduling.variable import Grid, Knowledge
from flexmeasures.utils.time_utils import as_utc, ground_duration

if TYPE_CHECKING:
    import pandas as pd

    from flexmeasures.data.models.time_series import Sensor


@dataclass(frozen=True)
class _Process:
    """model : as loaded; slots : how many it takes; restricted : where it must not run"""

    sensor: Sensor
    model: Mapping[str, Any]
    slots: int
    restricted: np.ndarray

    def power(self, prices: np.ndarray) -> np.ndarray:
        """MW per slot. Raises NoRoom."""
        return process_power(
            self.model["process_type"],
            self.model["power"],
            self.slots,
            prices,
            self.restricted,
            maximise=self.model["optimization_sense"] == "MAX",
        )


class ProcessScheduler(SiteScheduler):
    """Chooses when a process runs.

    An inflexible process runs as early as it may; a shiftable one in the cheapest stretch of time;
    a breakable one in the cheapest slots. Only consumption prices count.

    sensor : the power sensor of one process, whose flex-model is a mapping
    asset : or else the site of the processes in a list of flex-models, each with its `sensor`

    What `report` has, after `compute` or `compute_outputs`: currency and cost of the energy,
    prices, filled-prices, and notes on what has no effect. See `Scheduler` for how to use it.
    """

    __author__ = "Seita"
    __version__ = "1"

    def compute(self, *args: Any, **kwargs: Any) -> pd.Series:
        """Power in MW by slot start, consumption positive; of one process only.

        Raises UnknownMarketException, UnknownPricesException; NoRoom if restrictions leave too few
        slots; ValueError for bad input.
        """
        import pandas as pd

        if self.asset is not None:
            raise TypeError("The schedules of several processes are made by compute_outputs.")
        index = initialize_index(self.start, self.end, self.resolution)
        powers = self._plan()
        return pd.Series(powers[0][1] if powers else [], index=index, dtype=float)

    def compute_outputs(self) -> list[Output]:
        """What to store on each sensor. Raises as `compute` does."""
        if type(self).compute is not ProcessScheduler.compute:
            return super().compute_outputs()
        return [own_output(process.sensor, power, self._grid) for process, power in self._plan()]

    def deserialize_timing_config(self) -> None:
        super().deserialize_timing_config()
        check_slots(self.start, self.end, self.resolution, self.sensor)

    def deserialize_flex_config(self) -> None:
        """Check and convert; afterwards, names have underscores, power is in MW."""
        sensors = load_sensors([self.flex_model, self.flex_context])
        self._processes = self._load_processes()
        models = [process.model for process in self._processes]
        self.flex_model = models[0] if self.asset is None else models
        zone = ZoneInfo(self._processes[0].sensor.timezone)
        self.flex_context = FlexContextSchema(timezone=zone).load(self.flex_context)
        given_prices(self.flex_context)
        ignored = [
            name.replace("_", "-")
            for name, value in self.flex_context.items()
            if value and not name.startswith(("consumption_price", "relax_"))
        ]
        notes = [f"{name} has no effect on processes." for name in ignored]
        slots = self._grid.slots
        notes += [
            f"The process on sensor {process.sensor.id} takes longer than the schedule:"
            f" {process.slots * self.resolution} of which {slots * self.resolution} are planned."
            for process in self._processes
            if process.slots > slots
        ]
        self.report["notes"] = notes
        del sensors

    @property
    def _grid(self) -> Grid:
        slots = (as_utc(self.end) - as_utc(self.start)) // self.resolution
        return Grid(self.start, self.resolution, slots)

    def _load_processes(self) -> list[_Process]:
        if self.asset is None:
            return [self._load(self.flex_model, self.sensor)]
        processes, errors, seen = [], {}, set()
        for position, entry in enumerate(spelled_entries(self.flex_model)):
            try:
                whose = {"sensor": entry.pop("sensor")} if "sensor" in entry else {}
                sensor = SensorOnlySchema().load(whose)["sensor"]
                if sensor.id in seen:
                    raise FMValidationError({"sensor": [f"Sensor {sensor.id} is given twice."]})
                seen.add(sensor.id)
                processes.append(self._load(entry, sensor))
            except ValidationError as error:
                errors[position] = error.messages
            except ValueError as error:
                errors[position] = [str(error)]
        if errors:
            raise FMValidationError({"flex-model": errors})
        return processes

    def _load(self, sent: Any, sensor: Sensor) -> _Process:
        zone = ZoneInfo(sensor.timezone)
        if isinstance(sent, Mapping):
            sent = hyphenated(sent)
            if (remembered := sensor.get_attribute("process-type")) is not None:
                sent = {"process-type": remembered} | sent
        model = ProcessFlexModelSchema(unit=sensor.unit, timezone=zone).load(sent)
        if not records_power(sensor):
            reason = f"Sensor {sensor.id} should be a power sensor, but is in {sensor.unit}."
            raise FMValidationError({"sensor": [reason]})
        try:
            length = ground_duration(model["duration"], self.start.astimezone(zone))
        except (ValueError, OverflowError) as error:
            raise FMValidationError({"duration": ["This duration is too long."]}) from error
        if length <= timedelta(0):
            raise FMValidationError({"duration": ["Must be longer than PT0M."]})
        process = _Process(sensor, model, -(-length // self.resolution), self._restricted(model))
        if self._grid.slots:
            try:
                process.power(np.zeros(self._grid.slots))
            except NoRoom as error:
                raise FMValidationError({"time-restrictions": [str(error)]}) from error
        return process

    def _restricted(self, model: Mapping[str, Any]) -> np.ndarray:
        """Slots that start within a time in which the process must not run."""
        grid = self._grid
        restricted = np.zeros(grid.slots, dtype=bool)
        for restriction in model["time_restrictions"]:
            since = grid.since_start(restriction["start"])
            first, end = (
                max(-(-moment // self.resolution), 0)
                for moment in (since, since + restriction["duration"])
            )
            restricted[first:end] = True
        return restricted

    def _plan(self) -> list[tuple[_Process, np.ndarray]]:
        if not self.config_deserialized:
            self.deserialize_config()
        grid = self._grid
        if not grid.slots:
            return []
        prices, currency = self._prices(grid)
        planned = [(process, process.power(prices)) for process in self._processes]
        if self.round_to_decimals is not None:
            planned = [(process, power.round(self.round_to_decimals)) for process, power in planned]
        if currency is not None:
            cost = sum(float(power @ prices) for _, power in planned) * grid.hours
            self.report |= {"currency": currency, "cost": cost}
        return planned

    def _prices(self, grid: Grid) -> tuple[np.ndarray, str | None]:
        """Consumption prices per slot, and their currency. Inflexible processes need none."""
        needed = any(p.model["process_type"] != "INFLEXIBLE" for p in self._processes)
        try:
            price, _ = prices_of(self.flex_context, self.sensor or self.asset)
            knowledge = Knowledge(grid, self.belief_time)
            knowledge.read([price])
            prices, filled = known_prices("consumption-price", price, knowledge)
        except (UnknownMarketException, UnknownPricesException):
            if needed:
                raise
            return np.zeros(grid.slots), None
        self.report["filled-prices"] = filled
        self.report["prices"] = {"consumption-price": source_of_prices(price, prices, grid)}
        return prices, price.currency
