"""Helpers for what queries give."""

from __future__ import annotations

from collections.abc import Iterable

from flexmeasures.utils.timely import tb


def simplify_index(
    bdf: tb.BeliefsDataFrame, index_levels_to_columns: Iterable[str] | None = None
) -> tb.BeliefsDataFrame:
    """The same rows, with event_start as the only index level.

    index_levels_to_columns : index levels to keep, as columns; also the singular of what frames
        know about each row, such as `belief_horizon` or `event_end`
    Raises KeyError for other names.
    """
    simple = bdf.copy()
    for name in index_levels_to_columns or ():
        if name in bdf.index.names:
            simple[name] = bdf.index.get_level_values(name)
        elif hasattr(bdf, f"{name}s"):
            simple[name] = getattr(bdf, f"{name}s")
        else:
            raise KeyError(f"Beliefs have no index level or property {name!r}.")
    simple.index = bdf.index.get_level_values("event_start")
    return simple
