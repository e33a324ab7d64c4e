"""Builders of commitments: tariffs and soft limits in the words of energy."""

from __future__ import annotations

import numpy as np

from flexmeasures.scheduling.engine.problem import Commitment, Device, Stock, Values


def energy(
    name: str,
    devices: tuple[Device, ...],
    consumption_price: np.ndarray,
    production_price: np.ndarray,
    hours: float,
) -> Commitment:
    """Energy bought and sold behind one connection, at prices in money per MWh."""
    return Commitment(
        name, devices, up_price=consumption_price * hours, down_price=production_price * hours
    )


def stretches(*series: Values) -> np.ndarray:
    """Number the runs of slots in which none of the series changes.

    >>> stretches(np.array([1, 1, 2, 2]), np.array([5, 5, 5, 6]))
    array([0, 0, 1, 2])
    """
    arrays = np.broadcast_arrays(*series)
    changed = np.zeros(len(arrays[0]), dtype=bool)
    for values in arrays:
        changed[1:] |= values[1:] != values[:-1]
    return np.cumsum(changed)


def peak(
    name: str, devices: tuple[Device, ...], price: np.ndarray, sunk: Values = 0.0
) -> Commitment:
    """The highest consumption of each stretch of equal prices (money per MW) beyond a sunk peak."""
    return Commitment(name, devices, quantity=sunk, up_price=price, windows=stretches(price, sunk))


def soft_limit(
    name: str,
    of: tuple[Device, ...] | Stock,
    price: np.ndarray,
    hours: float,
    *,
    minimum: np.ndarray | None = None,
    maximum: np.ndarray | None = None,
) -> tuple[Commitment, ...]:
    """A limit that may be exceeded at a price.

    The price is charged twice: per unit of the worst excess in each stretch of equal limits and
    prices, and per unit and hour of all excess. Limits are nan where there is none.
    """
    commitments = []
    for limit, up, down in ((maximum, price, 0.0 * price), (minimum, 0.0 * price, -price)):
        if limit is not None:
            windows = stretches(np.nan_to_num(limit, nan=np.inf), price)
            commitments += [
                Commitment(name, of, limit, up, down, windows),
                Commitment(name, of, limit, up * hours, down * hours),
            ]
    return tuple(commitments)
