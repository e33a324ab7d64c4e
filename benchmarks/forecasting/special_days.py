"""Public holidays by zone, until the product has its own function for that."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from flexmeasures.forecasting.engine.series import Floats

_COUNTRIES = {
    "Europe/London": ("GB", "ENG"),
    "Europe/Paris": ("FR", None),
    "Europe/Amsterdam": ("NL", None),
    "Europe/Stockholm": ("SE", None),
    "Europe/Berlin": ("DE", None),
    "America/Denver": ("US", "CO"),
    "America/Los_Angeles": ("US", "CA"),
}


def holidays_on(days: NDArray[np.datetime64], zone: str) -> Floats:
    """1 for each day that is a public holiday where the zone is, else 0."""
    if zone not in _COUNTRIES:
        return np.zeros(len(days))
    import holidays

    country, part = _COUNTRIES[zone]
    years = np.unique(days.astype("datetime64[Y]").astype(int) + 1970).tolist()
    public = holidays.country_holidays(country, subdiv=part, years=years)
    dates = np.array(sorted(public), dtype="datetime64[D]")
    return np.isin(days, dates).astype(np.float64)
