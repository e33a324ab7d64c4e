"""Units of measurement and of money: what they measure, and conversion between them.

Units are texts in short scientific notation (MW, m³/h, EUR/MWh, %), read by the library pint. Every
currency is a dimension of its own, so amounts convert between EUR/MWh and EUR/kWh, and not between
EUR and KRW. A unit may carry a factor (-W, 3*MW).

Flows and stocks (kW and kWh, m³/h and m³) convert into each other where the duration of an event is
known: a flow is then the average over the event.

`ur` is the registry of units, made when it is first asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeVar, overload

from flexmeasures.utils.currencies import CURRENCIES
from flexmeasures.utils.unit_registry import parse_quantity, parse_unit, registry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pint import Quantity, Unit, UnitRegistry
    from pint.util import UnitsContainer

    ur: UnitRegistry

    Vector = NDArray[np.float64]

Data = TypeVar("Data")

_TIME = {"[time]": 1}
_PER_TIME = {"[time]": -1}


def __getattr__(name: str) -> Any:
    if name == "ur":
        return registry()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# ---------------------------------------------------------------------------------------------
# What a unit measures


def is_valid_unit(unit: str) -> bool:
    """Can this text be read as a unit? (The empty text cannot, `dimensionless` can.)"""
    try:
        parse_unit(unit)
    except ValueError:
        return False
    return True


def _has_dimension_of(unit: str, example: str) -> bool:
    return is_valid_unit(unit) and _dimension(unit) == _dimension(example)


def _dimension(unit: str) -> UnitsContainer:
    return parse_unit(unit)[1].dimensionality


def is_power_unit(unit: str) -> bool:
    """
    >>> is_power_unit("kW"), is_power_unit("kWh"), is_power_unit("")
    (True, False, False)
    """
    return _has_dimension_of(unit, "W")


def is_energy_unit(unit: str) -> bool:
    """
    >>> is_energy_unit("kWh"), is_energy_unit("MJ"), is_energy_unit("kW")
    (True, True, False)
    """
    return _has_dimension_of(unit, "Wh")


def is_energy_price_unit(unit: str) -> bool:
    """A currency code per energy unit?

    >>> is_energy_price_unit("KRW/kWh"), is_energy_price_unit("KRW/MW"), is_energy_price_unit("EUR")
    (True, False, False)
    """
    currency, _, energy = unit.partition("/")
    return currency in CURRENCIES and is_energy_unit(energy)


def is_money_unit(unit: str) -> bool:
    """An amount of money, of whatever currency?

    >>> is_money_unit("EUR"), is_money_unit("EUR/MWh"), is_money_unit("kWh")
    (True, False, False)
    """
    try:
        return _has_dimension_of(unit, currency_of(unit))
    except ValueError:
        return False


def currency_of(unit: str) -> str:
    """The currency of a price or amount of money.

    >>> currency_of("EUR/MWh")
    'EUR'
    """
    currencies = [
        name.removeprefix("[currency_").removesuffix("]")
        for name in _dimension(unit)
        if name.startswith("[currency_")
    ]
    if len(currencies) != 1:
        raise ValueError(f"Unit {unit!r} has no single currency, unlike EUR/MWh.")
    return currencies[0]


# ---------------------------------------------------------------------------------------------
# Factors between units


def units_are_convertible(from_unit: str, to_unit: str, duration_known: bool = True) -> bool:
    """Do both measure the same, or does the former measure the stock to which the latter flows?

    The second case needs the duration of an event. Flows to stocks are not let through here,
    although `convert_units` can convert them: an API that takes kWh for kW sensors takes no kW for
    kWh sensors.

    >>> units_are_convertible("kWh", "kW"), units_are_convertible("kW", "kWh")
    (True, False)
    """
    if not is_valid_unit(from_unit) or not is_valid_unit(to_unit):
        return False
    ratio = parse_unit(from_unit)[1] / parse_unit(to_unit)[1]
    return ratio.dimensionless or (duration_known and ratio.dimensionality == _TIME)


def determine_unit_conversion_multiplier(
    from_unit: str, to_unit: str, duration: timedelta | None = None
) -> float:
    """What to multiply values with to convert them.

    duration : of the events, to convert stocks to flows or back
    A ValueError if no multiplication converts these units.

    >>> determine_unit_conversion_multiplier("kWh", "MJ")
    3.6
    >>> determine_unit_conversion_multiplier("Wh", "W", timedelta(minutes=10))
    6.0
    """
    multiplier = _multiplier(from_unit, to_unit)
    if multiplier is None:
        multiplier = _multiplier_over_time(from_unit, to_unit, duration)
    if multiplier is None:
        raise _impossible(from_unit, to_unit)
    return multiplier


def _impossible(from_unit: str, to_unit: str) -> ValueError:
    return ValueError(f"Unit conversion from {from_unit} to {to_unit} doesn't seem possible.")


@lru_cache(maxsize=1024)
def _multiplier(from_unit: str, to_unit: str) -> float | None:
    """Between units of one dimension; None if there is none, as between °C and K."""
    from_factor, from_base = parse_unit(from_unit)
    to_factor, to_base = parse_unit(to_unit)
    if from_base.dimensionality != to_base.dimensionality:
        return None
    if not (_is_linear(from_base) and _is_linear(to_base)):
        return 1.0 if (from_factor, from_base) == (to_factor, to_base) else None
    ratio = registry().convert(from_factor / to_factor, from_base, to_base)
    if not ratio or not math.isfinite(ratio):
        raise _impossible(from_unit, to_unit)
    # pint multiplies its way through the base units; this takes its rounding errors off again
    return float(f"{ratio:.15g}")


def _is_linear(unit: Unit) -> bool:
    """Is twice the number twice as much? Not so with temperatures and decibels."""
    one, two = (
        registry().Quantity(number, unit).to_base_units().magnitude for number in (1.0, 2.0)
    )
    return bool(math.isclose(two, 2 * one))


def _multiplier_over_time(from_unit: str, to_unit: str, duration: timedelta | None) -> float | None:
    """Between a stock and a flow, given how long the events are; None if they are no such pair."""
    ratio = (parse_unit(from_unit)[1] / parse_unit(to_unit)[1]).dimensionality
    if ratio not in (_TIME, _PER_TIME):
        return None
    if not duration:
        known = "unknown" if duration is None else "zero"
        raise ValueError(
            f"Unit conversion from {from_unit} to {to_unit} needs the duration of events, "
            f"which is {known}."
        )
    hours = duration / timedelta(hours=1)
    if ratio == _TIME:  # from stock to flow
        per_hour = _multiplier(f"({from_unit})/h", to_unit)
        return None if per_hour is None else per_hour / hours
    times_hour = _multiplier(f"({from_unit})*h", to_unit)
    return None if times_hour is None else times_hour * hours


def megawatts_in(unit: str) -> float:
    """What to multiply power with to get MW; a ValueError if the unit does not measure power.

    >>> megawatts_in("kW")
    0.001
    """
    return _multiplier_to("MW", unit, "power", "kW")


def megawatt_hours_in(unit: str) -> float:
    """What to multiply energy with to get MWh; a ValueError if the unit does not measure energy.

    >>> megawatt_hours_in("kWh")
    0.001
    """
    return _multiplier_to("MWh", unit, "energy", "kWh")


def price_per_mwh_in(unit: str) -> float:
    """What to multiply an energy price with to get it per MWh, in its own currency.

    A ValueError if the unit is not that of an energy price.

    >>> price_per_mwh_in("EUR/kWh"), price_per_mwh_in("KRW/MWh")
    (1000.0, 1.0)
    """
    return _multiplier_to(f"{currency_of(unit)}/MWh", unit, "an energy price", "EUR/MWh")


def energy_price(quantity: Quantity) -> tuple[float, str]:
    """The price per MWh, and what it is in: a currency, or "kg" for emissions per energy.

    A ValueError if the quantity is no such price.

    >>> energy_price(parse_quantity("0.21 EUR/kWh"))
    (210.0, 'EUR')
    """
    cost = quantity * registry().Quantity(1.0, "MWh")
    dimensions = dict(cost.dimensionality)
    name = next(iter(dimensions), "")
    if dimensions == {"[mass]": 1}:
        unit = "kg"
    elif dimensions == {name: 1} and name.startswith("[currency_"):
        unit = name.removeprefix("[currency_").removesuffix("]")
    else:
        raise ValueError(f"{quantity:~P} is no price of energy, unlike 0.21 EUR/kWh.")
    return float(f"{cost.to(unit).magnitude:.15g}"), unit


def _multiplier_to(target: str, unit: str, measures: str, example: str) -> float:
    multiplier = _multiplier(unit, target)
    if multiplier is None:
        raise ValueError(f"Unit {unit!r} does not measure {measures}, unlike {example}.")
    return multiplier


# ---------------------------------------------------------------------------------------------
# Good names for units


def determine_flow_unit(stock_unit: str, time_unit: str = "h") -> str:
    """How to call a change of the stock per time.

    >>> determine_flow_unit("m³"), determine_flow_unit("kWh"), determine_flow_unit("m", "s")
    ('m³/h', 'kW', 'm/s')
    """
    units = registry()
    flow = units.Quantity(1.0, parse_unit(stock_unit)[1]) / units.Quantity(1.0, time_unit)
    return f"{to_preferred(flow).units:~P}"


def determine_stock_unit(flow_unit: str, time_unit: str = "h") -> str:
    """How to call what a flow adds up to.

    >>> determine_stock_unit("m³/h"), determine_stock_unit("kW"), determine_stock_unit("m/s")
    ('m³', 'kWh', 'km')
    """
    units = registry()
    stock = units.Quantity(1.0, parse_unit(flow_unit)[1]) * units.Quantity(1.0, time_unit)
    return f"{to_preferred(stock).units:~P}"


def to_preferred(x: Quantity) -> Quantity:
    """The same quantity in the unit that people would use, where its own is a product of units.

    So kWh/h becomes kW, and kW·h kWh. Among several choices, one that keeps the number is better.
    """
    if len(list(x.unit_items())) < 2:
        return x
    choices = [
        x.to(unit).to_compact() if len(unit) < 3 else x.to(unit)
        for unit in ("W", "Wh", "J", "m", "g", "m**3")
        if x.check(unit)
    ]
    same_number = [choice for choice in choices if math.isclose(choice.magnitude, x.magnitude)]
    return next(iter(same_number or choices), x)


# ---------------------------------------------------------------------------------------------
# Converting data


@overload
def convert_units(
    data: float,
    from_unit: str,
    to_unit: str,
    event_resolution: timedelta | None = None,
    capacity: str | Quantity | None = None,
) -> float: ...


@overload
def convert_units(
    data: Data,
    from_unit: str,
    to_unit: str,
    event_resolution: timedelta | None = None,
    capacity: str | Quantity | None = None,
) -> Data: ...


def convert_units(
    data: Any,
    from_unit: str,
    to_unit: str,
    event_resolution: timedelta | None = None,
    capacity: str | Quantity | None = None,
) -> Any:
    """Convert a number, list, array, series or frame, and return the same kind of thing.

    from_unit : also "datetime" (since the Unix epoch, in whole steps of to_unit; naive ones are in
        UTC) or "timedelta"
    event_resolution : how long events are, to convert stocks to flows or back; belief series know
    capacity : what 100 % means (such as "50 kWh"), to convert percentages to amounts or back
    A ValueError if the conversion is impossible. A None in a list becomes nan.

    >>> convert_units([1, 2], "kWh", "kW", event_resolution=timedelta(minutes=15))
    [4.0, 8.0]
    """
    if from_unit in ("datetime", "timedelta"):
        return _numbers_of_times(data, from_unit, to_unit)
    if from_unit == to_unit:
        return data
    for unit in (from_unit, to_unit):
        parse_unit(unit)  # an unreadable unit is told as such
    return _apply(data, _conversion(data, from_unit, to_unit, event_resolution, capacity))


def _conversion(
    data: Any,
    from_unit: str,
    to_unit: str,
    event_resolution: timedelta | None,
    capacity: str | Quantity | None,
) -> Callable[[Vector], Vector]:
    """The first way of converting that fits these units."""
    multiplier = _multiplier(from_unit, to_unit)
    if multiplier is None and _dimension(from_unit) == _dimension(to_unit):
        return lambda values: _convert_nonlinear(values, from_unit, to_unit)
    if multiplier is None and capacity is not None:
        multiplier = _multiplier_of_capacity(from_unit, to_unit, parse_quantity(capacity))
    if multiplier is None:
        if event_resolution is None:
            event_resolution = getattr(data, "event_resolution", None)
        multiplier = _multiplier_over_time(from_unit, to_unit, event_resolution)
    if multiplier is None:
        raise _impossible(from_unit, to_unit)
    return lambda values: values * multiplier


def _convert_nonlinear(values: Vector, from_unit: str, to_unit: str) -> Vector:
    from_factor, from_base = parse_unit(from_unit)
    to_factor, to_base = parse_unit(to_unit)
    converted: Vector = registry().Quantity(values * from_factor, from_base).m_as(to_base)
    return converted / to_factor


def _multiplier_of_capacity(from_unit: str, to_unit: str, capacity: Quantity) -> float | None:
    """Between shares of a capacity and amounts; None if these units are no such pair."""
    unit = f"{capacity.units:~P}"
    size = float(capacity.magnitude)
    if parse_unit(from_unit)[1].dimensionless:
        of_capacity, amount = _multiplier(from_unit, "dimensionless"), _multiplier(unit, to_unit)
        return None if of_capacity is None or amount is None else of_capacity * size * amount
    if parse_unit(to_unit)[1].dimensionless:
        amount, of_capacity = _multiplier(from_unit, unit), _multiplier("dimensionless", to_unit)
        return None if of_capacity is None or amount is None else amount / size * of_capacity
    return None


def _apply(data: Any, function: Callable[[Vector], Vector]) -> Any:
    """Apply a function of float arrays to a number, list, array, series or frame."""
    import numpy as np

    if isinstance(data, Real):
        return float(function(np.asarray(data, dtype=float)))
    if isinstance(data, (list, tuple)):
        return type(data)(function(np.array(data, dtype=float)).tolist())
    if isinstance(data, np.ndarray):
        return function(data.astype(float))
    result = data.astype(float)
    result[:] = function(result.to_numpy())
    return result


def _numbers_of_times(data: Any, from_unit: str, to_unit: str) -> Any:
    """Datetimes or timedeltas as numbers of a unit of time."""
    import pandas as pd

    seconds = _multiplier(to_unit, "s")
    if seconds is None:
        raise _impossible(from_unit, to_unit)
    step = pd.Timedelta(seconds, unit="s")
    if isinstance(data, (datetime, timedelta, str)):
        return _numbers_of_times([data], from_unit, to_unit)[0]
    times = data if hasattr(data, "index") and hasattr(data, "dtype") else pd.Series(data)
    if from_unit == "timedelta":
        numbers = pd.to_timedelta(times) / step
    else:
        numbers = (pd.to_datetime(times, utc=True) - pd.Timestamp(0, tz="UTC")) // step
    if isinstance(data, (list, tuple)):
        return type(data)(numbers.tolist())
    return numbers if times is data else numbers.to_numpy()
