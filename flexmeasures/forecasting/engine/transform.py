"""Box-Cox transformation: it draws in the long tail of quantities that are often near zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flexmeasures.forecasting.engine.series import Floats

POWERS = (0.25, 0.5)
SHIFT = 0.1
"""Added to values in units of their mean size, so that zero is not infinitely far from all else."""

MANY_ZEROS = 0.1


@dataclass(frozen=True)
class BoxCox:
    """y -> ((y / size + SHIFT) ** power - SHIFT ** power) / power; zero stays zero."""

    power: float
    size: float

    def __call__(self, values: Floats) -> Floats:
        """Below zero as at zero."""
        shifted = np.maximum(values / self.size, 0.0) + SHIFT
        return (shifted**self.power - SHIFT**self.power) / self.power

    def inverse(self, values: Floats) -> Floats:
        shifted = np.maximum(values * self.power + SHIFT**self.power, SHIFT**self.power)
        return (shifted ** (1 / self.power) - SHIFT) * self.size


def candidates(values: Floats) -> list[BoxCox]:
    """What may help: nothing, unless values are often zero and never below."""
    seen = values[np.isfinite(values)]
    if not len(seen) or seen.min() < 0 or (seen == 0).mean() < MANY_ZEROS or not seen.any():
        return []
    size = float(seen.mean())
    return [BoxCox(power, size) for power in POWERS]
