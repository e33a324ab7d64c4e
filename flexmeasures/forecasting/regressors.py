"""What may tell something about a sensor: beliefs about others, on its grid, and since when."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from flexmeasures.data.beliefs import wire
from flexmeasures.data.beliefs.knowledge import Timing
from flexmeasures.data.beliefs.query import Filters, select_rows
from flexmeasures.data.beliefs.rows import Integers, Rows, changed, microseconds, order_by
from flexmeasures.data.config import db
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.queries.sensors import find_near
from flexmeasures.forecasting.engine.series import Regressor
from flexmeasures.forecasting.grid import Grid, first_step_from, regular_step

# Rows that are read of all regressors together, at most: a few hundred MB while that is done.
MOST_ROWS = 3_000_000


def find_regressors(sensor: Sensor) -> tuple[list[Sensor], list[str]]:
    """The sensors that attributes of the sensor, or else of its asset, name; and what was missed.

    `regressors` are ids, `weather_correlations` names of sensors near the asset (see `find_near`).
    Sensors of other accounts are left out, unless they are public.
    """
    notes: list[str] = []
    ids = _listed(sensor, "regressors", int, notes)
    names = _listed(sensor, "weather_correlations", str, notes)
    found: dict[int, Sensor] = {}
    if ids:
        by_id = {other.id: other for other in db.session.query(Sensor).filter(Sensor.id.in_(ids))}
        for id_ in ids:
            other = by_id.get(id_)
            if other is not None and _may_tell(sensor, other):
                found[id_] = other
            else:
                notes.append(f"There is no sensor {id_} to be a regressor; it is left out.")
    if names:
        near = find_near(sensor.generic_asset, names)
        for name in names:
            if name in near:
                found[near[name].id] = near[name]
            else:
                asset = sensor.generic_asset
                why = ", which has no location" if asset.location is None else ""
                notes.append(f"No sensor named {reprlib.repr(name)} is near asset {asset.id}{why}.")
    found.pop(sensor.id, None)
    return list(found.values()), notes


def _listed(sensor: Sensor, attribute: str, kind: type, notes: list[str]) -> list[Any]:
    """The list that an attribute is, without what is of another kind: notes tell of that."""
    for attributes in (sensor.attributes, sensor.generic_asset.attributes):
        if attribute in attributes:
            value = attributes[attribute]
            items = value if isinstance(value, list) else [] if value is None else [value]
            # Larger numbers are no ids: the database would refuse them.
            fitting = [item for item in items if _is_a(item, kind)]
            if len(fitting) < len(items):
                strange = next(item for item in items if not _is_a(item, kind))
                what = "ids of sensors" if kind is int else "names of sensors"
                notes.append(
                    f"The attribute {attribute!r} should list {what};"
                    f" {reprlib.repr(strange)} is none, and left out."
                )
            return list(dict.fromkeys(fitting))
    return []


def _is_a(item: Any, kind: type) -> bool:
    if kind is int:
        return isinstance(item, int) and not isinstance(item, bool) and 0 < item < 2**31
    return isinstance(item, str) and "\0" not in item


def _may_tell(sensor: Sensor, other: Sensor) -> bool:
    account_id = other.generic_asset.account_id
    return account_id is None or account_id == sensor.generic_asset.account_id


def name_of(sensor: Sensor) -> str:
    """Tells regressors apart, for people, too."""
    return f"{sensor.name} (sensor {sensor.id})"


def read_regressors(
    sensors: Sequence[Sensor], filters: Filters, grid: Grid, number: int
) -> tuple[dict[str, Regressor], list[str]]:
    """All that was believed about these sensors, by name, on steps 0 to `number` - 1 of the grid.

    A forecast is known since it was made. A measurement counts as known at the knowledge time of
    its event, even if it was recorded later; of several, the last one recorded. Several events in a
    step are averaged, events of several steps are repeated. One statement.
    """
    found: dict[str, Regressor] = {}
    notes: list[str] = []
    if not sensors:
        return found, notes
    most = MOST_ROWS // len(sensors)
    filters = Filters(filters.events_end_after, filters.events_start_before, rows_at_most=most)
    rows = wire.read(db.session.connection(), select_rows(sensors, filters))
    for sensor in sensors:
        own = rows if len(sensors) == 1 else rows.take(rows.sensor_id == sensor.id)
        name = name_of(sensor)
        if len(own) == most:
            first = np.datetime64(int(own.event_start.min()), "us")
            notes.append(f"Beliefs about {name} before {first}Z are too many, and left out.")
        strange = ~np.isfinite(own.event_value)
        if strange.any():
            notes.append(f"{strange.sum()} beliefs about {name} are no numbers, and left out.")
            own = own.take(~strange)
        regressor = as_regressor(own, Timing.of(sensor), grid, number)
        if len(regressor.event):
            found[name] = regressor
        else:
            notes.append(f"Nothing is believed about {name}; it is left out.")
    return found, notes


def as_regressor(rows: Rows, timing: Timing, grid: Grid, number: int) -> Regressor:
    """The beliefs about one sensor, on steps 0 to `number` - 1 of a grid."""
    rows = medians(rows)
    known_at = timing.knowledge_times(rows.event_start)
    measured = rows.belief_horizon <= 0
    rows, known_at, measured = _last_measured(rows, known_at, measured)
    believed_at = np.where(measured, known_at, known_at - rows.belief_horizon)
    length = timing.event_resolution
    if not length and len(rows):
        length, _ = regular_step(np.unique(rows.event_start))
    if microseconds(length) > grid.step:
        row, step = _repeated(rows.event_start, length, grid)
        value, believed, source = rows.event_value[row], believed_at[row], rows.source_id[row]
    else:
        step = grid.step_of(rows.event_start + (microseconds(length) - 1) // 2)
        step, value, believed, source = _averaged(rows, step, believed_at, measured)
    inside = (step >= 0) & (step < number)
    step, value, believed, source = step[inside], value[inside], believed[inside], source[inside]
    known = first_step_from(grid, believed)
    order = order_by(step, known, believed, -source)
    step, known, value = step[order], known[order], value[order]
    # Of what becomes known together, the last; and of that, what says something new.
    last = np.append(changed(step, known)[1:], True)[: len(step)]
    step, known, value = step[last], known[last], value[last]
    new = changed(step, value)
    return Regressor(step[new], known[new], value[new])


def medians(rows: Rows) -> Rows:
    """Of each belief, the value closest to its median."""
    if (rows.cumulative_probability == 0.5).all():
        return rows
    keys = (rows.event_start, rows.source_id, rows.belief_horizon)
    below = rows.cumulative_probability < 0.5
    distance = np.abs(rows.cumulative_probability - 0.5)
    order = order_by(*keys, below, distance)
    return rows.take(order[changed(*(key[order] for key in keys))])


def _last_measured(rows: Rows, known_at: Integers, measured: Any) -> tuple[Rows, Integers, Any]:
    """All forecasts, and of the measurements of each event the last one recorded."""
    position = np.flatnonzero(measured)
    order = order_by(
        rows.event_start[position], rows.belief_horizon[position], rows.source_id[position]
    )
    position = position[order]
    keep = ~measured
    keep[position[changed(rows.event_start[position])]] = True
    if keep.all():
        return rows, known_at, measured
    return rows.take(keep), known_at[keep], measured[keep]


def _repeated(event_start: Integers, length: timedelta, grid: Grid) -> tuple[Integers, Integers]:
    """Pairs of an event and a step whose middle lies in it: their positions and numbers."""
    half = grid.step // 2
    first = first_step_from(grid, event_start - half)
    last = first_step_from(grid, event_start + microseconds(length) - half)
    counts = np.maximum(last - first, 0)
    event = np.repeat(np.arange(len(event_start)), counts)
    skipped = np.repeat(np.cumsum(counts) - counts, counts)
    return event, np.repeat(first, counts) + np.arange(len(event)) - skipped


def _averaged(
    rows: Rows, step: Integers, believed_at: Integers, measured: Any
) -> tuple[Integers, Any, Integers, Integers]:
    """One value per step and belief: (step, value, believed at, source).

    Forecasts that were made together by a source are one belief about a step; and so are all
    measurements in it, which are known when the last one is.
    """
    when = np.where(measured, 0, believed_at)
    source = np.where(measured, 0, rows.source_id)
    order = order_by(step, ~measured, when, source)
    begin = np.flatnonzero(changed(step[order], ~measured[order], when[order], source[order]))
    if len(begin) == len(order):
        return step, rows.event_value, believed_at, rows.source_id
    counts = np.diff(np.append(begin, len(order)))
    value = np.add.reduceat(rows.event_value[order], begin) / counts
    believed = np.maximum.reduceat(believed_at[order], begin)
    return step[order][begin], value, believed, rows.source_id[order][begin]
