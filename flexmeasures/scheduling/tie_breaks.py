"""Which plan to choose among those that cost the same: small slopes on prices.

A slope is so small that it hardly ever outweighs what energy really costs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flexmeasures.scheduling.engine.problem import Commitment, Device
from flexmeasures.scheduling.site_case import DeviceCase, SiteCase

SHARE = 1e-4
"""Of the price spread, for the preferences of single devices."""

_LEAST_SHARE = 1e-5
"""A slope below this share of the price spread would escape solvers."""


def with_slope(prices: np.ndarray) -> np.ndarray:
    """Make the future dearer by a thousandth of the price spread at most, to break ties.

    Less, where two prices differ by less: the slope should not outweigh what is a true difference.

    >>> with_slope(np.array([10.0, 20.0])).tolist()
    [10.0, 20.01]
    """
    if len(prices) < 2:
        return prices
    spread = float(np.ptp(prices))
    penalty = 0.001
    if spread > 0:
        steps = np.diff(np.unique(prices))
        penalty = spread * min(0.001, max(float(steps.min()) / spread / 2, _LEAST_SHARE))
    return prices + np.linspace(0, penalty, len(prices))


def prices_to_plan_with(case: SiteCase) -> tuple[np.ndarray, np.ndarray]:
    """Consumption and production prices; they slope if all that is planned is one storage device.

    With more devices, a slope for one of them would be to the disadvantage of another.
    """
    if _is_alone(case) and case.devices[0].prefer_charging_sooner:
        return with_slope(case.consumption_price), with_slope(case.production_price)
    return case.consumption_price, case.production_price


def preferences(case: SiteCase, engine: dict[DeviceCase, Device]) -> Iterator[Commitment]:
    """What single devices prefer, as tiny costs of their own power.

    Storage consumes sooner and produces later. What has no stock is used rather than curtailed,
    and is curtailed later.
    """
    if _is_alone(case) or case.slots < 2:
        return
    prices = np.stack([case.consumption_price, case.production_price])
    largest = SHARE * (float(np.ptp(prices, axis=1).max()) or 1.0) * case.hours
    slope = np.linspace(0, largest, case.slots)
    for device in case.devices:
        of = (engine[device],)
        name = f"preference of {device.name}"
        if device.stock is not None:
            if device.prefer_charging_sooner:
                yield Commitment(name, of, 0.0, slope, slope)
        elif device.prefer_curtailing_later and np.any(device.production_max):
            reward = 2 * largest - slope
            yield Commitment(name, of, 0.0, reward, reward)


def _is_alone(case: SiteCase) -> bool:
    return len(case.devices) == 1 and case.devices[0].stock is not None
