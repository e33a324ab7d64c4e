"""Which sensors the charts of an asset show: its attribute `sensors_to_show`, as it can be shown.

What is written there was checked when it came in through the API, but not all came that way, and
sensors go. What cannot be shown is left out, with a line in the log: a chart shows the rest.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, Integer, any_, literal, select
from sqlalchemy.orm import contains_eager

from flexmeasures.auth.acl import viewer
from flexmeasures.data.config import db
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.queries.access import readable

logger = logging.getLogger(__name__)

_LARGEST_ID = 2**31 - 1
_DEFAULT_NUMBER = 2


@dataclass(frozen=True)
class Row:
    """Sensors that share a picture.

    sensors : at least one
    title : None for one made of their names
    nested : are they written as a list, even if it is one of one?
    y_axis : "zero" (has zero), "data" (as far as there are values), or both ends
    """

    sensors: tuple[Sensor, ...]
    title: str | None = None
    y_axis: str | tuple[float, float] = "zero"
    nested: bool = False


def rows_to_show(asset: GenericAsset) -> list[Row]:
    """What charts of this asset show, from top to bottom; by default its first two sensors.

    Sensors of other accounts are left out, as are those that the caller may not read. One
    statement, at most.
    """
    if not asset.has_attribute("sensors_to_show"):
        return [Row((sensor,)) for sensor in asset.sensors[:_DEFAULT_NUMBER]]
    entries = asset.get_attribute("sensors_to_show")
    if not isinstance(entries, list):
        logger.warning("%r: sensors_to_show is not a list. Nothing is shown.", asset)
        return []
    found = _find({id_ for entry in entries for id_ in _ids(entry)}, asset)
    rows = []
    for entry in entries:
        ids = _ids(entry)
        sensors = [found[id_] for id_ in ids if id_ in found]
        if len(sensors) < len(ids) or not sensors:
            logger.warning("%r: of sensors_to_show, not all of %r can be shown.", asset, entry)
        if sensors:
            rows.append(_row(entry, tuple(dict.fromkeys(sensors))))
    return rows


def sensors_to_show(asset: GenericAsset) -> list[Sensor | list[Sensor]]:
    """The same as sensors, and lists of those that share a picture."""
    return [[*row.sensors] if row.nested else row.sensors[0] for row in rows_to_show(asset)]


def flat(rows: Iterable[Row]) -> list[Sensor]:
    """All sensors in these rows, each once."""
    return [*dict.fromkeys(sensor for row in rows for sensor in row.sensors)]


def _find(ids: set[int], asset: GenericAsset) -> dict[int, Sensor]:
    if not ids:
        return {}
    owner = GenericAsset.account_id
    query = (
        select(Sensor)
        .join(Sensor.generic_asset)
        .where(
            Sensor.id == any_(literal([*ids], ARRAY(Integer))),
            (owner == asset.account_id) | owner.is_(None),
            readable(viewer(), owner),
        )
        .options(contains_eager(Sensor.generic_asset))
    )
    return {sensor.id: sensor for sensor in db.session.scalars(query)}


def _ids(entry: Any) -> list[int]:
    """The ids in an entry, in their order; what is none is skipped."""
    if isinstance(entry, dict):
        plots = entry.get("plots")
        parts = [entry, *plots] if isinstance(plots, list) else [entry]
        values = [
            value
            for part in parts
            if isinstance(part, dict)
            for value in (part.get("sensor"), *_listed(part.get("sensors")))
        ]
    else:
        values = _listed(entry) if isinstance(entry, list) else [entry]
    return [value for value in values if type(value) is int and 0 < value <= _LARGEST_ID]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _row(entry: Any, sensors: tuple[Sensor, ...]) -> Row:
    if not isinstance(entry, dict):
        return Row(sensors, nested=isinstance(entry, list))
    title = entry.get("title")
    return Row(
        sensors,
        title=title if isinstance(title, str) else None,
        y_axis=_y_axis(entry.get("y-axis")),
        nested="sensor" not in entry,
    )


def _y_axis(written: Any) -> str | tuple[float, float]:
    ends = [written.get("min"), written.get("max")] if isinstance(written, dict) else written
    if (
        isinstance(ends, list)
        and len(ends) == 2
        and all(type(end) in (int, float) and math.isfinite(end) for end in ends)
        and ends[0] < ends[1]
    ):
        return ends[0], ends[1]
    return "data" if written == "data" else "zero"
