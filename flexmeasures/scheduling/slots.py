"""The slots of a schedule: equidistant in absolute time, whatever the clock does."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pandas as pd

from flexmeasures.data.beliefs.rows import EPOCH
from flexmeasures.utils.time_utils import as_utc

if TYPE_CHECKING:
    from flexmeasures.data.models.time_series import Sensor


def initialize_index(
    start: datetime,
    end: datetime,
    resolution: timedelta | str,
    inclusive: str = "left",
) -> pd.DatetimeIndex:
    """Moments from start to end, one resolution apart, in the timezone of `start`.

    inclusive : "left" for the starts of slots, "right" for their ends, "both" or "neither"

    >>> from datetime import timezone
    >>> midnight = datetime(2026, 1, 1, tzinfo=timezone.utc)
    >>> [str(t) for t in initialize_index(midnight, midnight + timedelta(hours=2), "1h")]
    ['2026-01-01 00:00:00+00:00', '2026-01-01 01:00:00+00:00']
    """
    first, last = pd.Timestamp(start), pd.Timestamp(end)
    steps: pd.DatetimeIndex = pd.date_range(
        first.tz_convert("UTC"), last.tz_convert("UTC"), freq=pd.Timedelta(resolution)
    )
    if inclusive in ("left", "neither") and len(steps) and steps[-1] == last:
        steps = steps[:-1]
    if inclusive in ("right", "neither"):
        steps = steps[1:]
    return steps.tz_convert(first.tz)


def initialize_series(
    data: Any,
    start: datetime,
    end: datetime,
    resolution: timedelta | str,
    inclusive: str = "left",
) -> pd.Series:
    """A series over these moments; `data` is one value for all, or one for each."""
    return pd.Series(data, index=initialize_index(start, end, resolution, inclusive))


def initialize_df(
    columns: list[str],
    start: datetime,
    end: datetime,
    resolution: timedelta | str,
    inclusive: str = "left",
) -> pd.DataFrame:
    """A frame over these moments, with empty columns."""
    return pd.DataFrame(index=initialize_index(start, end, resolution, inclusive), columns=columns)


def check_slots(
    start: datetime, end: datetime, resolution: timedelta, sensor: Sensor | None
) -> None:
    """Raise ValueError unless there is a whole number of slots, which are those of the sensor."""
    if (as_utc(end) - as_utc(start)) % resolution:
        raise ValueError(f"From {start} to {end} is no whole number of slots of {resolution}.")
    if sensor is not None and not is_on_grid(start, resolution, sensor.timezone):
        raise ValueError(
            f"Start {start} is not the start of a slot: slots of sensor {sensor.id} take"
            f" {resolution}."
        )


def is_on_grid(moment: datetime, resolution: timedelta, zone: str) -> bool:
    """Is this a multiple of the resolution after midnight, here or in UTC?"""
    local = moment.astimezone(ZoneInfo(zone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return any(not (as_utc(moment) - as_utc(first)) % resolution for first in (midnight, EPOCH))
