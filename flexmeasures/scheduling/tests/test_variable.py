"""Variables per slot and per tick: borders, gaps, overlaps, clocks."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from flexmeasures.data.schemas.scheduling.references import Reference
from flexmeasures.scheduling.tests.worlds import HOUR, QUARTER, START, World, make_world
from flexmeasures.scheduling.variable import Grid, Knowledge

NAN = np.nan


def known(slots: int = 4, resolution: timedelta = HOUR, start: datetime = START) -> Knowledge:
    return Knowledge(Grid(start, resolution, slots))


def window(first: float, end: float, value: float) -> dict[str, Any]:
    return {"start": START + first * HOUR, "end": START + end * HOUR, "value": value}


def moment(hours: float, value: float) -> dict[str, Any]:
    return {"datetime": START + hours * HOUR, "value": value}


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ([], [NAN] * 4),
        ([window(1, 3, 5)], [NAN, 5, 5, NAN]),
        ([window(-9, 1, 5), window(3, 99, 6)], [5, NAN, NAN, 6]),
        ([window(0.5, 2.5, 5)], [NAN, 5, 5, NAN]),
        ([window(1, 1, 5)], [NAN] * 4),
        ([moment(2, 5)], [NAN, NAN, 5, NAN]),
        ([moment(2.75, 5)], [NAN, NAN, 5, NAN]),
        ([moment(-1, 5), moment(4, 6)], [NAN] * 4),
    ],
)
def test_slots(segments: Any, expected: list[float]) -> None:
    assert known().per_slot(segments).tolist() == pytest.approx(expected, nan_ok=True)


def test_times_are_floored() -> None:
    found = known().per_slot([window(0.5, 2.5, 5)], floor_to=HOUR)
    assert found.tolist() == pytest.approx([5, 5, NAN, NAN], nan_ok=True)


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ([window(1, 3, 5)], [5, 5, 5, NAN]),
        ([window(0, 0, 5)], [NAN] * 4),
        ([window(0.5, 1.5, 5)], [5, NAN, NAN, NAN]),
        ([window(2, 99, 5)], [NAN, 5, 5, 5]),
        ([moment(2, 5)], [NAN, 5, NAN, NAN]),
        ([moment(2.5, 5)], [NAN] * 4),
        ([moment(0, 5), moment(5, 5)], [NAN] * 4),
    ],
)
def test_ticks(segments: Any, expected: list[float]) -> None:
    assert known().at_ticks(segments).tolist() == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [
        ("smallest", [3, 3, 4, NAN]),
        ("largest", [3, 5, 5, NAN]),
        ("first", [3, 5, 5, NAN]),
        ("last", [3, 3, 4, NAN]),
    ],
)
def test_overlaps(overlap: Any, expected: list[float]) -> None:
    segments = [window(1, 3, 5), window(0, 2, 3), moment(2, 4)]
    found = known().per_slot(segments, overlap)
    assert found.tolist() == pytest.approx(expected, nan_ok=True)


def test_moments_between_ticks() -> None:
    found = list(known().between_ticks([moment(0.25, 1), moment(2, 2), moment(4.5, 3)]))
    assert [(tick, rest) for tick, rest, _ in found] == [(0, QUARTER)]


@pytest.mark.usefixtures("session")
class TestSensors:
    def reference(self, world: World, values: list[float], resolution: timedelta) -> Reference:
        sensor = world.sensor("sensor", "MWh", resolution)
        world.believe(sensor, values)
        return Reference(sensor, 2.0)

    def test_slots(self) -> None:
        reference = self.reference(make_world(), [1, 3, NAN, 5], 0.5 * HOUR)
        knowledge = known(3)
        knowledge.read([reference])
        found = knowledge.per_slot(reference)
        assert found.tolist() == pytest.approx([4, 10, NAN], nan_ok=True)

    @pytest.mark.parametrize(
        ("overlap", "expected"),
        [
            ("smallest", [2, 6, 4, 4]),
            ("largest", [6, 8, 8, 4]),
            ("first", [2, 6, 8, 4]),
            ("last", [6, 8, 4, 4]),
        ],
    )
    def test_ticks_where_events_meet(self, overlap: Any, expected: list[float]) -> None:
        reference = self.reference(make_world(), [1, 3, 4, 2], HOUR)
        knowledge = known()
        knowledge.read([reference])
        assert knowledge.at_ticks(reference, overlap).tolist() == expected

    def test_events_longer_than_slots(self) -> None:
        reference = self.reference(make_world(), [1, 3], HOUR)
        knowledge = known(6, 0.5 * HOUR)
        knowledge.read([reference])
        found = knowledge.at_ticks(reference, "largest")
        assert found.tolist() == pytest.approx([2, 6, 6, 6, NAN, NAN], nan_ok=True)

    def test_instants(self) -> None:
        world = make_world()
        sensor = world.sensor("level", "MWh", timedelta(0))
        for hours, value in ((1, 10), (2.5, 20), (4, 30)):
            world.believe_instant(sensor, START + hours * HOUR, value)
        knowledge = known()
        reference = Reference(sensor, 1.0, default=7.0)
        knowledge.read([reference])
        assert knowledge.at_ticks(reference).tolist() == [10, 7, 20, 30]


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 29, 23), (10, 25, 25)])
def test_days_on_which_the_clock_changes(month: int, day: int, hours: int) -> None:
    """A window from midnight to noon has as many slots as hours that pass."""
    amsterdam = ZoneInfo("Europe/Amsterdam")
    midnight = datetime(2026, month, day, tzinfo=amsterdam)
    noon = datetime(2026, month, day, 12, tzinfo=amsterdam)
    knowledge = known(hours, HOUR, midnight)
    segment = {"start": midnight, "end": noon, "value": 1.0}
    assert np.nansum(knowledge.per_slot([segment], "first", HOUR)) == hours - 12
    # Ticks from the end of the first slot to noon.
    assert np.nansum(knowledge.at_ticks([segment])) == hours - 12
    [tick] = np.flatnonzero(~np.isnan(knowledge.at_ticks([{"datetime": noon, "value": 1.0}])))
    assert knowledge.grid.moment(int(tick) + 1) == noon
    assert knowledge.grid.end.hour == 0
