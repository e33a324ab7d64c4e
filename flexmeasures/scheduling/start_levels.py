"""How full stocks are at the start, where a sensor or a time series tells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from flexmeasures.data.beliefs.rows import microseconds
from flexmeasures.data.beliefs.search import latest_events, search
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.scheduling.devices import DeviceModel
from flexmeasures.scheduling.storage_flex_model import remembered_level
from flexmeasures.utils.time_utils import as_utc, shift
from flexmeasures.utils.unit_utils import megawatt_hours_in

_STEPS = 4


def find_start_levels(
    devices: Sequence[DeviceModel],
    start: datetime,
    resolution: timedelta,
    beliefs_before: datetime | None,
) -> list[str]:
    """Give each stock without a level that nearest to the start; of two, the later one.

    It must lie within four slots of the start. Else what the asset remembers counts, or 0.
    One statement for all sensors, and one more if some have no such value.

    Returns what was found, in words. Raises ValidationError if all that is known is older.
    """
    waiting = [
        device
        for device in devices
        if "state_of_charge" in device.model
        and device.keeper is None
        and "soc_at_start" not in device.model
    ]
    if not waiting:
        return []
    within = _STEPS * resolution
    sensors = [device.soc_sensor for device in waiting if device.soc_sensor is not None]
    window = (as_utc(shift(start, -within)), as_utc(shift(start, within)))
    known = latest_events(sensors, *window, beliefs_before=beliefs_before) if sensors else {}
    notes = []
    for device in waiting:
        sensor = device.soc_sensor
        if sensor is not None:
            found = _nearest(*known[sensor.id], start, within)
            level = None if found is None else found * _mwh(sensor, device)
        else:
            level = _of_moments(device.model["state_of_charge"], start, within)
        if level is None:
            _refuse_older(device, start, beliefs_before)
            level = remembered_level(device.attribute, start)
            device.assumed["soc-at-start"] = f"{level:g} MWh"
        else:
            notes.append(f"{device.name}: soc-at-start is {level:g} MWh, as state-of-charge says.")
        device.model["soc_at_start"] = level
    return notes


def _nearest(
    starts: np.ndarray, values: np.ndarray, start: datetime, within: timedelta
) -> float | None:
    known = ~np.isnan(values)
    starts, values = starts[known], values[known]
    distance = np.abs(starts - microseconds(as_utc(start)))
    if not len(distance) or distance.min() > microseconds(within):
        return None
    # Times ascend, so that of two at the same distance the last one is the later one.
    return float(values[np.flatnonzero(distance == distance.min())[-1]])


def _of_moments(segments: Any, start: datetime, within: timedelta) -> float | None:
    moments = sorted(
        (segment.get("datetime") or segment["start"], segment["value"]) for segment in segments
    )
    times = np.array([microseconds(as_utc(moment)) for moment, _ in moments], dtype=np.int64)
    return _nearest(times, np.array([value for _, value in moments], float), start, within)


def _mwh(sensor: Sensor, device: DeviceModel) -> float:
    """What to multiply a sensor's values with."""
    if sensor.unit == "%":
        return float(device.model["soc_max"]) / 100
    return megawatt_hours_in(sensor.unit)


def _refuse_older(device: DeviceModel, start: datetime, beliefs_before: datetime | None) -> None:
    sensor = device.soc_sensor
    if sensor is None:
        older = bool(device.model["state_of_charge"])
    else:
        frame = search(
            [sensor],
            event_ends_before=start,
            beliefs_before=beliefs_before,
            most_recent_events_only=True,
        )[sensor]
        older = not frame.empty
    if older:
        raise device.refusal(
            "state-of-charge",
            f"Nothing is known within {_STEPS} slots of the start ({start.isoformat()}): all values"
            " are older. Send soc-at-start, or a newer state of charge.",
        )
