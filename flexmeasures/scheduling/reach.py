"""How far devices can fill and empty a stock, and what follows for wishes between two ticks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from flexmeasures.scheduling.engine.formulation import beta
from flexmeasures.scheduling.site_case import DeviceCase, SiteCase, StockCase

Kind = Literal["soc-at-start", "soc-minima", "soc-maxima", "soc-targets"]


@dataclass(frozen=True)
class Reach:
    """Levels at ticks 1 to n (MWh), whatever the site permits.

    minimum, maximum : limits that can be kept: the stock's own, or as close to them as its start,
        gain and losses permit
    lowest, highest : what could be reached if there were no limits
    """

    minimum: np.ndarray
    maximum: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray


def reach(case: SiteCase, stock: StockCase) -> Reach:
    """Follow the lowest and the highest level from tick to tick."""
    filling, draining = speeds(case, stock)
    retention = case.array(stock.retention)
    scale = beta(retention) * case.hours
    gain = case.array(stock.gain)
    ups, downs = scale * (gain + filling), scale * (gain - draining)
    is_within = stock.minimum <= stock.at_start <= stock.maximum
    if is_within and not gain.any() and (retention == 1).all():
        # Standing still keeps the limits.
        return Reach(
            np.full(case.slots, stock.minimum),
            np.full(case.slots, stock.maximum),
            stock.at_start + np.cumsum(downs),
            stock.at_start + np.cumsum(ups),
        )
    low = high = lowest = highest = stock.at_start
    rows = []
    for kept, up, down in zip(retention.tolist(), ups.tolist(), downs.tolist(), strict=True):
        lowest, highest = kept * lowest + down, kept * highest + up
        low, high = kept * low + down, kept * high + up
        minimum, maximum = min(stock.minimum, high), max(stock.maximum, low)
        rows.append((minimum, maximum, lowest, highest))
        low, high = max(low, minimum), min(high, maximum)
    return Reach(*np.array(rows).T)


def speeds(case: SiteCase, stock: StockCase) -> tuple[np.ndarray, np.ndarray]:
    """MW per slot by which all devices together can fill and empty a stock."""
    filling, draining = np.zeros(case.slots), np.zeros(case.slots)
    for device in case.users(stock):
        into, out_of = power_limits(case, device)
        filling += into * case.array(device.charging_efficiency)
        with np.errstate(divide="ignore", invalid="ignore"):
            draining += np.where(out_of > 0, out_of / case.array(device.discharging_efficiency), 0)
    return filling, draining


def power_limits(case: SiteCase, device: DeviceCase) -> tuple[np.ndarray, np.ndarray]:
    """MW per slot that a device can consume and produce; nothing while all of it would be lost."""
    return (
        np.where(case.array(device.charging_efficiency) > 0, device.consumption_max, 0.0),
        np.where(case.array(device.discharging_efficiency) > 0, device.production_max, 0.0),
    )


@dataclass(frozen=True)
class TickWish:
    """A wish for a tick: `kind` is soc-minima, soc-maxima or soc-targets, `value` in MWh."""

    kind: Kind
    tick: int
    value: float


def between_ticks(
    kind: Kind,
    value: float,
    at: float,
    hours: float,
    consumption_max: Sequence[float] | np.ndarray,
    production_max: Sequence[float] | np.ndarray,
    charging_efficiency: Sequence[float] | np.ndarray,
    discharging_efficiency: Sequence[float] | np.ndarray,
) -> tuple[TickWish, ...]:
    """What a wish for a moment between two ticks demands at these ticks.

    Before the moment the level may still be short by what can be charged until then, after it it
    may be short by what can be discharged from then on; and the other way round for a maximum.
    Nothing is demanded at tick 0, where the level is given.

    kind : "soc-at-start" for a level that is known at a moment within the first slot
    value : MWh
    at : the moment, in slots since the start
    hours : length of a slot
    consumption_max, production_max : MW per slot
    charging_efficiency, discharging_efficiency : per slot

    >>> wishes = between_ticks("soc-minima", 3.0, 1.75, 1.0, [2, 2], [1, 1], [0.9, 0.9], [0.5, 0.5])
    >>> [(wish.kind, wish.tick, wish.value) for wish in wishes]
    [('soc-minima', 1, 1.65), ('soc-minima', 2, 2.5)]
    """
    slot = int(at)
    before, after = (at - slot) * hours, (slot + 1 - at) * hours
    fill = float(charging_efficiency[slot] * consumption_max[slot])
    drain = float(production_max[slot] / discharging_efficiency[slot])
    lower = [TickWish("soc-minima", slot, value - fill * before)]
    upper = [TickWish("soc-maxima", slot, value + drain * before)]
    if kind == "soc-targets":
        upper.append(TickWish("soc-targets", slot + 1, value))
    else:
        lower.append(TickWish("soc-minima", slot + 1, value - drain * after))
        upper.append(TickWish("soc-maxima", slot + 1, value + fill * after))
    wanted = {"soc-minima": lower, "soc-maxima": upper}.get(kind, lower + upper)
    return tuple(wish for wish in wanted if wish.tick > 0)
