"""The flex-model of a device, completed by what its sensor and asset say."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import isodate

from flexmeasures.data.schemas.scheduling import hyphenated

logger = logging.getLogger(__name__)

Attributes = Callable[..., Any]
"""Looks an attribute up by its name; the second argument is the default."""

_MAY_BE_NULL = ("soc-at-start", "soc-unit", "roundtrip-efficiency", "soc-min", "soc-max")

OLDER_KEYS = {
    *_MAY_BE_NULL,
    "soc-targets",
    "prefer-charging-sooner",
    "soc-value-at-end",
}
"""A flex-model with no other keys is about a storage device that must say how much it holds."""

STOCK_KEYS = {
    "soc-at-start",
    "soc-min",
    "soc-max",
    "soc-minima",
    "soc-maxima",
    "soc-targets",
    "soc-gain",
    "soc-usage",
    "soc-value-at-end",
    "storage-efficiency",
}


def spelled(flex_model: Mapping[Any, Any]) -> dict[str, Any]:
    """Documented keys; those with null that count as missing are left out."""
    return {
        key: value
        for key, value in hyphenated(flex_model).items()
        if not (value is None and key in _MAY_BE_NULL)
    }


def complete(
    sent: Mapping[str, Any], attribute: Attributes, unit: str | None, start: datetime
) -> dict[str, Any]:
    """What to fill in where a flex-model of older keys leaves it out.

    sent : as by `spelled`
    unit : of the sensor

    Raises ValueError if nothing says how much the device can hold.
    """
    assumed = _basics(sent, attribute, unit, start)
    per_mwh = 1000 if _unit(sent, unit) == "kWh" else 1
    if "soc-max" not in sent:
        highest = _highest(attribute, sent.get("soc-targets"), per_mwh)
        if highest is None:
            raise ValueError(
                "Need maximal permitted state of charge, please specify soc-max or some"
                " soc-targets."
            )
        assumed |= highest
    return {key: value for key, value in assumed.items() if key not in sent}


def complete_newer(
    sent: Mapping[str, Any], attribute: Attributes, unit: str | None, start: datetime
) -> dict[str, Any]:
    """What to fill in where any other flex-model leaves it out.

    A device has a stock if any field or attribute tells about one. Then it is empty at the start,
    unless something says how full it is; it may be as empty as can be, and of any size.
    """
    has_attributes = any(
        attribute(name) is not None for name in ("soc_in_mwh", "min_soc_in_mwh", "max_soc_in_mwh")
    )
    if not (has_attributes or STOCK_KEYS & sent.keys() or "state-of-charge" in sent):
        return {}
    assumed = _basics(sent, attribute, unit, start)
    per_mwh = 1000 if _unit(sent, unit) == "kWh" else 1
    if "state-of-charge" in sent:
        del assumed["soc-at-start"]
    if "charging-efficiency" in sent or "discharging-efficiency" in sent:
        del assumed["roundtrip-efficiency"]
    if "soc-max" not in sent:
        assumed |= _highest(attribute, sent.get("soc-targets"), per_mwh) or {}
    return {key: value for key, value in assumed.items() if key not in sent}


def remembered_level(attribute: Attributes, start: datetime) -> float:
    """MWh at the start, if that is remembered; else 0."""
    moment, soc = attribute("soc_datetime"), attribute("soc_in_mwh")
    if moment is None or soc is None:
        return 0.0
    try:
        remembered = isodate.parse_datetime(moment) if isinstance(moment, str) else moment
        return float(soc) if remembered == start else 0.0
    except (ValueError, TypeError, ArithmeticError):
        logger.warning("Attribute soc_datetime is no moment: %r.", moment)
        return 0.0


def _basics(
    sent: Mapping[str, Any], attribute: Attributes, unit: str | None, start: datetime
) -> dict[str, Any]:
    soc_unit = _unit(sent, unit)
    per_mwh = 1000 if soc_unit == "kWh" else 1
    return {
        "soc-unit": soc_unit,
        "soc-at-start": remembered_level(attribute, start) * per_mwh,
        "roundtrip-efficiency": attribute("roundtrip_efficiency", 1),
        "soc-min": _number(attribute, "min_soc_in_mwh", 0) * per_mwh,
    }


def _unit(sent: Mapping[str, Any], unit: str | None) -> Any:
    if "soc-unit" in sent:
        return sent["soc-unit"]
    if unit in ("MWh", "kWh"):
        return unit
    return f"{unit}h" if unit in ("MW", "kW") else None


def _number(attribute: Attributes, name: str, default: float | None = None) -> Any:
    value = attribute(name, default)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"Attribute {name} should be a number (of MWh), but is {value!r}.")
    return value


def _highest(attribute: Attributes, targets: Any, per_mwh: int) -> dict[str, Any] | None:
    """A value of soc-max; nothing if the targets are of no use (as validation will find out)."""
    capacity = _number(attribute, "max_soc_in_mwh")
    if capacity is not None:
        return {"soc-max": capacity * per_mwh}
    if not targets:
        return None
    if isinstance(targets, (int, float, str)):
        return {"soc-max": targets}
    found = list(_numbers(targets))
    if not found:
        return {}
    return {"soc-max": max(found, key=lambda number: number[0])[1]}


def _numbers(targets: Any) -> Iterable[tuple[float, Any]]:
    """Values of targets as numbers (of whatever unit they share), and as they were sent."""
    from flexmeasures.utils.arithmetic import evaluate

    for target in targets if isinstance(targets, (list, tuple)) else ():
        value = target.get("value") if isinstance(target, Mapping) else None
        try:
            if isinstance(value, str):
                yield float(evaluate(value).to_root_units().magnitude), value
            elif isinstance(value, (int, float)) and not isinstance(value, bool):
                yield float(value), value
        except (ValueError, OverflowError):
            continue
