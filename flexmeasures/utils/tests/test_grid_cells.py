"""Grids of cells over a region."""

from __future__ import annotations

import pytest

from flexmeasures.utils.grid_cells import LatLngGrid, get_cell_nums

REGION = ((54.0, 2.0), (50.0, 6.0))


@pytest.mark.parametrize(
    ("number", "found"), [(1, (1, 1)), (6, (2, 3)), (7, (1, 7)), (9, (3, 3)), (12, (3, 4))]
)
def test_numbers_of_cells(number: int, found: tuple[int, int]) -> None:
    assert get_cell_nums(*REGION, number) == found
    tall = ((54.0, 2.0), (50.0, 3.0))
    assert get_cell_nums(*tall, number) == found[::-1]


def test_no_cells() -> None:
    with pytest.raises(ValueError, match="one cell or more"):
        get_cell_nums(*REGION, 0)
    with pytest.raises(ValueError, match="one cell or more"):
        LatLngGrid(*REGION, 0, 1)


def test_squares(capsys: pytest.CaptureFixture[str]) -> None:
    grid = LatLngGrid(*REGION, 2, 2)
    assert (grid.cell_size_lat, grid.cell_size_lng) == (-4, 4)
    expected: list[tuple[float, float]] = [
        *((56, 0), (52, 0), (56, 4), (52, 4), (56, 8), (52, 8)),
        *((48, 0), (48, 4), (48, 8)),
    ]
    assert grid.get_locations("square") == expected
    assert capsys.readouterr().out == "[FLEXMEASURES] Number of locations in square grid: 9\n"


def test_one_cell_has_the_region_in_its_middle() -> None:
    grid = LatLngGrid(*REGION, 1, 1)
    assert grid.top_left == grid.bottom_right == (52.0, 4.0)
    assert grid.get_locations("square") == [(56, 0), (48, 0), (56, 8), (48, 8)]


@pytest.mark.parametrize(
    ("rows", "columns", "squares", "hexagons"),
    [(2, 2, 9, 13), (2, 5, 18, 34), (5, 2, 18, 30), (1, 1, 4, 6), (1, 2, 6, 10)],
)
def test_numbers_of_locations(rows: int, columns: int, squares: int, hexagons: int) -> None:
    grid = LatLngGrid(*REGION, rows, columns)
    assert len(set(grid.get_locations("square"))) == squares
    assert len(grid.get_locations("hex")) == hexagons


def test_hexagons_reach_around_their_centres() -> None:
    found = LatLngGrid(*REGION, 1, 1).get_locations("hex")
    north, south = max(found), min(found)
    assert north == pytest.approx((52 + 16 / 3, 4))
    assert south == pytest.approx((52 - 16 / 3, 4))
    assert {lng for _, lng in found} == {0, 4, 8}


def test_other_methods() -> None:
    with pytest.raises(ValueError, match="Method must either be 'square' or 'hex'!"):
        LatLngGrid(*REGION, 1, 1).get_locations("triangle")
