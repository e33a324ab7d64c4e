"""A storage device behind a grid connection: as a planning problem, and what becomes of wishes.

Arrays in, arrays out; MW, MWh and money per MWh, consumption positive.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from flexmeasures.scheduling.engine.commitments import energy
from flexmeasures.scheduling.engine.optimise import TOLERANCE, Infeasible, optimise
from flexmeasures.scheduling.engine.problem import Commitment, Device, Group, Problem, Stock
from flexmeasures.scheduling.engine.solvers import Options, SolverTimeout, Status

# Wishes that cannot all come true are served in this order, and money comes last.
_SITE, _LIMITS, _FIRST_TARGET, _TARGETS = 4, 3, 2, 1


@dataclass(frozen=True, eq=False)
class StorageCase:
    """What there is to decide.

    power_min, power_max : of the storage device, in MW
    efficiency : of one way, into the stock or out of it
    soc_at_start, soc_min, soc_max : MWh
    targets : MWh at the end of each slot, nan where there is none
    inflexible : MW per slot, by name
    site_capacity : limit on consumption and production of all together, in MW
    consumption_price, production_price : money per MWh
    soc_value_at_end : money per MWh that is left
    """

    slots: int
    hours: float
    power_min: float
    power_max: float
    efficiency: float
    soc_at_start: float
    soc_min: float
    soc_max: float
    targets: np.ndarray
    inflexible: Mapping[str, np.ndarray]
    site_capacity: float
    consumption_price: np.ndarray
    production_price: np.ndarray
    soc_value_at_end: float = 0.0

    @cached_property
    def load(self) -> np.ndarray:
        """Power of all inflexible devices."""
        return sum(self.inflexible.values(), np.zeros(self.slots))

    def with_prices(self, consumption: np.ndarray, production: np.ndarray) -> StorageCase:
        """The same at other prices."""
        return replace(self, consumption_price=consumption, production_price=production)

    def energy_cost(self, power: np.ndarray) -> float:
        """Money for the energy that goes through the grid connection."""
        site = power + self.load
        price = np.where(site > 0, self.consumption_price, self.production_price)
        return float(price @ site) * self.hours


@dataclass(frozen=True)
class Miss:
    """A limit or wish that was not met.

    limit : soc-min, soc-max, soc-targets (in MWh) or site-capacity (in MW)
    tick : number of slots from the start (the end of a slot for MWh, its start for MW)
    """

    limit: str
    tick: int
    wanted: float
    reached: float

    @property
    def size(self) -> float:
        return abs(self.wanted - self.reached)


@dataclass(frozen=True)
class StoragePlan:
    """power : MW per slot; levels : MWh at the end of each slot; misses : in order of time"""

    power: np.ndarray
    levels: np.ndarray
    misses: tuple[Miss, ...]
    status: Status


def plan_storage(case: StorageCase, solver: str, options: Options) -> StoragePlan:
    """The cheapest plan that meets all targets and limits.

    If there is none, power limits and losses are still facts, but the rest are wishes, to be met as
    closely as can be, in this order: the site's capacity, the limits of the state of charge, the
    first target, all targets, and only then the cost.
    """
    started = time.monotonic()
    stock, problem = _state(case, wishful=False)
    try:
        plan = optimise(problem, solver, options)
    except Infeasible:
        stock, problem = _state(case, wishful=True)
        plan = optimise(problem, solver, _rest_of(options, started))
    power, levels = plan.power[problem.devices[0]], plan.levels[stock]
    found = sorted(_misses(case, power, levels), key=lambda miss: miss.tick)
    return StoragePlan(power, levels, tuple(found), plan.status)


def _rest_of(options: Options, started: float) -> Options:
    if options.time_limit is None:
        return options
    rest = options.time_limit - (time.monotonic() - started)
    if rest <= 0:
        raise SolverTimeout(f"No plan was found within {options.time_limit:g} s.")
    return replace(options, time_limit=rest)


def _state(case: StorageCase, wishful: bool) -> tuple[Stock, Problem]:
    """The problem with hard limits, or with wishes for them."""
    stock = _wide_stock(case) if wishful else _strict_stock(case)
    storage = Device(
        "storage", case.power_min, case.power_max, stock, case.efficiency, case.efficiency
    )
    loads = (Device(name, power, power) for name, power in case.inflexible.items())
    devices = (storage, *loads)
    commitments = [
        energy("energy", devices, case.consumption_price, case.production_price, case.hours)
    ]
    if case.soc_value_at_end:
        last = np.full(case.slots, np.nan)
        last[-1] = 0.0
        value = case.soc_value_at_end
        commitments.append(Commitment("energy left", stock, last, -value, -value))
    lowest, highest = -case.site_capacity, case.site_capacity
    if wishful:
        commitments += _wishes(case, stock, devices)
        # Where others overload the connection, the device must not make it worse.
        lowest, highest = np.minimum(lowest, case.load), np.maximum(highest, case.load)
    site = Group("site-capacity", devices, lowest, highest)
    return stock, Problem(case.slots, case.hours, devices, (site,), tuple(commitments))


def _strict_stock(case: StorageCase) -> Stock:
    has_target = ~np.isnan(case.targets)
    return Stock(
        "state of charge",
        case.soc_at_start,
        np.where(has_target, np.fmax(case.targets, case.soc_min), case.soc_min),
        np.where(has_target, np.fmin(case.targets, case.soc_max), case.soc_max),
    )


def _wide_stock(case: StorageCase) -> Stock:
    """A start outside of the limits is where it is; but no need to go any further."""
    return Stock(
        "state of charge",
        case.soc_at_start,
        min(case.soc_min, case.soc_at_start),
        max(case.soc_max, case.soc_at_start),
    )


def _wishes(case: StorageCase, stock: Stock, devices: tuple[Device, ...]) -> Iterator[Commitment]:
    if np.isfinite(case.site_capacity):
        capacity = case.site_capacity
        yield Commitment("site-capacity", devices, capacity, up_price=1.0, rank=_SITE)
        yield Commitment("site-capacity", devices, -capacity, down_price=-1.0, rank=_SITE)
    if case.soc_at_start < case.soc_min:
        yield Commitment("soc-min", stock, case.soc_min, down_price=-1.0, rank=_LIMITS)
    if case.soc_at_start > case.soc_max:
        yield Commitment("soc-max", stock, case.soc_max, up_price=1.0, rank=_LIMITS)
    slots = np.flatnonzero(~np.isnan(case.targets))
    if slots.size:
        first = np.full(case.slots, np.nan)
        first[slots[0]] = case.targets[slots[0]]
        yield Commitment("soc-targets", stock, first, 1.0, -1.0, rank=_FIRST_TARGET)
        yield Commitment("soc-targets", stock, case.targets, 1.0, -1.0, rank=_TARGETS)


def _misses(case: StorageCase, power: np.ndarray, levels: np.ndarray) -> Iterator[Miss]:
    """What differs from what was wanted; levels also at the start."""
    all_levels = np.append(case.soc_at_start, levels)
    site = power + case.load
    compared = (
        ("soc-min", 0, all_levels, case.soc_min, True, False),
        ("soc-max", 0, all_levels, case.soc_max, False, True),
        ("soc-targets", 1, levels, case.targets, True, True),
        ("site-capacity", 0, site, -case.site_capacity, True, False),
        ("site-capacity", 0, site, case.site_capacity, False, True),
    )
    for limit, first_tick, reached, wanted, no_less, no_more in compared:
        goal = np.broadcast_to(wanted, reached.shape)
        excess = reached - goal
        tolerance = TOLERANCE * np.maximum(1, np.abs(reached))
        missed = ((excess < -tolerance) & no_less) | ((excess > tolerance) & no_more)
        for slot in np.flatnonzero(missed).tolist():
            yield Miss(limit, slot + first_tick, float(goal[slot]), float(reached[slot]))
