"""When processes run: the worked table, and all ways to choose on small cases."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexmeasures.scheduling.process_problem import NoRoom, process_power

PRICES = np.array([30.0, 10, 20, 15, 40, 5])
LAST = np.arange(6) == 5
NONE = np.zeros(6, dtype=bool)


@pytest.mark.parametrize(
    ("process_type", "maximise", "slots", "money"),
    [
        ("INFLEXIBLE", False, [1, 2], 20),
        ("INFLEXIBLE", True, [1, 2], 20),
        ("SHIFTABLE", False, [2, 3], 15),
        ("SHIFTABLE", True, [4, 5], 27.5),
        ("BREAKABLE", False, [2, 4], 12.5),
        ("BREAKABLE", True, [1, 5], 35),
    ],
)
def test_worked_table(process_type: str, maximise: bool, slots: list[int], money: float) -> None:
    power = process_power(process_type, 0.5, 2, PRICES, LAST, maximise=maximise)
    assert (np.flatnonzero(power) + 1).tolist() == slots
    assert set(power.tolist()) == {0, 0.5}
    assert power @ PRICES == pytest.approx(money)


@pytest.mark.parametrize("process_type", ["INFLEXIBLE", "SHIFTABLE", "BREAKABLE"])
class TestAllTypes:
    @pytest.mark.parametrize("count", [6, 7, 1000])
    def test_long_ones_run_throughout(self, process_type: str, count: int) -> None:
        assert process_power(process_type, 2, count, PRICES, NONE).tolist() == [2] * 6

    @pytest.mark.parametrize("count", [6, 7])
    def test_long_ones_bear_no_restriction(self, process_type: str, count: int) -> None:
        with pytest.raises(NoRoom, match="all slots"):
            process_power(process_type, 2, count, PRICES, LAST)

    def test_no_room(self, process_type: str) -> None:
        with pytest.raises(NoRoom):
            process_power(process_type, 2, 2, PRICES, np.arange(6) != 3)

    def test_one_slot(self, process_type: str) -> None:
        assert process_power(process_type, 2, 1, PRICES[:1], NONE[:1]).tolist() == [2]

    def test_equal_prices_mean_as_early_as_possible(self, process_type: str) -> None:
        power = process_power(process_type, 1, 2, np.full(6, 0.1), np.arange(6) == 0)
        assert power.tolist() == [0, 1, 1, 0, 0, 0]

    def test_never(self, process_type: str) -> None:
        with pytest.raises(ValueError, match="some time"):
            process_power(process_type, 1, 0, PRICES, NONE)


def test_between_restrictions() -> None:
    restricted = np.array([False, True, False, False, True, False])
    for process_type in ("INFLEXIBLE", "SHIFTABLE"):
        power = process_power(process_type, 1, 2, PRICES, restricted)
        assert power.tolist() == [0, 0, 1, 1, 0, 0]
    assert process_power("BREAKABLE", 1, 3, PRICES, restricted).tolist() == [0, 0, 1, 1, 0, 1]


def test_what_produces_is_sold() -> None:
    assert process_power("SHIFTABLE", -1, 2, PRICES, LAST).tolist() == [0, 0, 0, -1, -1, 0]


def test_unknown_type() -> None:
    with pytest.raises(ValueError, match="FLEXIBLE"):
        process_power("FLEXIBLE", 1, 1, PRICES, NONE)


@settings(max_examples=200, deadline=None)
@given(
    slots=st.lists(st.tuples(st.integers(-9, 9), st.booleans()), min_size=2, max_size=8),
    count=st.integers(1, 7),
    maximise=st.booleans(),
    in_a_row=st.booleans(),
)
def test_as_good_as_the_best_of_all_choices(
    slots: list[tuple[int, bool]], count: int, maximise: bool, in_a_row: bool
) -> None:
    prices = np.array([price for price, _ in slots], float)
    restricted = np.array([closed for _, closed in slots])
    count = min(count, len(slots))
    choices = [
        chosen
        for chosen in combinations(range(len(slots)), count)
        if not restricted[list(chosen)].any()
        and (not in_a_row or chosen[-1] - chosen[0] == count - 1)
    ]
    process_type = "SHIFTABLE" if in_a_row else "BREAKABLE"
    if not choices:
        with pytest.raises(NoRoom):
            process_power(process_type, 1, count, prices, restricted, maximise=maximise)
        return
    power = process_power(process_type, 1, count, prices, restricted, maximise=maximise)
    sign = -1 if maximise else 1
    # Combinations come in order, so that the first of the best is the earliest.
    best = min(choices, key=lambda chosen: (sign * prices[list(chosen)].sum(), chosen))
    assert tuple(np.flatnonzero(power).tolist()) == best
