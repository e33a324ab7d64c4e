"""When a load of constant power should run: arrays in, arrays out."""

from __future__ import annotations

import numpy as np


class NoRoom(ValueError):
    """There are too few slots in which the process may run."""


def inflexible(count: int, allowed: np.ndarray) -> np.ndarray:
    """Run for `count` slots in a row, as early as it is allowed.

    count : at least 1
    allowed : whether it may run, per slot

    Returns whether it runs, per slot. Raises NoRoom.
    """
    return shiftable(count, allowed, np.zeros(len(allowed)))


def shiftable(count: int, allowed: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Run for `count` slots in a row, where that costs least; the earliest of equal choices.

    cost : of running, per slot, whatever the unit

    See `inflexible` for the rest.
    """
    if count >= len(allowed):
        return _throughout(allowed)
    blocks = np.lib.stride_tricks.sliding_window_view
    free = np.flatnonzero(blocks(allowed, count).all(axis=1))
    if not free.size:
        raise NoRoom(f"There are no {count} allowed slots in a row.")
    sums = blocks(cost, count)[free].sum(axis=1)
    first = free[_first_of_the_least(sums)]
    return _running(np.arange(first, first + count), len(allowed))


def breakable(count: int, allowed: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Run in `count` slots, those that cost least; earlier ones among equal slots.

    See `shiftable` for the rest.
    """
    if count >= len(allowed):
        return _throughout(allowed)
    free = np.flatnonzero(allowed)
    if free.size < count:
        raise NoRoom(f"Only {free.size} slots are allowed, but {count} are needed.")
    return _running(free[np.argsort(cost[free], kind="stable")[:count]], len(allowed))


def process_power(
    process_type: str,
    power: float,
    count: int,
    prices: np.ndarray,
    restricted: np.ndarray,
    *,
    maximise: bool = False,
) -> np.ndarray:
    """Power per slot of a load.

    process_type : INFLEXIBLE (prices do not matter), SHIFTABLE or BREAKABLE
    power : while it runs, in any unit
    count : number of slots that it takes; if there are no more than that, it runs throughout
    prices : of energy per slot, in any unit
    restricted : slots in which it must not run
    maximise : look for the highest cost in place of the lowest

    Raises NoRoom, if restrictions leave too few slots; ValueError for an unknown type, or a load
    that never runs.
    """
    if count < 1:
        raise ValueError("A process must take some time.")
    allowed = ~np.asarray(restricted, dtype=bool)
    # What is produced is sold: for a negative power, high prices are cheap.
    cost = np.asarray(prices, float) * np.sign(power) * (-1.0 if maximise else 1.0)
    if process_type == "INFLEXIBLE":
        runs = inflexible(count, allowed)
    elif process_type == "SHIFTABLE":
        runs = shiftable(count, allowed, cost)
    elif process_type == "BREAKABLE":
        runs = breakable(count, allowed, cost)
    else:
        raise ValueError(f"Unknown type of process: {process_type}.")
    return np.where(runs, power, 0.0)


def _first_of_the_least(sums: np.ndarray) -> int:
    """Sums of the same numbers in another order differ in their last digits."""
    least = sums.min()
    return int(np.argmax(sums <= least + 1e-9 * max(1.0, float(np.abs(sums).max()))))


def _throughout(allowed: np.ndarray) -> np.ndarray:
    if not allowed.all():
        raise NoRoom("The process takes all slots, but must not run in some of them.")
    return np.ones(len(allowed), dtype=bool)


def _running(slots: np.ndarray, count: int) -> np.ndarray:
    runs = np.zeros(count, dtype=bool)
    runs[slots] = True
    return runs
