"""Beliefs as arrays: the form in which they travel between database and frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICROSECOND = timedelta(microseconds=1)


def microseconds(time: datetime | timedelta) -> int:
    """Since the Unix epoch, for an aware datetime; how many of them, for a timedelta. Exact."""
    return (time if isinstance(time, timedelta) else time - EPOCH) // MICROSECOND


@dataclass(frozen=True)
class Rows:
    """One entry per row of the table timed_belief, in arrays of equal length.

    sensor_id, source_id
    event_start : microseconds since the Unix epoch
    belief_horizon : microseconds between belief and knowledge time; positive is ex ante
    cumulative_probability : 0 to 1
    event_value : in the sensor's unit
    """

    sensor_id: Integers
    event_start: Integers
    source_id: Integers
    belief_horizon: Integers
    cumulative_probability: Floats
    event_value: Floats

    def __len__(self) -> int:
        return len(self.event_value)

    def take(self, selection: Any) -> Rows:
        """The rows of a mask, a slice or an array of positions."""
        return Rows(*(getattr(self, field.name)[selection] for field in fields(self)))

    def equal(self, other: Rows) -> bool:
        """Do both hold the same, in the same order?"""
        names = [field.name for field in fields(self)]
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in names)

    @classmethod
    def none(cls) -> Rows:
        whole, real = np.empty(0, np.int64), np.empty(0)
        return cls(whole, whole, whole, whole, real, real)

    @classmethod
    def joined(cls, parts: Sequence[Rows]) -> Rows:
        if len(parts) == 1:
            return parts[0]
        return cls(
            *(
                np.concatenate([getattr(part, field.name) for part in parts])
                for field in fields(cls)
            )
        )


def changed(*arrays: NDArray[Any]) -> NDArray[np.bool_]:
    """Where any of these arrays differs from its previous entry; true for the first entry."""
    result = np.zeros(len(arrays[0]), bool)
    result[:1] = True
    for array in arrays:
        result[1:] |= array[1:] != array[:-1]
    return result


def order_by(*keys: NDArray[Any]) -> Integers:
    """Positions that sort by the first key, then the second, and so on. Equals keep their order."""
    telling = [key for key in keys if len(key) and (key != key[0]).any()]
    return np.lexsort(telling[::-1]) if telling else np.arange(len(keys[0]))
