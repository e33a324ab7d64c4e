"""What is meant: a planning problem in the words of energy.

Units are MW, MWh and money; time is cut into slots of equal length. Power is seen from the grid:
positive values consume, negative values produce. A quantity that varies is an array with one entry
per slot; a plain number stands for the same value in all slots. `inf` means unlimited.

Classes compare by identity, so that devices can share a stock, and so that groups and commitments
can point to devices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from flexmeasures.scheduling.engine.arrays import filled

Values: TypeAlias = float | np.ndarray


@dataclass(frozen=True, eq=False)
class Stock:
    """Energy that devices fill and empty. Several devices may share one.

    The level at the end of slot j, with h hours per slot, is

        level[j] = retention[j] * level[j-1] + beta[j] * h * (inflow[j] + gain[j])

    with beta = (retention - 1) / ln(retention), and 1 for a lossless stock: the exact solution for
    an inflow that is constant within the slot, and a loss in proportion to the level.

    initial : MWh before the first slot
    minimum, maximum : MWh, limits at the end of each slot (`initial` itself is a fact, not checked)
    retention : share of the level that is kept over one slot, 0..1
    gain : MW that flows in (or out, if negative) by itself
    """

    name: str
    initial: float
    minimum: Values = -np.inf
    maximum: Values = np.inf
    retention: Values = 1.0
    gain: Values = 0.0


@dataclass(frozen=True, eq=False)
class Device:
    """Something whose power we choose (or know: then both limits are equal).

    A device never consumes and produces in the same slot.

    power_min, power_max : MW, finite
    stock : what the device fills when consuming, and empties when producing
    up_efficiency : MWh stored per MWh consumed; above 1 for heat pumps
    down_efficiency : MWh produced per MWh taken out of the stock
    """

    name: str
    power_min: Values
    power_max: Values
    stock: Stock | None = None
    up_efficiency: Values = 1.0
    down_efficiency: Values = 1.0


@dataclass(frozen=True, eq=False)
class Group:
    """Devices behind one connection: a limit on the sum of their power (MW)."""

    name: str
    devices: tuple[Device, ...]
    power_min: Values = -np.inf
    power_max: Values = np.inf


@dataclass(frozen=True, eq=False)
class Commitment:
    """A position, and the price of deviating from it.

    Deviation is what devices use together (MW), or what a stock holds at the end of a slot (MWh),
    minus `quantity`. Deviations upwards cost `up_price` per unit; deviations downwards earn
    `down_price` per unit (a negative price makes them cost, too). Prices are money per MW (per MWh
    for a stock): the slot length is up to who builds the commitment.

    Energy bought and sold is a commitment to 0, a soft limit a commitment with a penalty price on
    one side.

    of : the devices, or the stock
    quantity : nan in slots without a commitment
    windows : None charges every slot by itself. Otherwise a number per slot, and slots with equal
        numbers form a window in which only the largest deviation counts, upwards and downwards
        apart (a peak tariff). Prices are constant within a window; up >= 0 >= down.
    rank : wishes of a higher rank are fulfilled as far as possible before those of a lower rank are
        considered at all. Money has rank 0.
    """

    name: str
    of: tuple[Device, ...] | Stock
    quantity: Values = 0.0
    up_price: Values = 0.0
    down_price: Values = 0.0
    windows: np.ndarray | None = None
    rank: int = 0


@dataclass(frozen=True, eq=False)
class Problem:
    """All of it: find the power of each device at the least cost.

    slots : number of slots
    hours : length of a slot

    Raises ValueError for input that has no meaning, naming the device, stock, group or commitment.
    """

    slots: int
    hours: float
    devices: tuple[Device, ...]
    groups: tuple[Group, ...] = ()
    commitments: tuple[Commitment, ...] = ()

    def __post_init__(self) -> None:
        if self.slots < 1:
            raise ValueError("A planning problem needs at least one slot.")
        if not self.hours > 0:
            raise ValueError(f"Slots must take longer than {self.hours} hours.")
        for device in self.devices:
            self._check_device(device)
        for stock in self.stocks:
            self._check_stock(stock)
        for group in self.groups:
            self._check_members(group.name, group.devices)
            self._check_limits(group.name, group.power_min, group.power_max)
        for commitment in self.commitments:
            self._check_commitment(commitment)

    @property
    def stocks(self) -> tuple[Stock, ...]:
        """Each stock once, in the order of the devices that use it."""
        return tuple(dict.fromkeys(d.stock for d in self.devices if d.stock is not None))

    def array(self, values: Values) -> np.ndarray:
        """One float per slot."""
        return filled(values, self.slots)

    def _check_device(self, device: Device) -> None:
        self._check_limits(device.name, device.power_min, device.power_max)
        for limit in (device.power_min, device.power_max):
            if not np.isfinite(limit).all():
                raise ValueError(f"{device.name}: its power must be limited.")
        for efficiency in (device.up_efficiency, device.down_efficiency):
            self._check_shape(device.name, efficiency)
            if not (np.isfinite(efficiency).all() and (np.asarray(efficiency) > 0).all()):
                raise ValueError(f"{device.name}: efficiencies must be greater than 0.")

    def _check_stock(self, stock: Stock) -> None:
        self._check_limits(stock.name, stock.minimum, stock.maximum)
        self._check_shape(stock.name, stock.retention)
        self._check_shape(stock.name, stock.gain)
        if not np.isfinite(stock.initial):
            raise ValueError(f"{stock.name}: the initial level must be known.")
        if not np.isfinite(stock.gain).all():
            raise ValueError(f"{stock.name}: the gain must be known.")
        retention = np.asarray(stock.retention)
        if not ((retention >= 0) & (retention <= 1)).all():
            raise ValueError(f"{stock.name}: the retention must lie between 0 and 1.")

    def _check_commitment(self, commitment: Commitment) -> None:
        name = commitment.name
        if isinstance(commitment.of, Stock):
            if commitment.of not in self.stocks:
                raise ValueError(f"{name}: no device uses the stock {commitment.of.name}.")
        else:
            self._check_members(name, commitment.of)
        self._check_shape(name, commitment.quantity)
        if np.isinf(commitment.quantity).any():
            raise ValueError(f"{name}: the quantity must be finite.")
        for price in (commitment.up_price, commitment.down_price):
            self._check_shape(name, price)
            if not np.isfinite(price).all():
                raise ValueError(f"{name}: prices must be known.")
        if commitment.windows is not None:
            self._check_windows(commitment)

    def _check_windows(self, commitment: Commitment) -> None:
        windows = np.asarray(commitment.windows)
        if windows.shape != (self.slots,):
            raise ValueError(f"{commitment.name}: windows need one number per slot.")
        for price in (self.array(commitment.up_price), -self.array(commitment.down_price)):
            if (price < 0).any():
                raise ValueError(
                    f"{commitment.name}: a deviation within a window cannot earn money."
                )
            for window in np.unique(windows):
                if np.ptp(price[windows == window]) > 0:
                    raise ValueError(f"{commitment.name}: prices may not vary within a window.")

    def _check_members(self, name: str, devices: tuple[Device, ...]) -> None:
        if len(set(devices)) != len(devices):
            raise ValueError(f"{name}: a device is listed twice.")
        unknown = [device.name for device in devices if device not in self.devices]
        if unknown:
            raise ValueError(f"{name}: not among the devices of the problem: {', '.join(unknown)}.")

    def _check_limits(self, name: str, lower: Values, upper: Values) -> None:
        self._check_shape(name, lower)
        self._check_shape(name, upper)
        if np.isnan(lower).any() or np.isnan(upper).any():
            raise ValueError(f"{name}: limits must be numbers.")

    def _check_shape(self, name: str, values: Values) -> None:
        if np.shape(values) not in ((), (self.slots,)):
            raise ValueError(
                f"{name}: expected one value, or one for each of {self.slots} slots, got an array"
                f" of shape {np.shape(values)}."
            )
