"""Posting and reading the data of a sensor.

What is wrong with a message, beyond what its schema can tell, is a validation error of its field,
or of the message as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from flexmeasures.data.beliefs.knowledge import Timing
from flexmeasures.data.beliefs.query import Filters
from flexmeasures.data.beliefs.rows import Floats, Integers, Rows, microseconds
from flexmeasures.data.beliefs.save import Saved, save_rows, wait_for_turn
from flexmeasures.data.beliefs.sources import has_source_of_type, select_source_ids
from flexmeasures.data.beliefs.steps import number_of_steps, step_values
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.models.user import Account, User
from flexmeasures.data.schemas.sensor_data import (
    GET_TYPES,
    METER_DATA,
    POST_TYPES,
    PRICES,
    PROGNOSIS,
)
from flexmeasures.data.schemas.times import FIRST_YEAR, LAST_YEAR
from flexmeasures.data.schemas.utils import FMValidationError
from flexmeasures.data.services.data_sources import get_or_create_source
from flexmeasures.data.services.sensor_events import Events, events_of, fits, number_of_events
from flexmeasures.utils import ask_app
from flexmeasures.utils.time_utils import (
    as_utc,
    decide_resolution,
    ground_duration,
    parse_resolution,
    server_now,
    zone,
)
from flexmeasures.utils.unit_utils import (
    convert_units,
    is_energy_price_unit,
    is_energy_unit,
    is_power_unit,
    units_are_convertible,
)

if TYPE_CHECKING:
    import isodate
    from numpy.typing import NDArray

_EARLIEST, _LATEST = (
    microseconds(datetime.fromisoformat(f"{year}-01-01T00:00+00:00"))
    for year in (FIRST_YEAR, LAST_YEAR + 1)
)
_LONGEST = timedelta(days=366 * (LAST_YEAR - FIRST_YEAR + 1))


# ---------------------------------------------------------------------------------------------
# Posting


def record(
    sensor: Sensor,
    user: User,
    *,
    start: datetime,
    duration: timedelta,
    values: Floats,
    unit: str,
    horizon: timedelta | None = None,
    prior: datetime | None = None,
    type: str | None = None,
) -> Saved:
    """Store what a user says about consecutive events of a sensor.

    start : off the grid of the sensor's events, it is moved back to it, unless the attribute
        `floor_datetimes_to_resolution` is false. For an instantaneous sensor it is rounded to the
        attribute `frequency`, if there is one
    duration : of all events together, not negative
    values : (events,) in `unit`, nan for none. Converted to the sensor's unit first; then those of
        events longer than the sensor's are repeated, those of shorter ones averaged
    horizon, prior : belief horizon of each event, belief time of all; of both, the earlier counts.
        With neither, all are believed now, or in play mode right after each event
    type : kind of message, with checks of its own

    Raises FMValidationError for values that this sensor cannot have, and ReplacementError (see
    `data.beliefs.save`) if some contradict what is stored.
    """
    _check_unit_and_resolution(sensor, len(values), duration, unit, type)
    _check_end(start, duration)
    values = _converted(values, unit, sensor, duration / len(values))
    _check_signs(sensor, values)
    _check_number(number_of_events(sensor, duration, len(values)))
    events = events_of(sensor, start, duration, values).known()
    return save_events(sensor, user, events, horizon=horizon, prior=prior, type=type)


def save_events(
    sensor: Sensor,
    user: User,
    events: Events,
    *,
    horizon: timedelta | None = None,
    prior: datetime | None = None,
    type: str | None = None,
) -> Saved:
    """Store what a user says about events of a sensor; for the rest, see `record`."""
    source = get_or_create_source(user)
    horizons = _belief_horizons(sensor, source, events.start, horizon, prior)
    _check_horizons(POST_TYPES.get(type or ""), horizons)
    return save_rows(
        _rows(sensor, source, events, horizons),
        overwrite=ask_app.setting("FLEXMEASURES_ALLOW_DATA_OVERWRITE"),
    )


def _rows(sensor: Sensor, source: DataSource, events: Events, horizons: Integers) -> Rows:
    number = len(events.start)
    return Rows(
        np.full(number, sensor.id, np.int64),
        events.start,
        np.full(number, source.id, np.int64),
        horizons,
        np.full(number, 0.5),
        events.value,
    )


def check_unit_of_post(sensor: Sensor, unit: str) -> None:
    """Raises FMValidationError for a unit that does not convert to the sensor's."""
    for problem in _problems_of_unit(sensor, unit, None, "", ""):
        raise FMValidationError(problem, field_name="unit")


def _check_unit_and_resolution(
    sensor: Sensor, number: int, duration: timedelta, unit: str, type: str | None
) -> None:
    if number > 1 and not duration:
        raise FMValidationError("Several values take some time.", field_name="duration")
    problems = []
    if not fits(sensor, duration, number):
        problems.append(
            f"Resolution of {duration / number} is incompatible with the sensor's required"
            f" resolution of {sensor.event_resolution}."
        )
    kind = POST_TYPES.get(type or "")
    problems += _problems_of_unit(sensor, unit, kind, "required for this", "convertible to")
    if problems:
        raise FMValidationError(problems)


def _problems_of_unit(
    sensor: Sensor, unit: str, kind: str | None, what: str, how: str
) -> Iterator[str]:
    """Why a message of some kind cannot be in this unit."""
    if unit != sensor.unit and not units_are_convertible(unit, sensor.unit):
        yield f"Required unit for this sensor is {sensor.unit}, got incompatible unit: {unit}"
    needed = f"The unit {what} message type should be {how}"
    if kind in (METER_DATA, PROGNOSIS) and not _measures_power_or_energy(unit):
        yield f"{needed} MW, got incompatible unit: {unit}"
    if kind == PRICES and not is_energy_price_unit(unit):
        yield f"{needed} an energy price unit, got incompatible unit: {unit}"


def _measures_power_or_energy(unit: str) -> bool:
    return is_power_unit(unit) or is_energy_unit(unit)


def _converted(values: Floats, unit: str, sensor: Sensor, resolution: timedelta) -> Floats:
    """In the sensor's unit, given how long the posted events are."""
    try:
        with np.errstate(over="ignore"):
            converted: Floats = convert_units(values, unit, sensor.unit, resolution)
    except ValueError as error:  # the sensor measures a flow, and what flowed took no time
        raise FMValidationError(str(error), field_name="unit") from error
    if np.isinf(converted).any():
        raise FMValidationError(
            f"In the sensor's unit, {sensor.unit}, some are too large.", field_name="values"
        )
    return converted


@dataclass(frozen=True)
class SignRule:
    """What signs values of a sensor may have.

    text : says it, and why
    """

    negative: bool
    text: str

    def broken_by(self, values: Floats) -> NDArray[np.bool_]:
        return values > 0 if self.negative else values < 0


def sign_rule(sensor: Sensor) -> SignRule | None:
    """Pure consumers do not produce, and pure producers do not consume."""
    own = {"is_consumer", "is_producer"} & sensor.attributes.keys()
    if not (own or sensor.measures_power):  # what the asset says is about its power
        return None
    negative, positive = sensor.is_strictly_non_positive, sensor.is_strictly_non_negative
    if sensor.get_attribute("consumption_is_positive", False):
        negative, positive = positive, negative
    if not (negative or positive):
        return None
    flow = "produces" if sensor.is_strictly_non_positive else "consumes"
    rule = "0 or less" if negative else "0 or more"
    return SignRule(negative, f"This sensor never {flow}, so its values should be {rule}")


def _check_signs(sensor: Sensor, values: Floats) -> None:
    rule = sign_rule(sensor)
    wrong = None if rule is None else rule.broken_by(values)
    if rule is None or wrong is None or not wrong.any():
        return
    raise FMValidationError(
        f"{rule.text}, but some are not (item {int(wrong.argmax())}, for example).",
        field_name="values",
    )


def _belief_horizons(
    sensor: Sensor,
    source: DataSource,
    event_start: Integers,
    horizon: timedelta | None,
    prior: datetime | None,
) -> Integers:
    """How long before it could be known each event is believed, in microseconds.

    Now is when it is our turn to save. Had we looked at the clock before, whoever saves the same
    meanwhile would be later than us, and what we say would seem to be new.
    """
    known = Timing.of(sensor).knowledge_times(event_start)
    if horizon is None and prior is None:
        if ask_app.setting("FLEXMEASURES_MODE") == "play":
            return known - event_start - microseconds(sensor.event_resolution)
        wait_for_turn(sensor, source)
        return known - microseconds(server_now())
    horizons = []
    if horizon is not None:
        horizons.append(np.full(len(known), _checked_horizon(horizon, known)))
    if prior is not None:
        horizons.append(known - microseconds(prior))
    return np.maximum.reduce(horizons)  # long before is early


def _checked_horizon(horizon: timedelta, known: Integers) -> int:
    """In microseconds, if recording times stay within the years that can be used."""
    if abs(horizon) < _LONGEST:
        believed = known - microseconds(horizon)
        if ((believed >= _EARLIEST) & (believed < _LATEST)).all():
            return microseconds(horizon)
    raise FMValidationError(
        f"With this horizon, recording times are not between {FIRST_YEAR} and {LAST_YEAR}.",
        field_name="horizon",
    )


def _check_horizons(kind: str | None, horizons: Integers) -> None:
    if kind == METER_DATA and (horizons > 0).any():
        raise FMValidationError("Meter data must lie in the past.")
    if kind == PROGNOSIS and (horizons < 0).any():
        raise FMValidationError("Prognoses must lie in the future.")


# ---------------------------------------------------------------------------------------------
# Reading


@dataclass(frozen=True)
class Window:
    """Values of consecutive steps, nan where nothing is known.

    values : (steps,) in the unit that was asked for
    duration : of the window; of the last step, only a part may lie in it
    resolution : of the events; 0 for instants; the sensor's own if no value is known
    """

    values: Floats
    duration: timedelta
    resolution: timedelta


def read(
    sensor: Sensor,
    *,
    start: datetime,
    duration: timedelta | isodate.Duration,
    unit: str,
    resolution: timedelta | None = None,
    horizon: timedelta | None = None,
    prior: datetime | None = None,
    source: DataSource | None = None,
    source_account: Account | None = None,
    source_type: str | None = None,
    type: str | None = None,
) -> Window:
    """What is known about a window of time, one value per step (see `data.beliefs.steps`).

    duration : of the window; months and years on the calendar of the sensor's timezone
    unit : to convert to; from power to energy, a step's energy
    resolution : length of the steps; by default the sensor's, or, if its events are instants, one
        that suits the length of the window
    horizon : recorded at least that long before the event could be known
    prior : recorded by then
    source, source_account, source_type : recorded by this source, users, sources
    type : kind of message, which limits horizons and units

    Raises FMValidationError for what this sensor cannot tell.
    """
    _check_unit(sensor, unit, type)
    length = _grounded(duration, start, sensor)
    end = _check_end(start, length)
    step = resolution or sensor.event_resolution or parse_resolution(decide_resolution(start, end))
    _check_end(start, step, "resolution")
    number = number_of_steps(start, end, step)
    _check_number(number)
    kind = GET_TYPES.get(type or "")
    if kind == PROGNOSIS:
        horizon = max(horizon or timedelta(0), timedelta(0))
    filters = Filters(
        beliefs_before=prior,
        horizons_at_least=horizon,
        horizons_at_most=timedelta(0) if kind == METER_DATA else None,
        source_ids=select_source_ids(
            None if source is None else source.id,
            source_type,
            None if source_account is None else source_account.id,
        ),
    )
    values = step_values(sensor, start, end, step, filters)
    found = bool(number) and not np.isnan(values).all()
    if not found and source_type is not None and not has_source_of_type(sensor, source_type):
        raise FMValidationError(
            f"No source of type {source_type} has data of this sensor.", field_name="source-type"
        )
    after = step if found and sensor.event_resolution else sensor.event_resolution
    return Window(_in_unit(values, sensor, unit, after), length, after)


def _check_unit(sensor: Sensor, unit: str, type: str | None) -> None:
    kind = GET_TYPES.get(type or "")
    problems = [*_problems_of_unit(sensor, unit, kind, "requested for this", "convertible from")]
    if problems:
        raise FMValidationError(problems)


def _grounded(duration: timedelta | isodate.Duration, start: datetime, sensor: Sensor) -> timedelta:
    """How long it is from the start on. Raises FMValidationError if it is negative."""
    try:
        length = ground_duration(duration, start.astimezone(zone(sensor.timezone)))
    except (ValueError, OverflowError) as error:
        raise FMValidationError(str(error), field_name="duration") from error
    if length < timedelta(0):
        raise FMValidationError("A duration may not be negative.", field_name="duration")
    return length


def _in_unit(values: Floats, sensor: Sensor, unit: str, resolution: timedelta) -> Floats:
    try:
        with np.errstate(over="ignore"):
            converted: Floats = convert_units(values, sensor.unit, unit, resolution)
    except ValueError as error:  # a stock is asked for, and readings of a flow take no time
        raise FMValidationError(str(error), field_name="unit") from error
    return converted


# ---------------------------------------------------------------------------------------------
# Both


def _check_end(start: datetime, length: timedelta, field: str = "duration") -> datetime:
    """Start + length, within the years that can be used."""
    try:
        end = as_utc(start) + length
    except OverflowError:
        end = None
    if end is None or microseconds(end) > _LATEST:
        raise FMValidationError(f"Years up to {LAST_YEAR} can be used.", field_name=field)
    return end


def _check_number(number: int) -> None:
    limit: int = ask_app.setting("FLEXMEASURES_MAX_SENSOR_DATA_VALUES")
    if number > limit:
        raise FMValidationError(
            f"These are {number} values of the sensor. One request may have {limit}.",
            field_name="duration",
        )
