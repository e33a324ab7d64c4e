"""What is believed about prices and about the power of inflexible devices, slot by slot.

Here units become MW and money per MWh, and signs become consumption positive.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from flexmeasures.data.beliefs.search import values
from flexmeasures.data.config import db
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.scheduling.exceptions import UnknownMarketException, UnknownPricesException
from flexmeasures.utils.time_utils import as_utc, shift
from flexmeasures.utils.unit_registry import parse_quantity
from flexmeasures.utils.unit_utils import (
    currency_of,
    determine_unit_conversion_multiplier,
    is_energy_unit,
    megawatt_hours_in,
    price_per_mwh_in,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Surroundings:
    """What surrounds the flexible device; arrays have one value per slot.

    consumption_price, production_price : currency/MWh
    inflexible : MW, consumption positive, by sensor
    filled_prices, assumed_zeros : what was not known, in values that JSON can have
    """

    currency: str
    consumption_price: np.ndarray
    production_price: np.ndarray
    inflexible: dict[Sensor, np.ndarray]
    filled_prices: list[dict[str, Any]] = field(default_factory=list)
    assumed_zeros: list[dict[str, Any]] = field(default_factory=list)


def look_around(
    sensor: Sensor,
    flex_context: Mapping[str, Any],
    start: datetime,
    end: datetime,
    resolution: timedelta,
    beliefs_before: datetime | None = None,
) -> Surroundings:
    """Look up what is believed about everything around the device of a sensor, in one query.

    Prices that are unknown within the window are the last known ones, those at its beginning the
    first known ones. Power that is unknown counts as 0. Both are logged and reported.

    Raises
    ------
    UnknownMarketException : there is no price sensor
    UnknownPricesException : no price is known in the window at all
    ValueError : units are of the wrong kind, or currencies are mixed
    """
    buying, selling = price_sensors(sensor, flex_context)
    currency = common_currency(buying, selling)
    devices = list(dict.fromkeys(flex_context.get("inflexible_device_sensors") or ()))
    known = values(
        dict.fromkeys([buying, selling, *devices]),
        as_utc(start),
        as_utc(end),
        resolution,
        beliefs_before=beliefs_before,
    )
    times = Times(start, resolution)
    filled: list[dict[str, Any]] = []
    prices = {}
    for price_sensor in dict.fromkeys([buying, selling]):
        prices[price_sensor], gaps = price_per_slot(price_sensor, known[price_sensor.id], times)
        filled += gaps
    zeros: list[dict[str, Any]] = []
    inflexible = {}
    for device in devices:
        inflexible[device], gaps = power_per_slot(device, known[device.id], times)
        zeros += gaps
    return Surroundings(currency, prices[buying], prices[selling], inflexible, filled, zeros)


def price_sensors(sensor: Sensor, flex_context: Mapping[str, Any]) -> tuple[Sensor, Sensor]:
    """The sensors of consumption prices and of production prices.

    The latter defaults to the former, and both to the sensor of which the attribute `market_id` is
    the id.
    """
    buying = flex_context.get("consumption_price_sensor") or _market(sensor)
    selling = flex_context.get("production_price_sensor") or buying or _market(sensor)
    if buying is None or selling is None:
        raise UnknownMarketException(
            f"No prices to schedule sensor {sensor.id} with: the flex-context should have a"
            " consumption-price-sensor, or the sensor an attribute market_id."
        )
    return buying, selling


def _market(sensor: Sensor) -> Sensor | None:
    market_id = sensor.get_attribute("market_id")
    return None if market_id is None else db.session.get(Sensor, int(market_id))


def common_currency(*price_sensors: Sensor) -> str:
    """What all these prices are in (money; or anything else, such as kg in kg/MWh)."""
    currencies = {price_sensor: _price_unit(price_sensor)[0] for price_sensor in price_sensors}
    if len(set(currencies.values())) > 1:
        listed = " and ".join(
            f"{_name(price_sensor)} is in {price_sensor.unit}" for price_sensor in currencies
        )
        raise ValueError(f"Prices should share one currency, but {listed}.")
    return next(iter(currencies.values()))


def _price_unit(price_sensor: Sensor) -> tuple[str, float]:
    """Currency, and what to multiply prices with to get them per MWh."""
    unit = price_sensor.unit
    try:
        return currency_of(unit), price_per_mwh_in(unit)
    except ValueError as error:
        counted, _, energy = unit.rpartition("/")
        if counted and is_energy_unit(energy):
            return counted, 1 / megawatt_hours_in(energy)
        raise ValueError(f"{_name(price_sensor)} has no energy prices: {error}") from error


def _name(sensor: Sensor) -> str:
    return f"Sensor {sensor.id} ({sensor.name})"


@dataclass(frozen=True)
class Times:
    """Slots as moments."""

    start: datetime
    resolution: timedelta

    def stretches(self, chosen: np.ndarray) -> list[tuple[int, dict[str, str]]]:
        """Each run of chosen slots: its first one, and its start and end as text."""
        padded = np.concatenate([[False], chosen, [False]])
        edges = np.flatnonzero(padded[1:] != padded[:-1]).tolist()
        return [
            (
                first,
                {
                    "start": shift(self.start, first * self.resolution).isoformat(),
                    "end": shift(self.start, after * self.resolution).isoformat(),
                },
            )
            for first, after in zip(edges[::2], edges[1::2], strict=True)
        ]


def price_per_slot(
    price_sensor: Sensor, known: np.ndarray, times: Times
) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Prices per MWh without gaps, and which gaps were filled."""
    if np.isnan(known).all():
        raise UnknownPricesException(price_sensor)
    prices = fill_gaps(known) * _price_unit(price_sensor)[1]
    filled = [
        {"sensor": price_sensor.id, **stretch, "price": float(prices[first])}
        for first, stretch in times.stretches(np.isnan(known))
    ]
    for gap in filled:
        logger.warning(
            "%s: prices from %s to %s are unknown, and taken to be %s.",
            _name(price_sensor),
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


def power_per_slot(
    device: Sensor, known: np.ndarray, times: Times
) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """MW, consumption positive, with zeros for what is unknown; and where that is so."""
    try:
        # Energy per event is power, too.
        factor = determine_unit_conversion_multiplier(
            device.unit, "MW", device.event_resolution or None
        )
    except ValueError as error:
        raise ValueError(f"{_name(device)} is no inflexible device: {error}") from error
    if not device.get_attribute("consumption_is_positive", False):
        factor = -factor
    zeros = [{"sensor": device.id, **stretch} for _, stretch in times.stretches(np.isnan(known))]
    for gap in zeros:
        logger.warning(
            "%s: power from %s to %s is unknown, and taken to be 0.",
            _name(device),
            gap["start"],
            gap["end"],
        )
    return np.nan_to_num(known, nan=0.0) * factor + 0.0, zeros


def with_slope(prices: np.ndarray) -> np.ndarray:
    """Make the future dearer by a thousandth of the price spread at most, to break ties.

    >>> with_slope(np.array([10.0, 20.0])).tolist()
    [10.0, 20.01]
    """
    if len(prices) < 2:
        return prices
    spread = float(np.ptp(prices))
    penalty = 0.001 * spread if spread > 0 else 0.001
    return prices + np.linspace(0, penalty, len(prices))
