"""Which beliefs say something new.

A belief is unchanged if the same source's previous belief about the event says the same. Beliefs
before and after the event can be known (ex ante, ex post) are compared among themselves only, so
the first measurement counts, even if it equals the forecast. The previous belief is the latest of
an earlier belief time, whether it is stored or comes with the new ones.

A belief with several values (at different cumulative probabilities) is unchanged if all are.
"""

from __future__ import annotations

from datetime import timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import ColumnElement, and_, func, literal_column, select

from flexmeasures.data.beliefs.rows import Rows, changed, order_by
from flexmeasures.data.models.time_series import TimedBelief

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ADDRESS: ColumnElement[Any] = literal_column("timed_belief.ctid")  # of a row


class Verdict(IntEnum):
    NEW = 0
    """Says something new."""
    UNCHANGED = 1
    """Belongs to a belief that says the same as the previous one."""
    IDENTICAL = 2
    """Is known already, or comes twice."""
    REPLACING = 3
    """Has the key of a known row, with another value."""
    CONTRADICTING = 4
    """Has the key of another new row, with another value."""


def compare(new: Rows, known: Rows) -> NDArray[np.int8]:
    """What each new row is, given what is known.

    known : in any order, at least each new belief's previous one and all with the key of a new row
    """
    if new.equal(known):  # sent again as a whole, as clients do: no need to look any closer
        return np.full(len(new), Verdict.IDENTICAL, np.int8)
    rows = Rows.joined([known, new])
    fresh = np.arange(len(rows)) >= len(known)
    ex_ante = rows.belief_horizon > 0
    order = order_by(
        rows.sensor_id,
        rows.source_id,
        rows.event_start,
        ex_ante,
        -rows.belief_horizon,
        rows.cumulative_probability,
        fresh,
    )
    rows, fresh = rows.take(order), fresh[order]
    event_starts = changed(rows.sensor_id, rows.source_id, rows.event_start, ex_ante[order])
    belief_starts = event_starts | changed(rows.belief_horizon)
    key_starts = belief_starts | changed(rows.cumulative_probability)
    state = np.full(len(rows), Verdict.NEW, np.int8)

    again = np.flatnonzero(~key_starts)  # same key as the row before it
    same = rows.event_value[again] == rows.event_value[again - 1]
    other = np.where(fresh[again - 1], Verdict.CONTRADICTING, Verdict.REPLACING)
    state[again] = np.where(same, Verdict.IDENTICAL, other)

    # One entry per key from here on. Of several values the last counts, which replaces the others.
    first = np.flatnonzero(key_starts)
    value = rows.event_value[np.append(first[1:], len(rows)) - 1]
    event, belief = np.cumsum(event_starts)[first], np.cumsum(belief_starts)[first]
    probabilities, probability = np.unique(rows.cumulative_probability[first], return_inverse=True)
    place = belief * len(probabilities) + probability  # in ascending order
    previous = np.searchsorted(place, place - len(probabilities))
    repeats = (
        (place[previous] == place - len(probabilities))
        & (event[previous] == event)
        & (value[previous] == value)
    )
    # A belief with a known row gets its other rows as well.
    news = np.bincount(belief, ~(fresh[first] & repeats)) > 0
    state[first[~news[belief]]] = Verdict.UNCHANGED

    result = np.empty(len(rows), np.int8)
    result[order] = state
    return result[len(known) :]


def is_unchanged(*scope: ColumnElement[bool]) -> ColumnElement[bool]:
    """The rule in SQL, on the table: true of rows whose belief says the same as the previous one.

    scope : what to compare with each other; whole events of a source
    """
    belief = TimedBelief.__table__.c
    kind = (
        belief.sensor_id,
        belief.event_start,
        belief.source_id,
        (belief.belief_horizon > timedelta(0)).label("ex_ante"),
    )
    turn = func.dense_rank().over(partition_by=kind, order_by=belief.belief_horizon.desc())
    ranked = select(
        _ADDRESS.label("address"),
        *kind,
        belief.belief_horizon,
        belief.cumulative_probability,
        belief.event_value,
        turn.label("turn"),
    )
    rows = ranked.where(*scope).subquery("ranked").c
    event = (rows.sensor_id, rows.event_start, rows.source_id, rows.ex_ante)

    def before(column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Of the last row with the same probability."""
        probability = (*event, rows.cumulative_probability)
        return func.lag(column).over(partition_by=probability, order_by=rows.turn)

    repeats = and_(before(rows.turn) == rows.turn - 1, before(rows.event_value) == rows.event_value)
    compared = select(rows.address, *event, rows.turn, func.coalesce(repeats, False).label("same"))
    row = compared.subquery("compared").c
    whole = (row.sensor_id, row.event_start, row.source_id, row.ex_ante, row.turn)
    all_same = func.bool_and(row.same).over(partition_by=whole).label("all_same")
    judged = select(row.address, all_same).subquery("judged").c
    return _ADDRESS.in_(select(judged.address).where(judged.all_same))
