"""Short ways to write cases of planning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from flexmeasures.scheduling.site_case import DeviceCase, SiteCase, StockCase

Ticks = Mapping[int, float] | None


def at_ticks(slots: int, wishes: Ticks) -> np.ndarray:
    """One value per tick 1 to n; nan where nothing is wished."""
    values = np.full(slots, np.nan)
    for tick, value in (wishes or {}).items():
        values[tick - 1] = value
    return values


def stock_case(
    slots: int,
    at_start: float = 0.0,
    minimum: float = 0.0,
    maximum: float = np.inf,
    *,
    name: str = "stock",
    minima: Ticks = None,
    maxima: Ticks = None,
    targets: Ticks = None,
    **others: Any,
) -> StockCase:
    return StockCase(
        name,
        at_start,
        minimum,
        maximum,
        at_ticks(slots, minima),
        at_ticks(slots, maxima),
        at_ticks(slots, targets),
        **others,
    )


def site_case(
    devices: Sequence[DeviceCase],
    prices: Sequence[float] | np.ndarray,
    feed_in: Sequence[float] | np.ndarray | None = None,
    *,
    hours: float = 1.0,
    load: float | Sequence[float] | np.ndarray = 0.0,
    import_max: Any = np.inf,
    export_max: Any = np.inf,
) -> SiteCase:
    price = np.asarray(prices, float)
    return SiteCase(
        slots=len(price),
        hours=hours,
        devices=tuple(devices),
        inflexible={"load": np.broadcast_to(np.asarray(load, float), price.shape)},
        import_max=import_max,
        export_max=export_max,
        consumption_price=price,
        production_price=price if feed_in is None else np.asarray(feed_in, float),
    )
