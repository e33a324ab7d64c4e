"""What there is to decide behind one grid connection.

Units are MW, MWh and money; consumption is positive. A quantity that varies is an array with one
entry per slot; a plain number stands for the same value in all slots. Tick t is the end of slot t,
tick 0 the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from flexmeasures.scheduling.engine.arrays import filled
from flexmeasures.scheduling.engine.problem import Values


@dataclass(frozen=True, eq=False)
class StockCase:
    """Energy that one device, or several, fill and empty.

    at_start : MWh
    minimum, maximum : MWh, hard limits at ticks 1 to n, as far as start, gain and losses permit
    minima, maxima, targets : MWh at ticks 1 to n, nan where there is none; wishes
    retention : share of the level that is kept over one slot, 0 to 1
    gain : MW that flows in by itself (out, if negative)
    value_at_end : money per MWh that is left
    """

    name: str
    at_start: float
    minimum: float
    maximum: float
    minima: np.ndarray
    maxima: np.ndarray
    targets: np.ndarray
    retention: Values = 1.0
    gain: Values = 0.0
    value_at_end: float = 0.0


@dataclass(frozen=True, eq=False)
class DeviceCase:
    """Something whose power is to be chosen.

    consumption_max, production_max : MW, at least 0; hard
    stock : what it fills when consuming and empties when producing; devices may share one
    charging_efficiency : MWh stored per MWh consumed; above 1 for heat pumps
    discharging_efficiency : MWh produced per MWh taken out of the stock
    prefer_charging_sooner : for devices with a stock, if it makes no difference otherwise
    prefer_curtailing_later : for devices without, likewise
    """

    name: str
    consumption_max: Values
    production_max: Values
    stock: StockCase | None = None
    charging_efficiency: Values = 1.0
    discharging_efficiency: Values = 1.0
    prefer_charging_sooner: bool = True
    prefer_curtailing_later: bool = True


@dataclass(frozen=True, eq=False)
class SiteCase:
    """Devices behind one connection, and what energy costs there.

    hours : length of a slot
    inflexible : MW per slot of devices that run as they do, by name
    import_max, export_max : MW, at least 0, inf where there is no limit; hard for what we decide
    consumption_price, production_price : money per MWh

    Raises ValueError for input that has no meaning, naming the device or stock.
    """

    slots: int
    hours: float
    devices: tuple[DeviceCase, ...]
    inflexible: Mapping[str, np.ndarray]
    import_max: Values
    export_max: Values
    consumption_price: np.ndarray
    production_price: np.ndarray

    def __post_init__(self) -> None:
        for device in self.devices:
            for power in (device.consumption_max, device.production_max):
                if not (np.isfinite(power).all() and (np.asarray(power) >= 0).all()):
                    raise ValueError(f"{device.name}: its capacity must be a positive number.")
        for stock in self.stocks:
            if not stock.minimum <= stock.maximum:
                raise ValueError(
                    f"{stock.name}: the minimum ({stock.minimum:g} MWh) exceeds the maximum"
                    f" ({stock.maximum:g} MWh)."
                )
            for wishes in (stock.minima, stock.maxima, stock.targets):
                if wishes.shape != (self.slots,):
                    raise ValueError(
                        f"{stock.name}: expected a wish, or nan, for each of {self.slots} ticks."
                    )
        for limit in (self.import_max, self.export_max):
            if not (np.asarray(limit) >= 0).all():
                raise ValueError("The capacity of the site must be a positive number.")

    @cached_property
    def load(self) -> np.ndarray:
        """Power of all inflexible devices."""
        return sum(self.inflexible.values(), np.zeros(self.slots))

    @cached_property
    def stocks(self) -> tuple[StockCase, ...]:
        """Each stock once, in the order of the devices that use it."""
        return tuple(dict.fromkeys(d.stock for d in self.devices if d.stock is not None))

    def users(self, stock: StockCase) -> tuple[DeviceCase, ...]:
        """The devices that fill and empty a stock."""
        return tuple(device for device in self.devices if device.stock is stock)

    def array(self, values: Values) -> np.ndarray:
        """One float per slot."""
        return filled(values, self.slots)

    def energy_cost(
        self,
        site: np.ndarray,
        consumption_price: np.ndarray | None = None,
        production_price: np.ndarray | None = None,
    ) -> float:
        """Money for the energy that goes through the grid connection.

        site : MW per slot
        consumption_price, production_price : if not those of the case
        """
        buying = self.consumption_price if consumption_price is None else consumption_price
        selling = self.production_price if production_price is None else production_price
        return float(np.where(site > 0, buying, selling) @ site) * self.hours
