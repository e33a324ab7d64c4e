"""What a device can do in each slot, and what is wished for at each tick."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np

from flexmeasures.data.schemas.scheduling.references import Reference
from flexmeasures.scheduling.devices import DeviceModel
from flexmeasures.scheduling.inputs import money_per_mwh
from flexmeasures.scheduling.reach import between_ticks
from flexmeasures.scheduling.site_case import DeviceCase, StockCase
from flexmeasures.scheduling.variable import Knowledge

logger = logging.getLogger(__name__)

_VARIABLES = (
    "soc_minima",
    "soc_maxima",
    "soc_targets",
    "charging_efficiency",
    "discharging_efficiency",
    "storage_efficiency",
    "power_capacity",
    "consumption_capacity",
    "production_capacity",
)
_WISHES = {"soc_minima": "largest", "soc_maxima": "smallest", "soc_targets": "first"}


def variables(device: DeviceModel) -> Iterator[Any]:
    """All that is to be looked up."""
    for name in _VARIABLES:
        yield device.model.get(name)
    for name in ("soc_gain", "soc_usage"):
        yield from device.model.get(name) or ()


@dataclass
class Limits:
    """Makes cases of devices; notes what was not known, or cannot be kept.

    site_capacity : MW per slot, what a device without a capacity of its own can have at most
    """

    knowledge: Knowledge
    site_capacity: np.ndarray
    currency: str
    unknown_capacities: list[dict[str, Any]] = field(default_factory=list)
    ignored_targets: list[dict[str, Any]] = field(default_factory=list)

    def cases(self, devices: Sequence[DeviceModel]) -> dict[DeviceModel, DeviceCase]:
        """One case for each device that has power."""
        powers = {device: self._power(device) for device in devices if device.has_power}
        efficiencies = {device: self._efficiencies(device) for device in powers}
        stocks: dict[DeviceModel, StockCase] = {}
        for keeper in devices:
            if keeper.keeper is None and "soc_at_start" in keeper.model:
                users = [device for device in powers if (device.keeper or device) is keeper]
                between = _Together([powers[u] for u in users], [efficiencies[u] for u in users])
                stocks[keeper] = self._stock(keeper, between)
        cases = {}
        for device, (consumption_max, production_max) in powers.items():
            charging, discharging = efficiencies[device]
            cases[device] = DeviceCase(
                name=device.name,
                consumption_max=consumption_max,
                production_max=production_max,
                stock=stocks.get(device.keeper or device),
                charging_efficiency=charging,
                discharging_efficiency=discharging,
                prefer_charging_sooner=device.model["prefer_charging_sooner"],
                prefer_curtailing_later=device.model["prefer_curtailing_later"],
            )
        return cases

    def _power(self, device: DeviceModel) -> tuple[np.ndarray, np.ndarray]:
        """The most that it consumes and produces, MW per slot."""
        model = device.model
        consumption = self._capacity(device, "consumption_capacity")
        production = self._capacity(device, "production_capacity")
        symmetric = self._capacity(device, "power_capacity")
        if (remembered := device.attribute("capacity_in_mw")) is not None:
            symmetric = _first_known(symmetric, magnitude("capacity_in_mw", remembered))
        consumption_given, production_given = (
            name in model for name in ("consumption_capacity", "production_capacity")
        )
        if consumption_given and production_given:
            larger = np.maximum(consumption, production)  # unknown, if one of them is
        else:
            larger = consumption if consumption_given else production
        symmetric = _first_known(symmetric, larger, self.site_capacity)
        # Who says how much goes one way, means that nothing goes the other way.
        if consumption_given and not production_given and np.nan_to_num(consumption).any():
            production = np.zeros_like(consumption)
        if production_given and not consumption_given and np.nan_to_num(production).any():
            consumption = np.zeros_like(production)
        if _is_true(device, "is_consumer", "is_producer"):
            production = np.zeros_like(production)
        if _is_true(device, "is_producer", "is_consumer"):
            consumption = np.zeros_like(consumption)
        limits = (
            np.fmin(_first_known(consumption, symmetric), symmetric),
            np.fmin(_first_known(production, symmetric), symmetric),
        )
        unknown = ~(np.isfinite(limits[0]) & np.isfinite(limits[1]))
        for _, stretch in self.knowledge.grid.stretches(unknown):
            self.unknown_capacities.append({**device.owner, **stretch})
            logger.warning(
                "%s: its capacity from %s to %s is unknown, and taken to be 0.",
                device.name,
                stretch["start"],
                stretch["end"],
            )
        consumes, produces = (np.where(np.isfinite(limit), limit, 0.0) for limit in limits)
        return consumes, produces

    def _capacity(self, device: DeviceModel, name: str) -> np.ndarray:
        known = self.knowledge.per_slot(device.model.get(name), "smallest", floor_to(device))
        return np.where(known < 0, 0.0, known)

    def _efficiencies(self, device: DeviceModel) -> tuple[np.ndarray, np.ndarray]:
        roundtrip = device.model.get("roundtrip_efficiency")
        one_way = 1.0 if roundtrip is None else math.sqrt(roundtrip)
        charging, discharging = (
            _first_known(
                self.knowledge.per_slot(device.model.get(name), "first", floor_to(device)), one_way
            )
            for name in ("charging_efficiency", "discharging_efficiency")
        )
        return np.maximum(charging, 0.0), np.maximum(discharging, 0.0)

    def _stock(self, device: DeviceModel, users: _Together) -> StockCase:
        model = device.model
        wishes = {name: self._wishes(device, name) for name in _WISHES}
        self._wish_between_ticks(device, users, wishes)
        return StockCase(
            name=f"state of charge of {device.name}",
            at_start=model["soc_at_start"],
            minimum=model.get("soc_min", 0.0),
            maximum=model.get("soc_max", np.inf),
            minima=wishes["soc_minima"],
            maxima=wishes["soc_maxima"],
            targets=wishes["soc_targets"],
            retention=self._retention(device),
            gain=self._flow(device, "soc_gain") - self._flow(device, "soc_usage"),
            value_at_end=money_per_mwh(
                "soc-value-at-end", model.get("soc_value_at_end") or 0, self.currency
            ),
        )

    def _wishes(self, device: DeviceModel, name: str) -> np.ndarray:
        overlap: Any = _WISHES[name]
        if device.older:
            overlap = "last"  # of several targets
        variable = device.model.get(name)
        if name == "soc_targets":
            self._note_ignored(device, variable)
        return self.knowledge.at_ticks(variable, overlap)

    def _wish_between_ticks(
        self, device: DeviceModel, users: _Together, wishes: dict[str, np.ndarray]
    ) -> None:
        """Wishes for moments between two ticks become wishes for these ticks."""
        if not _may_be_between(device):
            return
        grid = self.knowledge.grid
        for name in _WISHES:
            for tick, rest, segment in self.knowledge.between_ticks(device.model.get(name)):
                kind: Any = name.replace("_", "-")
                at = tick + rest / grid.resolution
                for wish in between_ticks(kind, segment["value"], at, grid.hours, *users.limits()):
                    target = wishes[wish.kind.replace("-", "_")]
                    there = target[wish.tick - 1]
                    if wish.kind == "soc-minima":
                        target[wish.tick - 1] = np.fmax(there, wish.value)
                    elif wish.kind == "soc-maxima":
                        target[wish.tick - 1] = np.fmin(there, wish.value)
                    elif np.isnan(there):
                        target[wish.tick - 1] = wish.value

    def _note_ignored(self, device: DeviceModel, targets: Any) -> None:
        """Tell of targets for moments that are not planned."""
        grid = self.knowledge.grid
        for target in targets if isinstance(targets, list) else ():
            if "datetime" not in target:
                continue
            tick, rest = grid.tick_of(grid.since_start(target["datetime"]))
            if tick < 1 and not (rest and tick == 0 and _may_be_between(device)):
                reason = "not after the first slot"
            elif tick > grid.slots or (tick == grid.slots and rest):
                reason = "after the end"
            elif rest and not _may_be_between(device):
                reason = "not at the end of a slot"
            else:
                continue
            moment, value = target["datetime"].isoformat(), target["value"]
            who = {} if device.position is None else device.owner
            self.ignored_targets.append(
                {**who, "datetime": moment, "value": value, "reason": reason}
            )
            logger.warning(
                "%s: target of %s MWh at %s is ignored, as it is %s.",
                device.name.capitalize(),
                value,
                moment,
                reason,
            )

    def _retention(self, device: DeviceModel) -> Any:
        """Share of the stock that is kept over one slot."""
        variable = device.model.get("storage_efficiency")
        if variable is None:
            return 1.0
        slot = self.knowledge.grid.resolution
        own = variable.sensor.event_resolution if isinstance(variable, Reference) else device.step
        kept = _first_known(self.knowledge.per_slot(variable, "first", floor_to(device)), 1.0)
        return np.clip(kept, 0.0, 1.0) ** (slot / (own or slot))

    def _flow(self, device: DeviceModel, name: str) -> np.ndarray:
        total = np.zeros(self.knowledge.grid.slots)
        for component in device.model.get(name) or ():
            known = self.knowledge.per_slot(component, "first", floor_to(device))
            total += np.nan_to_num(known, nan=0.0)
        return total


@dataclass
class _Together:
    """Devices that share a stock, seen as one."""

    powers: list[tuple[np.ndarray, np.ndarray]]
    efficiencies: list[tuple[np.ndarray, np.ndarray]]

    def limits(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """How much fills and empties the stock, MW per slot; with efficiencies of 1."""
        fills = sum(
            power * efficiency
            for (power, _), (efficiency, _) in zip(self.powers, self.efficiencies, strict=True)
        )
        drains = sum(
            np.where(efficiency > 0, power / np.where(efficiency > 0, efficiency, 1.0), 0.0)
            for (_, power), (_, efficiency) in zip(self.powers, self.efficiencies, strict=True)
        )
        ones = np.ones_like(fills)
        return np.asarray(fills), np.asarray(drains), ones, ones


def floor_to(device: DeviceModel) -> timedelta | None:
    """The resolution to which times of its flex-model are floored."""
    return device.step if device.attribute("floor_datetimes_to_resolution", True) else None


def magnitude(name: str, value: Any) -> float:
    """A capacity: one that is negative, or endless, is a mistake."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"Attribute {name} should be a number (of MW), but is {value!r}.")
    if not (value >= 0 and math.isfinite(value)):
        raise ValueError(f"Attribute {name} should be a positive number (of MW), but is {value}.")
    return float(value)


def _may_be_between(device: DeviceModel) -> bool:
    """Do wishes for moments between two ticks count?"""
    return not device.older and bool(device.attribute("floor_datetimes_to_resolution", True))


def _is_true(device: DeviceModel, yes: str, no: str) -> bool:
    return bool(device.attribute(yes, False)) and not device.attribute(no, True)


def _first_known(*candidates: np.ndarray | float) -> np.ndarray:
    """In each slot the first of these that is known."""
    result = np.asarray(candidates[0], float)
    for candidate in candidates[1:]:
        result = np.where(np.isnan(result), candidate, result)
    return result
