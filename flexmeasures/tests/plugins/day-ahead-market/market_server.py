"""Stands for the client of a market's server."""

import pandas as pd


def day_of_prices(country_code: str) -> pd.Series:
    hours = 0 if country_code == "XX" else 24
    index = pd.date_range("2021-05-01", periods=hours, freq="h", tz="Europe/Amsterdam")
    return pd.Series(range(hours), index=index.rename("event_start"), dtype=float)
