"""What is believed about prices and about the power of inflexible devices, slot by slot.

Here units become MW and money per MWh, and signs become consumption positive.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from flexmeasures.data.config import db
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.schemas.scheduling.references import Reference, name_of
from flexmeasures.data.schemas.scheduling.values import Price
from flexmeasures.data.schemas.utils import FMValidationError
from flexmeasures.scheduling.exceptions import UnknownMarketException, UnknownPricesException
from flexmeasures.scheduling.tie_breaks import with_slope
from flexmeasures.scheduling.variable import Grid, Knowledge
from flexmeasures.utils.unit_registry import parse_quantity, parse_unit, registry
from flexmeasures.utils.unit_utils import determine_unit_conversion_multiplier, energy_price

__all__ = [
    "fill_gaps",
    "money_per_mwh",
    "power_per_slot",
    "price_per_slot",
    "price_sensors",
    "prices_of",
    "with_slope",
]

logger = logging.getLogger(__name__)

Report = list[dict[str, Any]]

_PRICES = ("consumption_price", "production_price")


def price_sensors(sensor: Sensor, flex_context: Mapping[str, Any]) -> tuple[Sensor, Sensor]:
    """The sensors of consumption prices and of production prices.

    The latter defaults to the former, and both to the sensor of which the attribute `market_id` is
    the id.
    """
    buying = flex_context.get("consumption_price_sensor") or market(sensor)
    selling = flex_context.get("production_price_sensor") or buying or market(sensor)
    if buying is None or selling is None:
        raise UnknownMarketException(
            f"No prices to schedule sensor {sensor.id} with: the flex-context should have a"
            " consumption-price-sensor, or the sensor an attribute market_id."
        )
    return buying, selling


def market(owner: Any) -> Sensor | None:
    """The sensor of which the attribute `market_id` of a sensor or asset is the id."""
    find = owner.get_attribute if isinstance(owner, Sensor) else owner.attributes.get
    market_id = find("market_id")
    if isinstance(market_id, bool) or not isinstance(market_id, (int, str)):
        return None
    try:
        return db.session.get(Sensor, int(market_id))
    except ValueError:
        return None


def given_prices(flex_context: Mapping[str, Any]) -> dict[str, Price]:
    """The prices of a flex-context, by name.

    Raises ValidationError for a sensor without prices, and if currencies are mixed.
    """
    found, key = {}, ""
    try:
        for name in _PRICES:
            if flex_context.get(name) is not None:
                found[name], key = flex_context[name], name
            elif (sensor := flex_context.get(f"{name}_sensor")) is not None:
                key = f"{name}_sensor"
                found[name] = price_of(sensor)
        if len(found) == 2:
            check_currencies(*found.values())
    except ValueError as error:
        raise FMValidationError({key.replace("_", "-"): [str(error)]}) from error
    return found


def prices_of(flex_context: Mapping[str, Any], owner: Any) -> tuple[Price, Price]:
    """What consumption costs and what production earns, in one currency.

    The latter defaults to the former, and both to the sensor of which the attribute `market_id` of
    the owner (a sensor or an asset) is the id.

    Raises UnknownMarketException, or ValueError if currencies are mixed.
    """
    found = given_prices(flex_context)
    buying = found.get("consumption_price")
    if buying is None and (sensor := market(owner)) is not None:
        buying = price_of(sensor)
    selling = found.get("production_price", buying)
    if buying is None or selling is None:
        what = "sensor" if isinstance(owner, Sensor) else "asset"
        raise UnknownMarketException(
            f"No prices to schedule {what} {owner.id} with: the flex-context should have a"
            f" consumption-price-sensor, or the {what} an attribute market_id."
        )
    check_currencies(buying, selling)
    return buying, selling


def price_of(sensor: Sensor) -> Price:
    """The prices that a sensor records."""
    try:
        factor, unit = parse_unit(sensor.unit)
        per_mwh, currency = energy_price(registry().Quantity(factor, unit))
    except ValueError as error:
        raise ValueError(f"{name_of(sensor)} has no energy prices: {error}") from error
    return Price(Reference(sensor, per_mwh), currency)


def check_currencies(buying: Price, selling: Price) -> None:
    """Raise ValueError unless both prices share one currency."""
    if buying.currency != selling.currency:
        listed = " and ".join(_described(price) for price in (buying, selling))
        raise ValueError(f"Prices should share one currency, but {listed}.")


def _described(price: Price) -> str:
    if isinstance(price.variable, Reference):
        sensor = price.variable.sensor
        return f"{name_of(sensor)} is in {sensor.unit}"
    return f"another price is in {price.currency}/MWh"


def known_prices(name: str, price: Price, knowledge: Knowledge) -> tuple[np.ndarray, Report]:
    """Prices per MWh without gaps, and which gaps were filled.

    Raises UnknownPricesException if no price is known at all.
    """
    known = knowledge.per_slot(price.variable, floor_to=knowledge.grid.resolution)
    reference = price.variable if isinstance(price.variable, Reference) else None
    if np.isnan(known).all():
        raise UnknownPricesException(
            reference.sensor
            if reference is not None
            else f"Prices unknown for planning window. ({name})"
        )
    what: dict[str, Any] = {"field": name}
    if reference is not None:
        what = {"sensor": reference.sensor.id}
        name = name_of(reference.sensor)
    return _filled(name, what, known, knowledge.grid)


def source_of_prices(price: Price, per_slot: np.ndarray, grid: Grid) -> Any:
    """For readers of a plan, where its prices are from: a sensor, or else the prices themselves.

    per_slot : per MWh
    """
    if isinstance(price.variable, Reference):
        return {"sensor": price.variable.sensor.id}
    edges = [0, *(np.flatnonzero(np.diff(per_slot)) + 1).tolist(), grid.slots]
    return [
        {
            "start": grid.moment(first).isoformat(),
            "end": grid.moment(end).isoformat(),
            "price": float(per_slot[first]),
        }
        for first, end in pairwise(edges)
    ]


def price_per_slot(
    price_sensor: Sensor, known: np.ndarray, grid: Grid
) -> tuple[np.ndarray, Report]:
    """Prices per MWh without gaps, of values in the sensor's unit; and which gaps were filled."""
    if np.isnan(known).all():
        raise UnknownPricesException(price_sensor)
    price = price_of(price_sensor).variable
    assert isinstance(price, Reference)
    what = {"sensor": price_sensor.id}
    return _filled(name_of(price_sensor), what, known * price.factor, grid)


def _filled(
    name: str, what: dict[str, Any], known: np.ndarray, grid: Grid
) -> tuple[np.ndarray, Report]:
    prices = fill_gaps(known)
    filled = [
        {**what, **stretch, "price": float(prices[first])}
        for first, stretch in grid.stretches(np.isnan(known))
    ]
    for gap in filled:
        logger.warning(
            "%s: prices from %s to %s are unknown, and taken to be %s.",
            name,
            gap["start"],
            gap["end"],
            gap["price"],
        )
    return prices, filled


def money_per_mwh(name: str, value: float | str, currency: str) -> float:
    """A price given as a number (in currency/MWh) or text (such as "0.03 EUR/kWh").

    >>> money_per_mwh("soc-value-at-end", "0.03 EUR/kWh", "EUR")
    30.0
    """
    import pint

    quantity = parse_quantity(value)
    if quantity.dimensionless:
        return float(quantity.magnitude)
    try:
        return float(f"{quantity.to(f'{currency}/MWh').magnitude:.15g}")
    except pint.PintError as error:
        raise ValueError(f"{name} should be in {currency}/MWh, but is {value}.") from error


def fill_gaps(known: np.ndarray) -> np.ndarray:
    """Repeat the last known value where there is none, and before that the first known one.

    >>> fill_gaps(np.array([np.nan, 10, np.nan, 20, np.nan])).tolist()
    [10.0, 10.0, 10.0, 20.0, 20.0]
    """
    is_known = ~np.isnan(known)
    latest = np.maximum.accumulate(np.where(is_known, np.arange(len(known)), -1))
    return known[np.where(latest < 0, np.argmax(is_known), latest)]


def inflexible_power(flex_context: Mapping[str, Any]) -> Iterator[tuple[Sensor, Reference]]:
    """Where the power (MW, consumption positive) of each inflexible device is to be found.

    Raises ValueError for what has no power.
    """
    for sensor in dict.fromkeys(flex_context.get("inflexible_device_sensors") or ()):
        yield sensor, power_of(sensor)
    for name, sign in (("inflexible_consumption", 1), ("inflexible_production", -1)):
        for reference in flex_context.get(name) or ():
            default = None if reference.default is None else sign * reference.default
            signed = Reference(
                reference.sensor, sign * reference.factor, default, reference.filters
            )
            yield reference.sensor, signed


def power_of(sensor: Sensor) -> Reference:
    """The power that a sensor records: production positive, unless an attribute says otherwise."""
    try:
        # Energy per event is power, too.
        factor = determine_unit_conversion_multiplier(
            sensor.unit, "MW", sensor.event_resolution or None
        )
    except ValueError as error:
        raise ValueError(f"{name_of(sensor)} is no inflexible device: {error}") from error
    consumes = sensor.get_attribute("consumption_is_positive", False)
    return Reference(sensor, factor if consumes else -factor)


def power_per_slot(device: Sensor, known: np.ndarray, grid: Grid) -> tuple[np.ndarray, Report]:
    """MW, consumption positive, of values in the sensor's unit, with zeros for what is unknown."""
    return zeros_for_gaps(device, known * power_of(device).factor, grid)


def zeros_for_gaps(device: Sensor, known: np.ndarray, grid: Grid) -> tuple[np.ndarray, Report]:
    """Zeros for what is unknown; and where that is so."""
    zeros = [{"sensor": device.id, **stretch} for _, stretch in grid.stretches(np.isnan(known))]
    for gap in zeros:
        logger.warning(
            "%s: power from %s to %s is unknown, and taken to be 0.",
            name_of(device),
            gap["start"],
            gap["end"],
        )
    return np.nan_to_num(known, nan=0.0) + 0.0, zeros
