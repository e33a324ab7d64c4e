"""Which limits and wishes a plan misses, and by how much it keeps the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from flexmeasures.scheduling.engine.optimise import TOLERANCE
from flexmeasures.scheduling.site_case import SiteCase, StockCase


@dataclass(frozen=True)
class Comparison:
    """A limit or wish next to what became of it.

    limit : soc-min, soc-max, soc-minima, soc-maxima, soc-targets (MWh), site-capacity (MW)
    stock : None for site-capacity
    tick : number of slots from the start (the end of a slot for MWh, its start for MW)
    """

    limit: str
    stock: StockCase | None
    tick: int
    wanted: float
    reached: float

    @property
    def size(self) -> float:
        """By how much it is missed or kept, as a magnitude."""
        return abs(self.wanted - self.reached)


@dataclass(frozen=True)
class Miss(Comparison):
    """A limit or wish that was not met."""


@dataclass(frozen=True)
class Margin(Comparison):
    """A wish (of soc-minima, soc-maxima) that was met, with so much to spare."""


def misses(
    case: SiteCase, levels: Mapping[StockCase, np.ndarray], site: np.ndarray
) -> Iterator[Miss]:
    """What differs from what was wanted; soc-min and soc-max at the start, too.

    levels : MWh at ticks 0 to n
    site : MW per slot
    """
    for stock, level in levels.items():
        for limit, wanted, no_less, no_more in (
            ("soc-min", stock.minimum, True, False),
            ("soc-max", stock.maximum, False, True),
            ("soc-minima", _from_start(stock.minima), True, False),
            ("soc-maxima", _from_start(stock.maxima), False, True),
            ("soc-targets", _from_start(stock.targets), True, True),
        ):
            for tick, goal in _missed(level, wanted, no_less, no_more):
                yield Miss(limit, stock, tick, goal, float(level[tick]))
    for bound, no_less in ((-case.array(case.export_max), True), (case.import_max, False)):
        for slot, goal in _missed(site, bound, no_less, not no_less):
            yield Miss("site-capacity", None, slot, goal, float(site[slot]))


def margins(case: SiteCase, levels: Mapping[StockCase, np.ndarray]) -> Iterator[Margin]:
    """Each minimum and maximum of a stock that misses none of that kind."""
    for stock, level in levels.items():
        for limit, wishes, is_minimum in (
            ("soc-minima", stock.minima, True),
            ("soc-maxima", stock.maxima, False),
        ):
            wanted = _from_start(wishes)
            if np.isnan(wanted).all() or any(_missed(level, wanted, is_minimum, not is_minimum)):
                continue
            for tick in np.flatnonzero(np.isfinite(wanted)).tolist():
                yield Margin(limit, stock, tick, float(wanted[tick]), float(level[tick]))


def _from_start(wishes: np.ndarray) -> np.ndarray:
    """At the start, nothing can be wished for."""
    return np.append(np.nan, wishes)


def _missed(
    reached: np.ndarray, wanted: float | np.ndarray, no_less: bool, no_more: bool
) -> Iterator[tuple[int, float]]:
    """Where something is missed by more than the tolerance, and what was wanted there."""
    goal = np.broadcast_to(np.asarray(wanted, float), reached.shape)
    excess = reached - goal
    tolerance = TOLERANCE * np.maximum(1, np.abs(reached))
    missed = ((excess < -tolerance) & no_less) | ((excess > tolerance) & no_more)
    for index in np.flatnonzero(missed).tolist():
        yield index, float(goal[index])
