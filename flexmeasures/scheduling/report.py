"""What there is to tell about a plan, in values that JSON can have."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timezone
from typing import Any

from flexmeasures.scheduling.engine.solvers import Status
from flexmeasures.scheduling.site import Planned, Site
from flexmeasures.scheduling.wishes import Comparison, Miss

logger = logging.getLogger(__name__)

_WISHES = ("soc-minima", "soc-maxima", "soc-targets")


def describe(site: Site, planned: Planned, solver: str) -> dict[str, Any]:
    """A report; it is logged, too."""
    _log(site, planned)
    return {
        "status": planned.status.value,
        "solver": solver,
        "gap": planned.gap,
        "seconds": round(planned.seconds, 3),
        "currency": site.currency,
        "cost": planned.cost,
        "cost-with-slope": planned.cost_with_slope,
        "cost-without-flexibility": planned.cost_without_flexibility,
        "misses": [_described(site, miss) for miss in planned.misses],
        "unresolved": _by_owner(site, planned.misses, "violation"),
        "resolved": _by_owner(site, planned.margins, "margin"),
        **site.known,
    }


def _described(site: Site, miss: Miss) -> dict[str, Any]:
    who = {}
    if miss.stock is not None and site.devices[0].position is not None:
        who = site.devices_of(miss.stock)[0].owner
    return who | {
        "limit": miss.limit,
        "datetime": site.grid.moment(miss.tick).isoformat(),
        "wanted": miss.wanted,
        "reached": miss.reached,
        "size": miss.size,
        "unit": _unit(miss),
    }


def _by_owner(site: Site, found: Iterable[Comparison], word: str) -> list[dict[str, Any]]:
    """For each owner, the limits with their moments and sizes (kWh or kW)."""
    owners: dict[int, dict[str, Any]] = {}
    for item in found:
        if item.stock is None:
            owner, key = {"asset": site.asset.id}, "site-power-capacity"
        else:
            owner, key = site.devices_of(item.stock)[0].owner, item.limit
        entry = owners.setdefault(id(item.stock), dict(owner))
        moment = site.grid.moment(item.tick).astimezone(timezone.utc)
        size = f"{round(item.size * 1000, 3)} k{_unit(item)[1:]}"
        entry.setdefault(key, []).append({"datetime": moment.isoformat(), word: size})
    return list(owners.values())


def _unit(item: Comparison) -> str:
    return "MW" if item.stock is None else "MWh"


def _log(site: Site, planned: Planned) -> None:
    name = " and ".join(device.name for device in site.devices[:3]).capitalize()
    if len(site.devices) > 3:
        name = f"Asset {site.asset.id}"
    if planned.status is not Status.OPTIMAL:
        logger.warning("%s: the best schedule found in time is used.", name)
    for limit in dict.fromkeys(miss.limit for miss in planned.misses):
        of_limit = [miss for miss in planned.misses if miss.limit == limit]
        worst = max(of_limit, key=lambda miss: miss.size)
        logger.warning(
            "%s: %s cannot be met at %s moment(s). The plan comes as close as it can; furthest off"
            " at %s: %.6g instead of %.6g %s.",
            name,
            limit,
            len(of_limit),
            site.grid.moment(worst.tick).isoformat(),
            worst.reached,
            worst.wanted,
            _unit(worst),
        )
    logger.info(
        "%s: schedule from %s to %s costs %.6f %s.",
        name,
        site.grid.start,
        site.grid.end,
        planned.cost,
        site.currency,
    )
