"""From what is meant to what a solver understands: Problem -> Program.

Letters in the equations: slot j of h hours, device d, stock s, commitment c, window w.

    power     p[d,j] = up[d,j] + down[d,j],   up >= 0 >= down                      MW
    balance   level[s,j] - retention level[s,j-1]
                - beta h sum_d (up_efficiency up + down / down_efficiency) = beta h gain     MWh
    group     power_min[g,j] <= sum_d p[d,j] <= power_max[g,j]                     MW
    cost      price (sum_d p - quantity) + hinge over[c,j],   over >= sum_d p - quantity     money
    peak      price over[w],                                  over >= sum_d p - quantity     money

The balance goes from slot to slot, which keeps the matrix sparse. Limits on a single variable are
its bounds. Devices whose power is fixed are constants. A commitment whose up and down price are
equal costs no variable at all; otherwise the smaller price applies to the whole deviation, and the
difference (the hinge) to the part on the other side.

Directions exclude each other (up or down, never both). That is left out at first, as it hardly
ever makes a difference; `exclusive` says for which devices and slots binary variables ensure it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from flexmeasures.scheduling.engine.problem import Commitment, Device, Group, Problem, Stock
from flexmeasures.scheduling.engine.program import Builder, Program, Term

Exclusive = Mapping[Device, np.ndarray]
"""Per device, in which slots a binary variable decides on the direction."""


@dataclass(frozen=True)
class Flow:
    """The power of a device: `fixed`, plus variables per slot (-1 where there is none)."""

    fixed: np.ndarray
    up: np.ndarray
    down: np.ndarray
    rising: np.ndarray
    """Binary variables: 1 where the device goes up."""

    @property
    def terms(self) -> list[Term]:
        return [(1.0, index) for index in (self.up, self.down) if (index >= 0).any()]

    def parts(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Upward and downward power in a solution (MW, without the fixed part)."""
        # Index -1 picks the zero that is appended here.
        padded = np.append(values, 0.0)
        return padded[self.up], padded[self.down]


@dataclass(frozen=True)
class Formulation:
    """A program, and how its variables are to be read."""

    program: Program
    flows: dict[Device, Flow]

    def power(self, values: np.ndarray) -> dict[Device, np.ndarray]:
        """Net power per device and slot (MW)."""
        power = {}
        for device, flow in self.flows.items():
            up, down = flow.parts(values)
            power[device] = flow.fixed + up + down
        return power

    def conflicts(self, values: np.ndarray, tolerance: float) -> dict[Device, np.ndarray]:
        """In which slots devices move in both directions at once."""
        found = {}
        for device, flow in self.flows.items():
            up, down = flow.parts(values)
            both = np.minimum(up, -down) > tolerance
            if both.any():
                found[device] = both
        return found


def formulate(
    problem: Problem,
    *,
    rank: int = 0,
    caps: Mapping[int, float] | None = None,
    exclusive: Exclusive | None = None,
) -> Formulation:
    """State a problem as a program that minimises the cost of the commitments of one rank.

    caps : upper bounds on the cost of commitments of other ranks
    exclusive : where binary variables are needed to keep directions apart
    """
    build = Builder()
    limits = _limits(problem)
    flows = {
        device: _flow(build, device, lower, upper, (exclusive or {}).get(device))
        for device, (lower, upper) in limits.items()
    }
    levels = {stock: _balance(build, problem, stock, flows) for stock in problem.stocks}
    for group in problem.groups:
        _group(build, problem, group, flows)
    for commitment in problem.commitments:
        position = _position(problem, commitment, flows, levels, limits)
        if commitment.windows is None:
            _price_slots(build, problem, commitment, position)
        else:
            _price_windows(build, problem, commitment, position)
    for other, bound in (caps or {}).items():
        build.cap(f"wishes of rank {other}", other, bound)
    return Formulation(build.program(rank), flows)


def _limits(problem: Problem) -> dict[Device, tuple[np.ndarray, np.ndarray]]:
    """Power limits per device; a group with one device of flexible power limits that device."""
    limits = {d: (problem.array(d.power_min), problem.array(d.power_max)) for d in problem.devices}
    free = {device for device, (lower, upper) in limits.items() if (lower != upper).any()}
    for group in problem.groups:
        flexible = [device for device in group.devices if device in free]
        if len(flexible) == 1:
            lower, upper = limits[flexible[0]]
            others = sum(limits[device][0] for device in group.devices if device not in free)
            limits[flexible[0]] = (
                np.maximum(lower, problem.array(group.power_min) - others),
                np.minimum(upper, problem.array(group.power_max) - others),
            )
    return limits


def _flow(
    build: Builder,
    device: Device,
    lower: np.ndarray,
    upper: np.ndarray,
    exclusive: np.ndarray | None,
) -> Flow:
    """power_min <= up + down <= power_max, of which one direction is 0."""
    none = np.full(len(lower), -1)
    if (lower == upper).all():
        return Flow(fixed=lower, up=none, down=none, rising=none)
    up, down, rising = none.copy(), none.copy(), none.copy()
    # "or": limits that exclude each other still need a variable, so that the contradiction is seen.
    rises = (upper > 0) | (lower > 0)
    falls = (lower < 0) | (upper < 0)
    up[rises] = build.variables(
        f"{device.name} up", np.maximum(lower, 0)[rises], np.maximum(upper, 0)[rises]
    )
    down[falls] = build.variables(
        f"{device.name} down", np.minimum(lower, 0)[falls], np.minimum(upper, 0)[falls]
    )
    if exclusive is not None:
        slots = np.flatnonzero(exclusive & (up >= 0) & (down >= 0))
        least, most = lower[slots], upper[slots]
        choice = build.variables(f"{device.name} direction", np.zeros(len(slots)), 1, binary=True)
        # up <= power_max rising,  down >= power_min (1 - rising)
        build.rows(f"{device.name} up only", [(1, up[slots]), (-most, choice)], -np.inf, 0)
        build.rows(f"{device.name} down only", [(1, down[slots]), (least, choice)], least, np.inf)
        rising[slots] = choice
    return Flow(fixed=np.zeros(len(lower)), up=up, down=down, rising=rising)


def beta(retention: np.ndarray) -> np.ndarray:
    """Share of a constant inflow that is left at the end of the slot in which it flowed in."""
    beta = np.ones(len(retention))
    leaky = retention < 1
    with np.errstate(divide="ignore"):
        beta[leaky] = (retention[leaky] - 1) / np.log(retention[leaky])
    return beta


def _balance(
    build: Builder, problem: Problem, stock: Stock, flows: Mapping[Device, Flow]
) -> np.ndarray:
    """level[j] - retention level[j-1] - beta h (inflows) = beta h gain; the index of each level."""
    level = build.variables(
        f"{stock.name} level", problem.array(stock.minimum), problem.array(stock.maximum)
    )
    retention = problem.array(stock.retention)
    scale = beta(retention) * problem.hours
    known = scale * problem.array(stock.gain)
    known[0] += retention[0] * stock.initial
    terms: list[Term] = [(1.0, level), (-retention, np.append(-1, level[:-1]))]
    users = [device for device in problem.devices if device.stock is stock]
    for device in users:
        flow = flows[device]
        into, out_of = (
            problem.array(device.up_efficiency),
            1 / problem.array(device.down_efficiency),
        )
        known += scale * (into * np.maximum(flow.fixed, 0) + out_of * np.minimum(flow.fixed, 0))
        terms += [(-scale * into, flow.up), (-scale * out_of, flow.down)]
    build.rows(f"{stock.name} balance", terms, known, known)
    if len(users) == 1:
        _tighten(build, problem, users[0], stock, flows[users[0]], level)
    return level


def _tighten(
    build: Builder, problem: Problem, device: Device, stock: Stock, flow: Flow, level: np.ndarray
) -> None:
    """Where a binary variable decides on the direction, each direction keeps the limits by itself.

    rising = 1:  retention level[j-1] + beta h (up_efficiency up + gain) <= maximum[j]
    rising = 0:  retention level[j-1] + beta h (down / down_efficiency + gain) >= minimum[j]

    Every plan does so anyway. But relaxed (to what the limits of slot j-1 allow, for the other
    value of `rising`), these rows make the search for integers many times shorter.
    """
    slots = np.flatnonzero(flow.rising >= 0)
    if not slots.size:
        return
    rising, previous = flow.rising[slots], np.append(-1, level[:-1])[slots]
    retention = problem.array(stock.retention)[slots]
    scale = beta(retention) * problem.hours
    gain = scale * problem.array(stock.gain)[slots]
    initial = retention * np.where(slots == 0, stock.initial, 0)

    def rows(
        name: str, limits: np.ndarray, efficiency: np.ndarray, power: np.ndarray, above: bool
    ) -> None:
        limit, before = limits[slots], np.append(stock.initial, limits[:-1])[slots]
        some = np.flatnonzero(np.isfinite(limit) & np.isfinite(before))
        reached = retention * before + gain  # by the limit of the previous slot, without any power
        factor, bound = (reached - limit, reached) if above else (limit - reached, limit)
        bound = (bound - gain - initial)[some]
        terms: list[Term] = [
            (retention[some], previous[some]),
            ((scale * efficiency[slots])[some], power[slots][some]),
            (factor[some], rising[some]),
        ]
        build.rows(name, terms, *((-np.inf, bound) if above else (bound, np.inf)))

    highest, lowest = problem.array(stock.maximum), problem.array(stock.minimum)
    into, out_of = problem.array(device.up_efficiency), 1 / problem.array(device.down_efficiency)
    rows(f"{stock.name} when rising", highest, into, flow.up, above=True)
    rows(f"{stock.name} when falling", lowest, out_of, flow.down, above=False)


def _group(build: Builder, problem: Problem, group: Group, flows: Mapping[Device, Flow]) -> None:
    """power_min <= sum of power <= power_max, unless it became a limit of a single device."""
    terms = [term for device in group.devices for term in flows[device].terms]
    flexible = sum(bool(flows[device].terms) for device in group.devices)
    if flexible == 1:
        return
    fixed = sum((flows[device].fixed for device in group.devices), np.zeros(problem.slots))
    lower = problem.array(group.power_min) - fixed
    upper = problem.array(group.power_max) - fixed
    limited = np.flatnonzero(np.isfinite(lower) | np.isfinite(upper))
    if not terms:
        terms = [(1.0, np.full(problem.slots, -1))]
    if limited.size:
        chosen = [(factor, index[limited]) for factor, index in terms]
        build.rows(group.name, chosen, lower[limited], upper[limited])


@dataclass(frozen=True)
class _Position:
    """What a commitment is about: terms + constant, between two limits, per slot."""

    terms: list[Term]
    constant: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def at(self, slots: np.ndarray) -> _Position:
        terms: list[Term] = [(factor, index[slots]) for factor, index in self.terms]
        return replace(
            self,
            terms=terms,
            constant=self.constant[slots],
            lower=self.lower[slots],
            upper=self.upper[slots],
        )


def _position(
    problem: Problem,
    commitment: Commitment,
    flows: Mapping[Device, Flow],
    levels: Mapping[Stock, np.ndarray],
    limits: Mapping[Device, tuple[np.ndarray, np.ndarray]],
) -> _Position:
    """Deviation of a commitment from its quantity."""
    quantity = problem.array(commitment.quantity)
    if isinstance(commitment.of, Stock):
        stock = commitment.of
        lower, upper = problem.array(stock.minimum), problem.array(stock.maximum)
        return _Position([(1.0, levels[stock])], -quantity, lower - quantity, upper - quantity)
    zero = np.zeros(problem.slots)
    return _Position(
        terms=[term for device in commitment.of for term in flows[device].terms],
        constant=sum((flows[device].fixed for device in commitment.of), zero) - quantity,
        lower=sum((limits[device][0] for device in commitment.of), zero) - quantity,
        upper=sum((limits[device][1] for device in commitment.of), zero) - quantity,
    )


def _price_slots(
    build: Builder, problem: Problem, commitment: Commitment, position: _Position
) -> None:
    """down_price deviation + (up_price - down_price) max(deviation, 0), or the other way round.

    Of both ways, the one with the smaller price on the whole deviation is better conditioned.
    """
    slots = np.flatnonzero(~np.isnan(position.constant))
    deviation = position.at(slots)
    up_price = problem.array(commitment.up_price)[slots]
    down_price = problem.array(commitment.down_price)[slots]
    above = np.abs(down_price).sum() <= np.abs(up_price).sum()
    base, sign = (down_price, 1.0) if above else (up_price, -1.0)
    for factor, index in deviation.terms:
        build.add_cost(index, factor * base, commitment.rank)
    build.add_offset(float(base @ deviation.constant), commitment.rank)

    hinge = up_price - down_price
    for chosen, rewarding in ((hinge > 0, False), (hinge < 0, True)):
        if chosen.any():
            part = deviation.at(np.flatnonzero(chosen))
            over = _beyond(build, commitment, part, sign, rewarding)
            build.add_cost(over, hinge[chosen], commitment.rank)


def _price_windows(
    build: Builder, problem: Problem, commitment: Commitment, position: _Position
) -> None:
    """price over[w], with over[w] >= the deviation in each slot of window w."""
    slots = np.flatnonzero(~np.isnan(position.constant))
    if not slots.size:
        return
    deviation = position.at(slots)
    _, first, window = np.unique(
        np.asarray(commitment.windows)[slots], return_index=True, return_inverse=True
    )
    for sign, prices in ((1.0, commitment.up_price), (-1.0, commitment.down_price)):
        price = sign * problem.array(prices)[slots][first]
        if price.any():
            over = build.variables(_side(commitment, sign), np.zeros(len(first)), np.inf)
            build.add_cost(over, price, commitment.rank)
            _hinge_rows(build, commitment, deviation, sign, over[window])


def _beyond(
    build: Builder, commitment: Commitment, deviation: _Position, sign: float, rewarding: bool
) -> np.ndarray:
    """Variables over = max(sign * deviation, 0), provided that they cost something.

    Where they earn something instead (`rewarding`), binary variables keep them from growing.
    """
    highest = np.maximum(sign * (deviation.upper if sign > 0 else deviation.lower), 0)
    lowest = np.minimum(sign * (deviation.lower if sign > 0 else deviation.upper), 0)
    if not rewarding:
        over = build.variables(_side(commitment, sign), np.zeros(len(highest)), np.inf)
        _hinge_rows(build, commitment, deviation, sign, over)
        return over
    if not (np.isfinite(highest).all() and np.isfinite(lowest).all()):
        raise ValueError(f"{commitment.name}: needs limits on the level of {commitment.of}.")
    over = build.variables(_side(commitment, sign), np.zeros(len(highest)), highest)
    beyond = build.variables(f"{commitment.name} side", np.zeros(len(highest)), 1, binary=True)
    # over <= sign * deviation - lowest (1 - beyond),  over <= highest * beyond
    terms: list[Term] = [(-sign * np.asarray(f), index) for f, index in deviation.terms]
    bound = sign * deviation.constant - lowest
    build.rows(f"{commitment.name} side", [*terms, (1.0, over), (-lowest, beyond)], -np.inf, bound)
    build.rows(f"{commitment.name} side", [(1.0, over), (-highest, beyond)], -np.inf, 0)
    return over


def _hinge_rows(
    build: Builder, commitment: Commitment, deviation: _Position, sign: float, over: np.ndarray
) -> None:
    """sign * deviation <= over"""
    terms: list[Term] = [(sign * np.asarray(f), index) for f, index in deviation.terms]
    build.rows(_side(commitment, sign), [*terms, (-1.0, over)], -np.inf, -sign * deviation.constant)


def _side(commitment: Commitment, sign: float) -> str:
    return f"{commitment.name} {'above' if sign > 0 else 'below'}"
