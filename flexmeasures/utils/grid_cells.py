"""Grids of cells over a region, for plugins that ask for the weather at their corners.

Locations are (latitude, longitude) in degrees. A region is named by its corners in the north-west
(top left) and the south-east (bottom right); cells are laid out in degrees, as if it were flat.
"""

from __future__ import annotations

import math
from itertools import pairwise

Location = tuple[float, float]


def get_cell_nums(tl: Location, br: Location, num_cells: int = 9) -> tuple[int, int]:
    """Factors of a number of cells, as close to its square root as possible.

    The larger one goes to the direction in which the region is longer, in degrees.

    >>> get_cell_nums((54, 2), (50, 6), 6)
    (2, 3)
    >>> get_cell_nums((54, 2), (50, 3), 6)
    (3, 2)
    """
    if num_cells < 1:
        raise ValueError("There should be one cell or more.")
    small = next(size for size in range(math.isqrt(num_cells), 0, -1) if num_cells % size == 0)
    large = num_cells // small
    is_tall = abs(br[0] - tl[0]) > abs(br[1] - tl[1])
    return (large, small) if is_tall else (small, large)


class LatLngGrid:
    """Rows and columns of cells; the corners of the region are the centres of its outermost cells.

    top_left, bottom_right : those centres. In a direction with one cell only, its centre: halfway
        between the corners of the region, which is half as long as that cell.
    cell_size_lat, cell_size_lng : from one cell to the next; negative from north to south
    """

    def __init__(
        self,
        top_left: Location,
        bottom_right: Location,
        num_cells_lat: int,
        num_cells_lng: int,
    ) -> None:
        if num_cells_lat < 1 or num_cells_lng < 1:
            raise ValueError("A grid has one cell or more in each direction.")
        self.num_cells_lat = num_cells_lat
        self.num_cells_lng = num_cells_lng
        north, south, self.cell_size_lat = _spread(top_left[0], bottom_right[0], num_cells_lat)
        west, east, self.cell_size_lng = _spread(top_left[1], bottom_right[1], num_cells_lng)
        self.top_left: Location = (north, west)
        self.bottom_right: Location = (south, east)

    def __repr__(self) -> str:
        return (
            f"<LatLngGrid top-left: {self.top_left}, bottom-right: {self.bottom_right},"
            f" {self.num_cells_lat} x {self.num_cells_lng} cells>"
        )

    def get_locations(self, method: str) -> list[Location]:
        """Corners of all cells.

        method : "square", or "hex" for hexagons, whose even rows lie between the cells of the odd
            rows and have one cell fewer
        """
        if method == "square":
            locations = self._corners_of_squares()
        elif method == "hex":
            locations = self._corners_of_hexagons()
        else:
            raise ValueError("Method must either be 'square' or 'hex'!")
        print(f"[FLEXMEASURES] Number of locations in {method} grid: {len(locations)}")
        return locations

    def _centre(self, row: int, column: float) -> Location:
        north, west = self.top_left
        return north + row * self.cell_size_lat, west + column * self.cell_size_lng

    def _corners_of_squares(self) -> list[Location]:
        lats = [
            self._centre(row, 0)[0] - self.cell_size_lat / 2
            for row in range(self.num_cells_lat + 1)
        ]
        lngs = [
            self._centre(0, column)[1] - self.cell_size_lng / 2
            for column in range(self.num_cells_lng + 1)
        ]
        first = [(lat, lng) for lng in lngs for lat in lats[:2]]
        return first + [(lat, lng) for lat in lats[2:] for lng in lngs]

    def _corners_of_hexagons(self) -> list[Location]:
        tall, wide = self.cell_size_lat, self.cell_size_lng
        found: list[Location] = []
        for row in range(0, self.num_cells_lat, 2):
            for column in range(self.num_cells_lng):
                lat, lng = self._centre(row, column)
                found += [(lat - 2 / 3 * tall, lng), (lat - tall / 4, lng - wide / 2)]
                found += [(lat + 2 / 3 * tall, lng), (lat + tall / 4, lng - wide / 2)]
            found += [(lat - tall / 4, lng + wide / 2), (lat + tall / 4, lng + wide / 2)]
        if (
            self.num_cells_lat % 2 == 0
        ):  # the south of the last row; its north is that of the others
            for left, right in pairwise(range(self.num_cells_lng)):
                lat, lng = self._centre(self.num_cells_lat - 1, (left + right) / 2)
                south = lat + tall / math.sqrt(3)
                found += [
                    (lat + tall / 2, lng - wide / 2),
                    (south, lng),
                    (lat + tall / 2, lng + wide / 2),
                ]
        return found


def _spread(first: float, last: float, number: int) -> tuple[float, float, float]:
    """The centres of the first and the last cell, and the distance between cells."""
    if number > 1:
        return first, last, (last - first) / (number - 1)
    size = 2 * (last - first)
    return first + size / 4, last - size / 4, size
