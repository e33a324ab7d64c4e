"""Devices behind a grid connection: as a planning problem, and what becomes of wishes.

Arrays in, arrays out; MW, MWh and money per MWh, consumption positive.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from flexmeasures.scheduling.engine.commitments import energy
from flexmeasures.scheduling.engine.optimise import Infeasible, Plan, optimise
from flexmeasures.scheduling.engine.problem import Commitment, Device, Group, Problem, Stock
from flexmeasures.scheduling.engine.solvers import Options, SolverTimeout, Status
from flexmeasures.scheduling.reach import Reach, power_limits, reach
from flexmeasures.scheduling.site_case import DeviceCase, SiteCase, StockCase
from flexmeasures.scheduling.tie_breaks import preferences, prices_to_plan_with
from flexmeasures.scheduling.wishes import Margin, Miss, margins, misses

__all__ = [
    "DeviceCase",
    "Margin",
    "Miss",
    "SiteCase",
    "SitePlan",
    "StockCase",
    "plan_site",
]

# Wishes that cannot all come true are served in this order, and money comes last.
_LIMITS, _SITE, _FIRST_TARGETS, _OTHERS = 4, 3, 2, 1


@dataclass(frozen=True, eq=False)
class SitePlan:
    """The best plan.

    power : MW per slot for each device
    levels : MWh at ticks 0 to n for each stock
    site : MW per slot through the connection
    cost : money for all energy at the given prices; earned, if negative
    cost_with_slope : the same at the prices that were planned with, which break ties
    cost_without_flexibility : the same if storage did nothing, and all else ran as it could
    misses : in order of time
    margins : of wishes that were met, see `wishes.margins`
    status : optimal, or feasible: the best that was found in time
    gap : proven distance from the best cost, as a share of it; None if nothing is proven
    """

    power: dict[DeviceCase, np.ndarray]
    levels: dict[StockCase, np.ndarray]
    site: np.ndarray
    cost: float
    cost_with_slope: float
    cost_without_flexibility: float
    misses: tuple[Miss, ...]
    margins: tuple[Margin, ...]
    status: Status
    gap: float | None


# Devices that could stand in for each other make for many plans that cost about the same: to tell
# the best of these can take minutes, the first within this gap a second.
_GAP_OF_SEVERAL = 1e-4


def plan_site(case: SiteCase, solver: str, options: Options) -> SitePlan:
    """The cheapest plan that grants all wishes, or as much of them as can be.

    Power limits, losses and gains are facts. The limits of stocks are kept as far as start, gain
    and losses permit; and so is the capacity of the site, which devices never overload, though
    others may. If that leaves too little for all wishes, they are granted in this order: the first
    target of each stock, all minima, maxima and targets; and only then the cost counts.

    A stock whose limits cannot be kept within the capacity of the site comes as close to them as
    that permits.

    Raises SolverNotFound, SolverTimeout, SolverError; and ValueError for what has no meaning.
    """
    started = time.monotonic()
    if len(case.devices) > 1:
        options = replace(options, smallest_gap=_GAP_OF_SEVERAL)
    reached = {stock: reach(case, stock) for stock in case.stocks}
    for attempt in (_with_wishes_as_limits, _with_wishes):
        model = attempt(case, reached)
        try:
            plan = optimise(model.problem, solver, _part_of(options, started, 0.5))
        except (Infeasible, SolverTimeout):
            # The next attempt asks for less.
            continue
        return _explained(case, model, plan)
    model = _with_all_limits_as_wishes(case, reached)
    plan = optimise(model.problem, solver, _part_of(options, started, 1.0))
    return _explained(case, model, plan)


def _part_of(options: Options, started: float, share: float) -> Options:
    """With a share of the time that is left."""
    if options.time_limit is None:
        return options
    rest = options.time_limit - (time.monotonic() - started)
    if rest <= 0:
        raise SolverTimeout(f"No plan was found within {options.time_limit:g} s.")
    return replace(options, time_limit=rest * share)


@dataclass(frozen=True)
class _Model:
    """A problem, and which part of it stands for what."""

    problem: Problem
    devices: dict[DeviceCase, Device]
    stocks: dict[StockCase, Stock]


def _with_wishes_as_limits(case: SiteCase, reached: dict[StockCase, Reach]) -> _Model:
    """Everything is kept, or there is no plan."""
    stocks = {}
    for stock, within in reached.items():
        # Wishes beyond the limits of the stock are met up to them.
        wished = np.stack([stock.minima, stock.targets]), np.stack([stock.maxima, stock.targets])
        at_least = np.clip(wished[0], within.minimum, within.maximum)
        at_most = np.clip(wished[1], within.minimum, within.maximum)
        stocks[stock] = _stock(
            stock,
            np.fmax.reduce([within.minimum, *at_least]),
            np.fmin.reduce([within.maximum, *at_most]),
        )
    return _model(case, stocks, -case.array(case.export_max), case.array(case.import_max))


def _with_wishes(case: SiteCase, reached: dict[StockCase, Reach]) -> _Model:
    """Limits are kept, wishes are granted by rank."""
    stocks = {s: _stock(s, within.minimum, within.maximum) for s, within in reached.items()}
    return _add_wishes(case, _relieved(case, stocks))


def _with_all_limits_as_wishes(case: SiteCase, reached: dict[StockCase, Reach]) -> _Model:
    """Doing nothing is a plan, too."""
    stocks = {}
    for stock, within in reached.items():
        lowest = np.minimum(within.lowest, within.minimum)
        highest = np.maximum(within.highest, within.maximum)
        stocks[stock] = _stock(stock, lowest, highest)
    model = _add_wishes(case, _relieved(case, stocks))
    limits = [
        wish
        for stock, engine_stock in stocks.items()
        for wish in (
            _at_least("soc-min", engine_stock, case.array(stock.minimum), _LIMITS),
            _at_most("soc-max", engine_stock, case.array(stock.maximum), _LIMITS),
        )
    ]
    return _extended(model, limits)


def _stock(stock: StockCase, minimum: np.ndarray, maximum: np.ndarray) -> Stock:
    return Stock(stock.name, stock.at_start, minimum, maximum, stock.retention, stock.gain)


def _relieved(case: SiteCase, stocks: dict[StockCase, Stock]) -> _Model:
    """Where others overload the connection, devices may not make it worse, and relieve it."""
    importing, exporting = case.array(case.import_max), case.array(case.export_max)
    lowest, highest = np.minimum(-exporting, case.load), np.maximum(importing, case.load)
    model = _model(case, stocks, lowest, highest)
    everything = model.problem.devices
    wishes = []
    if (case.load > importing).any():
        wishes.append(_at_most("site-capacity", everything, importing, _SITE))
    if (case.load < -exporting).any():
        wishes.append(_at_least("site-capacity", everything, -exporting, _SITE))
    return _extended(model, wishes)


def _model(
    case: SiteCase, stocks: dict[StockCase, Stock], lowest: np.ndarray, highest: np.ndarray
) -> _Model:
    devices = {device: _device(case, device, stocks) for device in case.devices}
    everything = (*devices.values(), Device("inflexible devices", case.load, case.load))
    buying, selling = prices_to_plan_with(case)
    commitments = [
        energy("energy", everything, buying, selling, case.hours),
        *preferences(case, devices),
    ]
    for stock, engine_stock in stocks.items():
        if stock.value_at_end:
            last = np.full(case.slots, np.nan)
            last[-1] = 0.0
            value = -stock.value_at_end
            name = f"energy left in {stock.name}"
            commitments.append(Commitment(name, engine_stock, last, value, value))
    groups: tuple[Group, ...] = ()
    if np.isfinite(lowest).any() or np.isfinite(highest).any():
        groups = (Group("site-capacity", everything, lowest, highest),)
    problem = Problem(case.slots, case.hours, everything, groups, tuple(commitments))
    return _Model(problem, devices, stocks)


def _device(case: SiteCase, device: DeviceCase, stocks: dict[StockCase, Stock]) -> Device:
    consumption_max, production_max = power_limits(case, device)
    return Device(
        device.name,
        -production_max,
        consumption_max,
        None if device.stock is None else stocks[device.stock],
        # Where an efficiency is 0, so is the power.
        np.where(case.array(device.charging_efficiency) > 0, device.charging_efficiency, 1.0),
        np.where(case.array(device.discharging_efficiency) > 0, device.discharging_efficiency, 1.0),
    )


def _extended(model: _Model, wishes: list[Commitment]) -> _Model:
    commitments = (*model.problem.commitments, *wishes)
    return replace(model, problem=replace(model.problem, commitments=commitments))


def _add_wishes(case: SiteCase, model: _Model) -> _Model:
    return _extended(
        model,
        [wish for stock in case.stocks for wish in _wishes(stock, model.stocks[stock])],
    )


def _wishes(stock: StockCase, of: Stock) -> Iterator[Commitment]:
    """The first target is a wish of its own."""
    others = stock.targets.copy()
    wanted = np.flatnonzero(~np.isnan(stock.targets))
    if wanted.size:
        first = np.full(len(others), np.nan)
        first[wanted[0]], others[wanted[0]] = others[wanted[0]], np.nan
        yield Commitment("soc-targets", of, first, 1.0, -1.0, rank=_FIRST_TARGETS)
    if wanted.size > 1:
        yield Commitment("soc-targets", of, others, 1.0, -1.0, rank=_OTHERS)
    if np.isfinite(stock.minima).any():
        yield _at_least("soc-minima", of, stock.minima, _OTHERS)
    if np.isfinite(stock.maxima).any():
        yield _at_most("soc-maxima", of, stock.maxima, _OTHERS)


def _at_least(
    name: str, of: Stock | tuple[Device, ...], limit: np.ndarray, rank: int
) -> Commitment:
    return Commitment(name, of, _known(limit), down_price=-1.0, rank=rank)


def _at_most(name: str, of: Stock | tuple[Device, ...], limit: np.ndarray, rank: int) -> Commitment:
    return Commitment(name, of, _known(limit), up_price=1.0, rank=rank)


def _known(limit: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(limit), limit, np.nan)


def _explained(case: SiteCase, model: _Model, plan: Plan) -> SitePlan:
    power = {device: plan.power[engine] for device, engine in model.devices.items()}
    levels = {
        stock: np.append(stock.at_start, plan.levels[engine])
        for stock, engine in model.stocks.items()
    }
    site = sum(power.values(), case.load)
    return SitePlan(
        power=power,
        levels=levels,
        site=site,
        cost=case.energy_cost(site),
        cost_with_slope=case.energy_cost(site, *prices_to_plan_with(case)),
        cost_without_flexibility=case.energy_cost(_without_flexibility(case)),
        misses=tuple(sorted(misses(case, levels, site), key=lambda miss: miss.tick)),
        margins=tuple(sorted(margins(case, levels), key=lambda margin: margin.tick)),
        status=plan.status,
        gap=plan.gap,
    )


def _without_flexibility(case: SiteCase) -> np.ndarray:
    """MW per slot through the connection."""
    return case.load - sum(
        (case.array(device.production_max) for device in case.devices if device.stock is None),
        np.zeros(case.slots),
    )
