"""The flex-model of a storage device, completed by what its sensor and asset say."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import isodate

from flexmeasures.data.schemas.scheduling import hyphenated

if TYPE_CHECKING:
    from flexmeasures.data.models.time_series import Sensor

logger = logging.getLogger(__name__)

_MAY_BE_NULL = ("soc-at-start", "soc-unit", "roundtrip-efficiency", "soc-min", "soc-max")


def complete(
    flex_model: Mapping[str, Any], sensor: Sensor, start: datetime
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fill in what was not sent (or null).

    Returns the flex-model, still to be validated, and the part of it that was filled in. Raises
    ValueError if nothing says how much the device can hold.
    """
    sent = {
        key: value
        for key, value in hyphenated(flex_model).items()
        if not (value is None and key in _MAY_BE_NULL)
    }
    unit = sent.get("soc-unit", _unit(sensor))
    per_mwh = 1000 if unit == "kWh" else 1
    assumed: dict[str, Any] = {
        "soc-unit": unit,
        "soc-at-start": _known_soc(sensor, start) * per_mwh,
        "roundtrip-efficiency": sensor.get_attribute("roundtrip_efficiency", 1),
        "soc-min": sensor.get_attribute("min_soc_in_mwh", 0) * per_mwh,
    }
    if "soc-max" not in sent:
        assumed |= _highest(sensor, sent.get("soc-targets"), per_mwh)
    assumed = {key: value for key, value in assumed.items() if key not in sent}
    return assumed | sent, assumed


def _unit(sensor: Sensor) -> str | None:
    if sensor.unit in ("MWh", "kWh"):
        return sensor.unit
    return f"{sensor.unit}h" if sensor.unit in ("MW", "kW") else None


def _known_soc(sensor: Sensor, start: datetime) -> float:
    """MWh at the start, if that is remembered; else 0."""
    moment, soc = sensor.get_attribute("soc_datetime"), sensor.get_attribute("soc_in_mwh")
    if moment is None or soc is None:
        return 0.0
    try:
        remembered = isodate.parse_datetime(moment) if isinstance(moment, str) else moment
        return float(soc) if remembered == start else 0.0
    except (ValueError, TypeError):
        logger.warning("Sensor %s: attribute soc_datetime is no moment: %r.", sensor.id, moment)
        return 0.0


def _highest(sensor: Sensor, targets: Any, per_mwh: int) -> dict[str, float]:
    """A value of soc-max, unless the targets are of no use (which validation will find out)."""
    capacity = sensor.get_attribute("max_soc_in_mwh")
    if capacity is not None:
        return {"soc-max": capacity * per_mwh}
    if not targets:
        raise ValueError(
            "Need maximal permitted state of charge, please specify soc-max or some soc-targets."
        )
    found = list(_numbers(targets))
    return {"soc-max": max(found)} if found else {}


def _numbers(targets: Any) -> Iterable[float]:
    for target in targets if isinstance(targets, (list, tuple)) else ():
        try:
            yield float(target["value"])
        except (KeyError, TypeError, ValueError):
            continue
