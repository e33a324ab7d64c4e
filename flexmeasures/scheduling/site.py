"""A request with all that is known about it; and what is planned for it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from flexmeasures.scheduling.engine.solvers import Options, SolverTimeout, Status
from flexmeasures.scheduling.inputs import (
    inflexible_power,
    known_prices,
    prices_of,
    source_of_prices,
    zeros_for_gaps,
)
from flexmeasures.scheduling.limits import Limits, magnitude, variables
from flexmeasures.scheduling.site_problem import (
    DeviceCase,
    Margin,
    Miss,
    SiteCase,
    SitePlan,
    StockCase,
    plan_site,
)
from flexmeasures.scheduling.variable import Grid, Knowledge

if TYPE_CHECKING:
    from flexmeasures.data.models.generic_assets import GenericAsset
    from flexmeasures.data.models.time_series import Sensor
    from flexmeasures.scheduling.base import Settings
    from flexmeasures.scheduling.devices import DeviceModel

_SITE_CAPACITIES = (
    "site_power_capacity",
    "site_consumption_capacity",
    "site_production_capacity",
)


@dataclass
class Site:
    """Devices and what surrounds them, in numbers.

    cases : of the devices that have power
    known : what was not known, or is assumed, in values that JSON can have
    """

    asset: GenericAsset
    grid: Grid
    devices: Sequence[DeviceModel]
    cases: dict[DeviceModel, DeviceCase]
    case: SiteCase
    currency: str
    known: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def look_around(
        cls,
        devices: Sequence[DeviceModel],
        context: Mapping[str, Any],
        asset: GenericAsset,
        sensor: Sensor | None,
        grid: Grid,
        beliefs_before: datetime | None,
    ) -> Site:
        """Look up what is believed about all sensors involved, in one query.

        sensor : the one that is scheduled, if it is one

        Raises UnknownMarketException, UnknownPricesException, ValueError.
        """
        buying, selling = prices_of(context, asset if sensor is None else sensor)
        inflexible = list(inflexible_power(context))
        knowledge = Knowledge(grid, beliefs_before)
        knowledge.read(
            [
                buying,
                selling,
                *(reference for _, reference in inflexible),
                *(context.get(name) for name in _SITE_CAPACITIES),
                *(variable for device in devices for variable in variables(device)),
            ]
        )
        consumption_price, filled = known_prices("consumption-price", buying, knowledge)
        production_price = consumption_price
        if selling != buying:
            production_price, more = known_prices("production-price", selling, knowledge)
            filled = filled + more
        loads: dict[str, Any] = {}
        zeros = []
        for device, reference in inflexible:
            power, gaps = zeros_for_gaps(device, knowledge.per_slot(reference), grid)
            name = f"sensor {device.id}"
            loads[name] = loads.get(name, 0.0) + power
            zeros += gaps
        capacity, imports, exports = _site_limits(context, asset, knowledge)
        limits = Limits(knowledge, capacity, buying.currency)
        cases = limits.cases(devices)
        case = SiteCase(
            slots=grid.slots,
            hours=grid.hours,
            devices=tuple(cases.values()),
            inflexible=loads,
            import_max=imports,
            export_max=exports,
            consumption_price=consumption_price,
            production_price=production_price,
        )
        known = {
            "prices": {
                "consumption-price": source_of_prices(buying, consumption_price, grid),
                "production-price": source_of_prices(selling, production_price, grid),
            },
            "filled-prices": filled,
            "assumed-zeros": zeros,
            "unknown-capacities": limits.unknown_capacities,
            "ignored-targets": limits.ignored_targets,
        }
        return cls(asset, grid, devices, cases, case, buying.currency, known)

    def devices_of(self, stock: StockCase) -> list[DeviceModel]:
        """The devices that use a stock; first the one that keeps it."""
        users = [device for device, case in self.cases.items() if case.stock is stock]
        keeper = users[0].keeper or users[0]
        return [keeper, *(device for device in users if device is not keeper)]


def _site_limits(
    context: Mapping[str, Any], asset: GenericAsset, knowledge: Knowledge
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """MW per slot: the limit both ways (nan if there is none), that on imports, that on exports."""
    remembered = asset.attributes.get("capacity_in_mw")
    power, imports, exports = (
        np.maximum(
            knowledge.per_slot(context.get(name), "smallest", knowledge.grid.resolution), 0.0
        )
        for name in _SITE_CAPACITIES
    )
    if remembered is not None:
        capacity = magnitude("capacity_in_mw", remembered)
        power = np.where(np.isnan(power), capacity, power)
    either = np.where(np.isnan(power), np.inf, power)
    return power, np.fmin(imports, either), np.fmin(exports, either)


@dataclass(frozen=True)
class Planned:
    """power : MW per slot, rounded; levels : MWh at ticks 0 to n; site : MW per slot

    gap : as of the plan of a site; the largest, if devices are planned one after the other
    seconds : that planning took
    """

    devices: Sequence[DeviceModel]
    power: dict[DeviceModel, np.ndarray]
    levels: dict[DeviceModel, np.ndarray]
    site: np.ndarray
    cost: float
    cost_with_slope: float
    cost_without_flexibility: float
    misses: tuple[Miss, ...]
    margins: tuple[Margin, ...]
    status: Status
    gap: float | None
    seconds: float

    def power_of(self, device: DeviceModel) -> np.ndarray:
        return self.power[device]

    def levels_of(self, device: DeviceModel) -> np.ndarray | None:
        return self.levels.get(device.keeper or device)


def plan_at_once(site: Site, settings: Settings, decimals: int | None) -> Planned:
    """One problem for all devices."""
    started = time.monotonic()
    plan = plan_site(site.case, settings.solver, Options(time_limit=settings.time_limit))
    return _planned(site, [plan], decimals, plan.cost_without_flexibility, started)


def plan_one_by_one(site: Site, settings: Settings, decimals: int | None) -> Planned:
    """One problem for each device, in order; what is planned already is fixed for the others.

    Devices that share a stock are planned together.
    """
    started = time.monotonic()
    loads = dict(site.case.inflexible)
    plans: list[SitePlan] = []
    for together in _groups(site):
        case = replace(site.case, devices=together, inflexible=dict(loads))
        options = Options(time_limit=settings.time_limit)
        if options.time_limit is not None:
            rest = options.time_limit - (time.monotonic() - started)
            if rest <= 0:
                raise SolverTimeout(f"No plan was found within {options.time_limit:g} s.")
            options = Options(time_limit=rest)
        plan = plan_site(case, settings.solver, options)
        plans.append(plan)
        loads |= {f"planned: {device.name}": power for device, power in plan.power.items()}
    idle = site.case.load - sum(
        (site.case.array(c.production_max) for c in site.case.devices if c.stock is None),
        np.zeros(site.grid.slots),
    )
    return _planned(site, plans, decimals, site.case.energy_cost(idle), started)


def _groups(site: Site) -> list[tuple[DeviceCase, ...]]:
    """Devices that have to be planned together."""
    by_stock: dict[Any, list[DeviceCase]] = {}
    for case in site.case.devices:
        by_stock.setdefault(case if case.stock is None else case.stock, []).append(case)
    return [tuple(cases) for cases in by_stock.values()]


def _planned(
    site: Site, plans: Sequence[SitePlan], decimals: int | None, idle_cost: float, started: float
) -> Planned:
    """The plans as one; the last one knows the power of all."""
    last = plans[-1]
    power = {case: values for plan in plans for case, values in plan.power.items()}
    levels = {stock: values for plan in plans for stock, values in plan.levels.items()}
    misses = [miss for plan in plans for miss in plan.misses if miss.stock or plan is last]
    margins = [margin for plan in plans for margin in plan.margins]
    gaps = [plan.gap for plan in plans if plan.gap is not None]
    feasible = any(plan.status is not Status.OPTIMAL for plan in plans)
    return Planned(
        devices=site.devices,
        power={device: _rounded(power[case], decimals) for device, case in site.cases.items()},
        levels={site.devices_of(stock)[0]: values for stock, values in levels.items()},
        site=_rounded(last.site, decimals),
        cost=last.cost,
        cost_with_slope=last.cost_with_slope,
        cost_without_flexibility=idle_cost,
        misses=tuple(sorted(misses, key=lambda miss: miss.tick)),
        margins=tuple(sorted(margins, key=lambda margin: margin.tick)),
        status=Status.FEASIBLE if feasible else Status.OPTIMAL,
        gap=max(gaps) if len(gaps) == len(plans) else None,
        seconds=time.monotonic() - started,
    )


def _rounded(power: np.ndarray, decimals: int | None) -> np.ndarray:
    # Adding zero turns negative zeros into plain ones.
    return (power if decimals is None else power.round(decimals)) + 0.0
