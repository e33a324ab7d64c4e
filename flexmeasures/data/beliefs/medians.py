"""One value instead of several: of a probabilistic belief, its median.

A belief with several values says, of each, with which probability the event has at most that value.
If the highest of these probabilities is 1, these are all values that the event can have (as the
faces of a die), and the median is the lowest with a probability of 0.5 or more. Otherwise they are
quantiles of something continuous (as forecasts are), and where none is at 0.5, the median lies
between its neighbours. Without any on one side of 0.5, the median is the value closest to it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from flexmeasures.data.beliefs.rows import Integers, Rows, changed, order_by

if TYPE_CHECKING:
    from flexmeasures.data.beliefs.frames import Columns

Table = TypeVar("Table", "Rows", "Columns")


def medians(table: Table, belief: Integers) -> Table:
    """One row per belief.

    belief : numbers the beliefs; rows of a belief follow each other, in the order of probabilities
    """
    starts = changed(belief)
    if starts.all():
        return table
    probability, value = table.cumulative_probability, table.event_value
    first = np.flatnonzero(starts)
    last = np.append(first[1:], len(table)) - 1
    number_below = np.add.reduceat((probability < 0.5).astype(np.int64), first)
    upper = np.minimum(first + number_below, last)
    result = table.take(upper)
    between = (number_below > 0) & (probability[upper] > 0.5) & (probability[last] < 1)
    if not between.any():
        return result
    above = upper[between]
    below = above - 1
    share = (0.5 - probability[below]) / (probability[above] - probability[below])
    values, probabilities = result.event_value.copy(), result.cumulative_probability.copy()
    values[between] = (1 - share) * value[below] + share * value[above]
    probabilities[between] = 0.5
    return replace(result, event_value=values, cumulative_probability=probabilities)


def one_per_event(rows: Rows, *preference: Integers) -> Rows:
    """Of the belief about each event that comes first in the order of these keys, the median.

    preference : keys with an entry per row, the same for all rows of a belief; different beliefs
        about an event differ in one of them
    Returns the rows in the order of events.
    """
    if (np.diff(rows.event_start) > 0).all():
        return rows
    order = order_by(rows.event_start, *preference, rows.cumulative_probability)
    rows = rows.take(order)
    starts = changed(rows.event_start)
    if starts.all():
        return rows
    belief = np.cumsum(changed(rows.event_start, *(key[order] for key in preference)))
    first = belief[starts][np.cumsum(starts) - 1]
    rows = rows.take(belief == first)
    return medians(rows, rows.event_start)
