"""Arrays of one length."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def filled(values: ArrayLike, count: int) -> np.ndarray:
    """The same as an array of `count` floats; a single number is repeated.

    (`np.broadcast_to` takes several times as long, which counts with hundreds of devices.)
    """
    array = np.asarray(values, dtype=float)
    return array if array.shape == (count,) else np.full(count, array)
