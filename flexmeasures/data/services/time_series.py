"""Helpers for time series, for plugins too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flexmeasures.data.beliefs.aggregate import total
from flexmeasures.data.beliefs.save import drop_unchanged
from flexmeasures.data.queries.utils import simplify_index
from flexmeasures.utils.timely import tb

__all__ = ["aggregate_values", "drop_unchanged_beliefs", "set_bdf_source", "simplify_index"]


def drop_unchanged_beliefs(bdf: tb.BeliefsDataFrame) -> tb.BeliefsDataFrame:
    """Only what says something new (see `flexmeasures.data.beliefs.unchanged`), sorted."""
    return drop_unchanged(bdf)


def aggregate_values(bdf_dict: Mapping[Any, tb.BeliefsDataFrame]) -> tb.BeliefsDataFrame:
    """The sum of these frames per event (see `flexmeasures.data.beliefs.aggregate`)."""
    return total(list(bdf_dict.values()))


def set_bdf_source(
    bdf: tb.BeliefsDataFrame, source_name: str | tb.BeliefSource
) -> tb.BeliefsDataFrame:
    """The same beliefs, by another source."""
    source = source_name
    if isinstance(source, str):
        source = tb.BeliefSource(source)
    levels = bdf.index.names
    other = bdf.reset_index("source")
    other["source"] = source
    return other.set_index("source", append=True).reorder_levels(levels)
