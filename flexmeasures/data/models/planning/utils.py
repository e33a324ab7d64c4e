"""Helpers to write schedulers with, as plugins know them."""

from __future__ import annotations

from flexmeasures.scheduling.fallback import fallback_charging_policy
from flexmeasures.scheduling.queries import get_power_values, get_prices
from flexmeasures.scheduling.slots import initialize_df, initialize_index, initialize_series

__all__ = [
    "fallback_charging_policy",
    "get_power_values",
    "get_prices",
    "initialize_df",
    "initialize_index",
    "initialize_series",
]
