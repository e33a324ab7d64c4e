"""Which sensors the charts of an asset show, as it is written in its attribute `sensors_to_show`.

A list. Each entry is a chart of its own:

- the id of a sensor, or a list of ids;
- `{"title": "Power", "sensor": 3}` or `{"title": "Power", "sensors": [3, 4]}`;
- `{"title": "Power", "plots": [{"sensor": 3}, {"sensors": [4, 5]}]}`.

An entry with keys may say how its y-axis goes: `"y-axis"` is `zero` (it has zero, the default),
`data`, `[min, max]` or `{"min": ..., "max": ...}`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from typing import Any

from flexmeasures.auth.acl import viewer
from flexmeasures.data.schemas.ids import missing_ids
from flexmeasures.data.schemas.utils import FMValidationError

_ENTRY_KEYS = {"title", "sensor", "sensors", "plots", "y-axis"}
_REFERENCE_KEYS = ("sensor", "sensors", "plots")
# Each entry becomes a chart of some kilobytes, each sensor a line in it.
_MOST_SENSORS = 1000
_LONGEST_TITLE = 255


def check_sensors_to_show(shown: Any) -> None:
    """Raise FMValidationError unless all is well formed, and all sensors are there to be read.

    Sensors that the current caller may not read are as unknown as those that are not there.
    """
    from flexmeasures.data.models.generic_assets import GenericAsset
    from flexmeasures.data.models.time_series import Sensor
    from flexmeasures.data.queries.access import readable

    if not isinstance(shown, list):
        raise FMValidationError("sensors_to_show should be a list.")
    for entry in shown:
        _check_entry(entry)
    if max(len(shown), sum(1 for _ in shown_ids(shown))) > _MOST_SENSORS:
        raise FMValidationError(f"sensors_to_show should have {_MOST_SENSORS} sensors at most.")
    may_read = Sensor.generic_asset.has(readable(viewer(), GenericAsset.account_id))
    for id_ in missing_ids(Sensor, shown_ids(shown), may_read):
        raise FMValidationError(f"No sensor found with id {id_}.")


def shown_ids(shown: Any) -> Iterator[int]:
    """The ids of all sensors, in their order."""
    if _is_id(shown):
        yield shown
    elif isinstance(shown, list):
        for item in shown:
            yield from shown_ids(item)
    elif isinstance(shown, dict):
        for key in _REFERENCE_KEYS:
            yield from shown_ids(shown.get(key))


def without_sensors(shown: list[Any], gone: Collection[int]) -> list[Any]:
    """The same without these sensors, and without what showed nothing else."""
    return _without(shown, gone) or []


def _without(item: Any, gone: Collection[int]) -> Any:
    """What is left; None if that is nothing."""
    if isinstance(item, list):
        left = [_without(inner, gone) for inner in item]
        return [inner for inner in left if inner is not None] or None
    if isinstance(item, dict):
        shown = {key: _without(item[key], gone) for key in _REFERENCE_KEYS if key in item}
        shown = {key: value for key, value in shown.items() if value is not None}
        others = {key: value for key, value in item.items() if key not in _REFERENCE_KEYS}
        return (others | shown) if shown else None
    return None if _is_id(item) and item in gone else item


def _is_id(value: Any) -> bool:
    return type(value) is int  # a bool is an int to isinstance


def _check_entry(entry: Any) -> None:
    if isinstance(entry, dict):
        _check_keys(entry, _ENTRY_KEYS)
        _check_title(entry.get("title"))
        if "y-axis" in entry:
            _check_y_axis(entry["y-axis"])
        _check_reference(entry, _REFERENCE_KEYS)
    elif not (_is_id(entry) or (isinstance(entry, list) and all(map(_is_id, entry)))):
        raise FMValidationError(
            "sensors_to_show should only contain sensor IDs (integers) or lists thereof."
        )


def _check_title(title: Any) -> None:
    if not isinstance(title, str | None):
        raise FMValidationError("In sensors_to_show, a title should be a text.")
    if title is not None and len(title) > _LONGEST_TITLE:
        raise FMValidationError(
            f"In sensors_to_show, a title should have {_LONGEST_TITLE} characters at most."
        )


def _check_plot(plot: Any) -> None:
    if not isinstance(plot, dict):
        raise FMValidationError(
            'In sensors_to_show, plots should be objects, such as {"sensor": 3}.'
        )
    if plot.keys() & {"asset", "flex-context", "flex-model"}:
        raise FMValidationError(
            "In sensors_to_show, plots of flex-context or flex-model fields are not supported."
        )
    _check_keys(plot, {"sensor", "sensors"})
    _check_reference(plot, ("sensor", "sensors"))


def _check_keys(item: dict[str, Any], known: set[str]) -> None:
    for key in item.keys() - known:
        raise FMValidationError(f"In sensors_to_show, the key '{key}' is not known.")


def _check_reference(item: dict[str, Any], keys: tuple[str, ...]) -> None:
    """One of these keys should say what is shown."""
    given = [key for key in keys if key in item]
    if len(given) != 1:
        names = ", ".join(f"'{key}'" for key in keys)
        raise FMValidationError(f"In sensors_to_show, entries should have one of {names}.")
    (key,) = given
    value = item[key]
    if key == "sensor" and not _is_id(value):
        raise FMValidationError("In sensors_to_show, 'sensor' should be a sensor ID (integer).")
    if key == "sensor":
        return
    if not isinstance(value, list) or not value:
        raise FMValidationError(f"In sensors_to_show, '{key}' should be a list that is not empty.")
    if key == "plots":
        for plot in value:
            _check_plot(plot)
    elif not all(map(_is_id, value)):
        raise FMValidationError("In sensors_to_show, 'sensors' should be sensor IDs (integers).")


def _check_y_axis(axis: Any) -> None:
    if axis in ("zero", "data"):
        return
    limits = axis
    if isinstance(axis, dict) and axis.keys() == {"min", "max"}:
        limits = [axis["min"], axis["max"]]
    if not (
        isinstance(limits, list)
        and len(limits) == 2
        and all(type(limit) in (int, float) and math.isfinite(limit) for limit in limits)
        and limits[0] < limits[1]
    ):
        raise FMValidationError(
            "In sensors_to_show, 'y-axis' should be 'zero', 'data', [min, max], or an object with"
            " 'min' and 'max'."
        )
