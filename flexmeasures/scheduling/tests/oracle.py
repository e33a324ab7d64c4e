"""The optimum of a case, stated a second time for another solver interface.

It shares nothing with the planner but the case: every wish and limit has slack, every direction a
binary variable, and ranks are minimised one after the other.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from flexmeasures.scheduling.site_case import SiteCase

LIMITS, SITE, FIRST, OTHERS, MONEY = range(5)
BIG = 1e3


class Undecided(Exception):
    """The solver got stuck, in its tolerances perhaps."""


@dataclass
class Model:
    """Rows of a matrix by name of variable, and the cost of each rank."""

    lower: dict[str, float]
    upper: dict[str, float]
    rows: list[tuple[dict[str, float], float, float]]
    costs: dict[int, dict[str, float]]

    def variable(self, name: str, lower: float, upper: float) -> str:
        self.lower[name], self.upper[name] = lower, upper
        return name

    def row(self, terms: dict[str, float], lower: float, upper: float) -> None:
        self.rows.append((terms, lower, upper))

    def miss(self, rank: int, terms: dict[str, float], lower: float, upper: float) -> None:
        """Falling short of `lower`, or exceeding `upper`, costs 1 per unit."""
        for sign, bound in ((1, lower), (-1, upper)):
            if np.isfinite(bound):
                slack = self.variable(f"slack {len(self.lower)}", 0, BIG)
                row = {name: sign * factor for name, factor in terms.items()}
                self.row(row | {slack: 1}, sign * bound, np.inf)
                self.costs[rank][slack] = 1.0

    def minima(self, twice: bool) -> list[float]:
        """The least cost of each rank, those before it being kept."""
        column = {name: index for index, name in enumerate(self.lower)}
        found: list[float] = []
        rows = list(self.rows)
        binary = np.array([name.startswith("choice") for name in column])
        for rank in range(5):
            cost = np.zeros(len(column))
            for name, price in self.costs[rank].items():
                cost[column[name]] = price
            entries = [
                (number, column[name], factor)
                for number, (terms, _, _) in enumerate(rows)
                for name, factor in terms.items()
            ]
            i, j, factors = zip(*entries, strict=True)
            results = [
                milp(
                    cost,
                    integrality=binary.astype(int),
                    bounds=Bounds(list(self.lower.values()), list(self.upper.values())),
                    constraints=LinearConstraint(
                        csr_array((factors, (i, j)), shape=(len(rows), len(column))),
                        [row[1] for row in rows],
                        [row[2] for row in rows],
                    ),
                    options={"mip_rel_gap": 1e-9, "presolve": presolve},
                )
                for presolve in ((True, False) if twice else (True,))
            ]
            if any(result.status != 0 for result in results):
                raise Undecided(results[0].message)
            least = [float(result.fun) for result in results]
            if max(least) - min(least) > 1e-5:
                raise Undecided(f"{least} cannot both be the optimum.")
            found.append(least[0])
            rows.append((self.costs[rank], -np.inf, least[0] + 1e-6))
        return found


def optimum(case: SiteCase, twice: bool = True) -> list[float]:
    """What is missed by rank (limits, site, first targets, other wishes), and the cost.

    twice : with presolve and without, as once in thousands of odd cases one of them is wrong
    """
    model = Model({}, {}, [], defaultdict(dict))
    slots, hours = range(case.slots), case.hours
    load = (
        np.sum(list(case.inflexible.values()), axis=0) if case.inflexible else np.zeros(len(slots))
    )
    for t in slots:
        # No more than can flow, as solvers have trouble with larger factors of binary variables.
        flow = abs(load[t]) + sum(
            float(np.broadcast_to(power, len(slots))[t])
            for device in case.devices
            for power in (device.consumption_max, device.production_max)
        )
        bought, sold = model.variable(f"m{t}", 0, flow), model.variable(f"x{t}", 0, flow)
        side = model.variable(f"choice m{t}", 0, 1)
        model.row({bought: 1, side: -flow}, -np.inf, 0)
        model.row({sold: 1, side: flow}, -np.inf, flow)
        balance = {bought: 1.0, sold: -1.0}
        for n, device in enumerate(case.devices):
            most = float(np.broadcast_to(device.consumption_max, len(slots))[t])
            least = float(np.broadcast_to(device.production_max, len(slots))[t])
            up, down = model.variable(f"c{n},{t}", 0, most), model.variable(f"g{n},{t}", 0, least)
            rising = model.variable(f"choice c{n},{t}", 0, 1)
            model.row({up: 1, rising: -most}, -np.inf, 0)
            model.row({down: 1, rising: least}, -np.inf, least)
            balance |= {up: -1.0, down: 1.0}
        model.row(balance, load[t], load[t])
        model.costs[MONEY][bought] = hours * case.consumption_price[t]
        model.costs[MONEY][sold] = -hours * case.production_price[t]
        importing = float(np.broadcast_to(case.import_max, len(slots))[t])
        exporting = float(np.broadcast_to(case.export_max, len(slots))[t])
        net = {bought: 1.0, sold: -1.0}
        model.row(net, min(-exporting, load[t]), max(importing, load[t]))
        model.miss(SITE, net, -exporting, importing)
    for k, stock in enumerate(case.stocks):
        add_stock(model, case, k)
        targets = [t for t in slots if not np.isnan(stock.targets[t])]
        for t in slots:
            level = {f"s{k},{t}": 1.0}
            model.miss(LIMITS, level, stock.minimum, stock.maximum)
            rank = FIRST if targets and t == targets[0] else OTHERS
            if t in targets:
                model.miss(rank, level, stock.targets[t], stock.targets[t])
            model.miss(OTHERS, level, stock.minima[t], stock.maxima[t])
    return model.minima(twice)


def add_stock(model: Model, case: SiteCase, k: int) -> None:
    stock, many = case.stocks[k], case.slots
    for t in range(many):
        kept = float(np.broadcast_to(stock.retention, many)[t])
        share = 1.0 if kept == 1 else 0.0 if kept == 0 else (1 - kept) / -np.log(kept)
        terms = {model.variable(f"s{k},{t}", -BIG, BIG): 1.0}
        known = case.hours * share * float(np.broadcast_to(stock.gain, many)[t])
        if t:
            terms[f"s{k},{t - 1}"] = -kept
        else:
            known += kept * stock.at_start
        for n, device in enumerate(case.devices):
            if device.stock is stock:
                into = float(np.broadcast_to(device.charging_efficiency, many)[t])
                out_of = 1 / float(np.broadcast_to(device.discharging_efficiency, many)[t])
                terms[f"c{n},{t}"] = -case.hours * share * into
                terms[f"g{n},{t}"] = case.hours * share * out_of
        model.row(terms, known, known)
