"""How far stocks can be filled and emptied, and wishes between two ticks."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexmeasures.scheduling.engine.solvers import Options
from flexmeasures.scheduling.reach import Kind, between_ticks, reach
from flexmeasures.scheduling.site_problem import DeviceCase, plan_site
from flexmeasures.scheduling.tests.cases import site_case, stock_case


def wishes(kind: Kind, value: float, at: float, **others: object) -> list[tuple[Kind, int, float]]:
    """Half-hour slots; 2 MW in at 90 %, 1 MW out at 50 %: 1.8 MW and 2 MW of the stock."""
    limits = {
        "consumption_max": [2, 2, 2],
        "production_max": [1, 1, 1],
        "charging_efficiency": [0.9] * 3,
        "discharging_efficiency": [0.5] * 3,
    } | others
    return [
        (wish.kind, wish.tick, round(wish.value, 9))
        for wish in between_ticks(kind, value, at, 0.5, **limits)  # type: ignore[arg-type]
    ]


def test_minimum_between_ticks() -> None:
    assert wishes("soc-minima", 3, 1.2) == [
        ("soc-minima", 1, 3 - 1.8 * 0.1),
        ("soc-minima", 2, 3 - 2 * 0.4),
    ]


def test_maximum_between_ticks() -> None:
    assert wishes("soc-maxima", 3, 1.2) == [
        ("soc-maxima", 1, 3 + 2 * 0.1),
        ("soc-maxima", 2, 3 + 1.8 * 0.4),
    ]


def test_target_between_ticks() -> None:
    assert wishes("soc-targets", 3, 1.2) == [
        ("soc-minima", 1, 3 - 1.8 * 0.1),
        ("soc-maxima", 1, 3 + 2 * 0.1),
        ("soc-targets", 2, 3),
    ]


def test_nothing_is_demanded_of_the_start() -> None:
    assert wishes("soc-minima", 3, 0.2) == [("soc-minima", 1, 3 - 2 * 0.4)]
    assert wishes("soc-targets", 3, 0.2) == [("soc-targets", 1, 3)]


def test_start_that_is_known_within_the_first_slot() -> None:
    assert wishes("soc-at-start", 3, 0.2) == [
        ("soc-minima", 1, 3 - 2 * 0.4),
        ("soc-maxima", 1, 3 + 1.8 * 0.4),
    ]


def test_limits_of_the_slot_count() -> None:
    away = {"consumption_max": [2, 0, 2], "production_max": [1, 0, 1]}
    assert wishes("soc-minima", 3, 1.2, **away) == [("soc-minima", 1, 3), ("soc-minima", 2, 3)]


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from([kind for kind in get_args(Kind) if kind != "soc-at-start"]),
    value=st.integers(0, 30).map(lambda tenth: tenth / 10),
    at=st.integers(0, 5).map(lambda quarter: 0.25 + quarter / 2),
    prices=st.lists(st.integers(1, 50).map(float), min_size=3, max_size=3),
)
def test_bounds_leave_the_wish_possible(
    kind: Kind, value: float, at: float, prices: list[float]
) -> None:
    """If a plan meets them, then some power within the slot meets the wish at its moment."""
    found = between_ticks(kind, value, at, 1.0, [1.5] * 3, [1.0] * 3, [0.9] * 3, [0.8] * 3)
    ticks: dict[str, dict[int, float]] = {}
    for wish in found:
        ticks.setdefault(wish.kind, {})[wish.tick] = wish.value
    stock = stock_case(
        3,
        1.0,
        0,
        3,
        minima=ticks.get("soc-minima"),
        maxima=ticks.get("soc-maxima"),
        targets=ticks.get("soc-targets"),
    )
    device = DeviceCase("battery", 1.5, 1.0, stock, 0.9, 0.8)
    plan = plan_site(site_case([device], prices), "highs", Options())
    if plan.misses:
        return
    slot = int(at)
    before, after = at - slot, slot + 1 - at
    start, end = plan.levels[stock][slot : slot + 2].tolist()
    fill, drain = 0.9 * 1.5, 1.0 / 0.8
    highest = min(start + fill * before, end + drain * after)
    lowest = max(start - drain * before, end - fill * after)
    if slot and kind in ("soc-minima", "soc-targets"):
        assert highest >= value - 1e-5
    if slot and kind in ("soc-maxima", "soc-targets"):
        assert lowest <= value + 1e-5


class TestReach:
    def test_within_the_limits(self) -> None:
        stock = stock_case(2, 1, 0, 2)
        case = site_case([DeviceCase("battery", 1, 1, stock, 0.9, 0.5)], [1, 2])
        found = reach(case, stock)
        assert found.minimum.tolist() == [0, 0]
        assert found.maximum.tolist() == [2, 2]
        assert found.lowest.tolist() == pytest.approx([-1, -3])
        assert found.highest.tolist() == pytest.approx([1.9, 2.8])

    def test_limits_that_cannot_be_kept_are_as_near_as_can_be(self) -> None:
        stock = stock_case(4, 5, 0, 2, gain=np.array([0, 0, 0, 4.0]))
        case = site_case([DeviceCase("battery", 1, 1, stock)], [1, 2, 3, 4])
        assert reach(case, stock).maximum.tolist() == [4, 3, 2, 5]
