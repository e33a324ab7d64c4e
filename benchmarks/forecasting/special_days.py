"""Public holidays, of the country that the product takes for a timezone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from flexmeasures.forecasting.engine.series import Floats


def holidays_on(days: NDArray[np.datetime64], zone: str) -> Floats:
    """1 for each day that is a public holiday where the zone is, else 0."""
    from flexmeasures.forecasting.countries import country_of

    country = country_of(zone)
    if country is None:
        return np.zeros(len(days))
    import holidays

    years = np.unique(days.astype("datetime64[Y]").astype(int) + 1970).tolist()
    public = holidays.country_holidays(country, years=years)
    dates = np.array(sorted(public), dtype="datetime64[D]")
    return np.isin(days, dates).astype(np.float64)
