"""What was last measured on an asset."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from flexmeasures.data.beliefs.accuracy import last_measured
from flexmeasures.data.beliefs.search import search
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.queries.sensors_to_show import flat, rows_to_show

_SENSORS_AT_MOST = 4


class State(NamedTuple):
    """The value of a sensor (in its unit; nan if it was measured as such) during the last event
    that was measured; both None if there is none."""

    sensor: Sensor
    event_start: datetime | None
    value: float | None


def states(asset: GenericAsset) -> list[State]:
    """Of the first few sensors that charts of this asset show, as far as the caller may read them.

    Three statements per sensor, each of which reads little, however long its history is.
    """
    return [_state(sensor) for sensor in flat(rows_to_show(asset))[:_SENSORS_AT_MOST]]


def _state(sensor: Sensor) -> State:
    start = last_measured(sensor)
    if start is None:
        return State(sensor, None, None)
    found = search(
        [sensor],
        event_starts_after=start,
        event_ends_before=start + max(sensor.event_resolution, timedelta(microseconds=1)),
        horizons_at_most=timedelta(0),
        one_deterministic_belief_per_event=True,
    )
    values = found[sensor]["event_value"].to_list()
    return State(sensor, start, values[-1] if values else None)
