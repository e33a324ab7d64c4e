from __future__ import annotations

import doctest
import subprocess
import sys
import time
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures.utils import unit_registry, unit_utils
from flexmeasures.utils.currencies import CURRENCIES
from flexmeasures.utils.timely import tb
from flexmeasures.utils.unit_registry import parse_quantity
from flexmeasures.utils.unit_utils import (
    convert_units,
    currency_of,
    determine_flow_unit,
    determine_stock_unit,
    determine_unit_conversion_multiplier,
    is_energy_price_unit,
    is_energy_unit,
    is_power_unit,
    is_valid_unit,
    megawatt_hours_in,
    megawatts_in,
    price_per_mwh_in,
    units_are_convertible,
)

QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)

values = st.floats(-1e9, 1e9, allow_subnormal=False).filter(lambda x: x == 0 or abs(x) > 1e-9)
resolutions = st.sampled_from([timedelta(minutes=m) for m in (1, 5, 15, 60, 1440)])


@pytest.mark.parametrize("module", [unit_utils, unit_registry])
def test_examples_in_docstrings(module: ModuleType) -> None:
    failed, tried = doctest.testmod(module)
    assert tried and not failed


def test_the_registry_is_made_when_it_is_first_used() -> None:
    program = "import sys, flexmeasures.utils.unit_utils; print('pint' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout == "False\n"


def test_the_registry_is_offered_to_plugins() -> None:
    from flexmeasures.utils.unit_utils import ur

    price = ur.Quantity("3 EUR/kWh").to("EUR/MWh")
    assert price.magnitude == pytest.approx(3000)
    assert str(price.units) == "EUR/MWh"
    assert str(ur.Quantity("50%")) == "50 %"


# --- Reading ---


@pytest.mark.parametrize(
    "unit",
    [
        "MW",
        "m³/h",
        "°C",
        "kW/m²",
        "m/s",
        "KRW/kWh",
        "EUR",
        "%",
        "‰",
        "dimensionless",
        "l/(100km)",
        "-W",
        "3*MW",
        "toe",
        "W/°C",
        "m^3",
        "m**3/h",
        "MW h",
        "m²K/W",
        "kVA",
        "cEUR/kWh",
    ],
)
def test_valid_units(unit: str) -> None:
    assert is_valid_unit(unit)


@pytest.mark.parametrize(
    "unit",
    ["", " ", "Mw", "m2", "€", "not-a-unit", "beans", "#", "a.u.", "0*MW", "nan", "inf*MW", "-°C"]
    + ["kW;", "kW;m", "kW%3", "kW % 3", "kW ± 5", "kW +/- 5"],
)
def test_invalid_units(unit: str) -> None:
    assert not is_valid_unit(unit)


@pytest.mark.parametrize(
    "unit",
    [
        "9**9**9**9",
        "9^9^9^9",
        "9⁹⁹⁹⁹⁹⁹⁹⁹",
        "9⁹⁹ ⁹⁹ ⁹⁹",
        "9**(9**9**9)",
        "9**(9*99999999)",
        "9**9_99999999",
        "((((9**99)**99)**99)**99)**99",
        "9 squared squared squared squared squared squared",
        "m" + "*m" * 5000,
    ],
)
def test_monstrous_units_are_refused_at_once(unit: str) -> None:
    started = time.perf_counter()
    assert not is_valid_unit(unit)
    assert time.perf_counter() - started < 1


@given(st.text(st.sampled_from("WMkhm³²%/*^()9.-+ e°C_#'\"\\\n{[€ΩEUR:,!x"), max_size=30))
def test_any_text_is_a_unit_or_not(unit: str) -> None:
    if is_valid_unit(unit):
        assert units_are_convertible(unit, unit)


def test_every_currency_is_a_unit_of_its_own_dimension() -> None:
    for code in CURRENCIES:
        assert is_energy_price_unit(f"{code}/MWh")
        assert currency_of(f"{code}/kW") == code
    assert {"EUR", "KRW", "USD", "XCG", "HRK", "BGN"} <= CURRENCIES
    assert not units_are_convertible("EUR", "KRW")
    assert units_are_convertible("EUR/MWh", "EUR/kWh")


@pytest.mark.parametrize(
    ("text", "magnitude", "unit"),
    [
        ("50%", 50, "%"),
        ("50 kWh", 50, "kWh"),
        ("0.5", 0.5, ""),
        (1, 1, ""),
        (0.25, 0.25, ""),
        ("-3.5e3 EUR/MWh", -3500, "EUR/MWh"),
        ("20 °C", 20, "°C"),
        ("3*MW", 3, "MW"),
        ("5/h", 5, "1/h"),
    ],
)
def test_quantities(text: str | float, magnitude: float, unit: str) -> None:
    quantity = parse_quantity(text)
    assert quantity.magnitude == magnitude
    assert f"{quantity.units:~P}" == unit
    assert parse_quantity(quantity) is quantity


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kWh",
        "1 200 kW",
        "1,200 kW",
        "0,5 kW",
        "50 apples",
        "nan",
        "inf",
        "1e999 W",
        "True",
        "%",
    ],
)
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a quantity|cannot be handled"):
        parse_quantity(text)


# --- What units measure ---


@pytest.mark.parametrize(
    ("unit", "power", "energy", "price"),
    [
        ("kW", True, False, False),
        ("watt", True, False, False),
        ("-W", True, False, False),
        ("kWh", False, True, False),
        ("toe", False, True, False),
        ("", False, False, False),
        ("#", False, False, False),
        ("EUR/MWh", False, False, True),
        ("KRW/kWh", False, False, True),
        ("KRW/MW", False, False, False),
        ("beans/MW", False, False, False),
        ("EUR", False, False, False),
        ("EUR/", False, False, False),
    ],
)
def test_kinds_of_units(unit: str, power: bool, energy: bool, price: bool) -> None:
    assert (is_power_unit(unit), is_energy_unit(unit), is_energy_price_unit(unit)) == (
        power,
        energy,
        price,
    )


@pytest.mark.parametrize("unit", ["MWh", "EUR*KRW", "beans/MWh"])
def test_units_without_a_single_currency(unit: str) -> None:
    with pytest.raises(ValueError, match=r"has no single currency|cannot be handled"):
        currency_of(unit)


# --- Factors ---


@pytest.mark.parametrize(
    ("from_unit", "to_unit", "convertible", "without_duration"),
    [
        ("kW", "W", True, True),
        ("kWh", "kW", True, False),
        ("kW", "kWh", False, False),
        ("m³", "m³/h", True, False),
        ("toe", "W", True, False),
        ("°C", "K", True, True),
        ("°C", "W", False, False),
        ("EUR/MWh", "EUR/kWh", True, True),
        ("EUR", "KRW", False, False),
        ("beans", "beans", False, False),
        ("", "W", False, False),
    ],
)
def test_convertible_units(
    from_unit: str, to_unit: str, convertible: bool, without_duration: bool
) -> None:
    assert units_are_convertible(from_unit, to_unit) == convertible
    assert units_are_convertible(from_unit, to_unit, duration_known=False) == without_duration


@pytest.mark.parametrize(
    ("from_unit", "to_unit", "duration", "multiplier"),
    [
        ("kW", "W", None, 1000),
        ("kW", "MW", None, 0.001),
        ("Wh", "W", timedelta(minutes=10), 6),
        ("kW", "kWh", QUARTER, 0.25),
        ("kWh", "MJ", None, 3.6),
        ("l/h", "m³/h", None, 0.001),
        ("EUR/kWh", "EUR/MWh", None, 1000),
        ("cEUR/kWh", "EUR/MWh", None, 10),
        ("-kW", "W", None, -1000),
        ("100 kW", "MW", None, 0.1),
        ("%", "dimensionless", None, 0.01),
        ("‰", "%", None, 0.1),
        ("kVA", "MW", None, 0.001),
    ],
)
def test_multipliers_are_free_of_rounding_errors(
    from_unit: str, to_unit: str, duration: timedelta | None, multiplier: float
) -> None:
    assert determine_unit_conversion_multiplier(from_unit, to_unit, duration) == multiplier


@pytest.mark.parametrize(
    ("from_unit", "to_unit", "duration", "reason"),
    [
        ("kWh", "kW", None, "needs the duration of events, which is unknown"),
        ("kWh", "kW", timedelta(0), "needs the duration of events, which is zero"),
        ("EUR", "KRW", QUARTER, "from EUR to KRW doesn't seem possible"),
        ("°C", "K", QUARTER, "from °C to K doesn't seem possible"),
        ("m", "W", QUARTER, "from m to W doesn't seem possible"),
        ("beans", "W", QUARTER, "'beans' cannot be handled"),
    ],
)
def test_why_there_is_no_multiplier(
    from_unit: str, to_unit: str, duration: timedelta | None, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        determine_unit_conversion_multiplier(from_unit, to_unit, duration)


def test_to_the_units_of_planning() -> None:
    assert megawatts_in("kW") == 0.001
    assert megawatt_hours_in("kWh") == 0.001
    assert price_per_mwh_in("EUR/kWh") == 1000
    assert price_per_mwh_in("cEUR/kWh") == 10
    for measure, unit, reason in (
        (megawatts_in, "kWh", "'kWh' does not measure power, unlike kW"),
        (megawatt_hours_in, "kW", "'kW' does not measure energy, unlike kWh"),
        (price_per_mwh_in, "EUR/MW", "'EUR/MW' does not measure an energy price, unlike EUR/MWh"),
        (price_per_mwh_in, "MWh", "'MWh' has no single currency, unlike EUR/MWh"),
    ):
        with pytest.raises(ValueError, match=reason):
            measure(unit)


@pytest.mark.parametrize(
    ("stock", "time_unit", "flow"),
    [
        ("m³", "h", "m³/h"),
        ("kWh", "h", "kW"),
        ("MWh", "h", "MW"),
        ("J", "s", "W"),
        ("m", "s", "m/s"),
        ("t", "h", "t/h"),
        ("EUR", "h", "EUR/h"),
        ("l", "min", "l/min"),
    ],
)
def test_flow_units_and_back(stock: str, time_unit: str, flow: str) -> None:
    assert determine_flow_unit(stock, time_unit) == flow
    assert determine_stock_unit(flow, time_unit) == stock


def test_stock_unit_on_another_scale() -> None:
    assert determine_stock_unit("m/s") == "km"
    assert determine_stock_unit("MW", "min") in ("kWh", "MJ")


# --- Converting ---


@pytest.mark.parametrize(
    ("data", "from_unit", "to_unit", "resolution", "expected"),
    [
        (0, "°C", "K", None, 273.15),
        (300.0, "K", "°C", None, 26.85),
        (0, "°C", "°F", None, 32),
        (0, "dBm", "mW", None, 1),
        (2, "-W", "W", None, -2),
        (2, "W", "-kW", None, -0.002),
        (1, "kWh", "kW", QUARTER, 4),
        (1, "kW", "kWh", QUARTER, 0.25),
        (1, "m³", "m³/h", QUARTER, 4),
        (1, "-kWh", "kW", HOUR, -1),
        (5.1, "kW", "MW", None, 0.0051),
        (5.1, "MW", "kW", None, 5100),
        (1, "EUR/kWh", "EUR/MWh", None, 1000),
        (50, "%", "dimensionless", None, 0.5),
        (7.5, "l/(100km)", "l/km", None, 0.075),
    ],
)
def test_converting_one_number(
    data: float, from_unit: str, to_unit: str, resolution: timedelta | None, expected: float
) -> None:
    assert convert_units(data, from_unit, to_unit, resolution) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("data", "from_unit", "to_unit", "capacity", "expected"),
    [
        (1, "%", "kWh", "50 kWh", 0.5),
        (1, "kWh", "%", "50 kWh", 2),
        (0.5, "dimensionless", "MWh", "50 kWh", 0.025),
        (10, "%", "kW", "2 MW", 200),
        (25, "kWh", "dimensionless", "0.05 MWh", 0.5),
    ],
)
def test_shares_of_a_capacity(
    data: float, from_unit: str, to_unit: str, capacity: str, expected: float
) -> None:
    assert convert_units(data, from_unit, to_unit, capacity=capacity) == pytest.approx(expected)


def test_the_same_kind_comes_out() -> None:
    with_a_gap: list[float | None] = convert_units([1, None, 3], "kW", "W")
    assert with_a_gap == [1000.0, pytest.approx(np.nan, nan_ok=True), 3000.0]
    assert convert_units((1, 2), "kW", "W") == (1000.0, 2000.0)
    assert convert_units(np.array([1, 2]), "kW", "W").tolist() == [1000.0, 2000.0]
    index = pd.date_range("2026-03-01", periods=2, freq="15min", tz="UTC")
    series = pd.Series([1, 2], index, name="power")
    expected = pd.Series([1000.0, 2000.0], index, name="power")
    pd.testing.assert_series_equal(convert_units(series, "kW", "W"), expected)
    assert series.tolist() == [1, 2]


def test_the_same_unit_changes_nothing() -> None:
    data = ["left", "alone"]
    assert convert_units(data, "any text", "any text") is data


def test_beliefs_know_how_long_their_events_are() -> None:
    index = pd.date_range("2026-03-01", periods=2, freq="15min", tz="UTC", name="event_start")
    sensor = tb.Sensor("power", event_resolution=QUARTER)
    frame = tb.BeliefsDataFrame(
        pd.Series([1.0, 2.0], index),
        sensor=sensor,
        source=tb.BeliefSource("somebody"),
        belief_time=pd.Timestamp("2026-03-01", tz="UTC"),
    )
    beliefs = frame["event_value"]
    converted = convert_units(beliefs, "kWh", "kW")
    assert converted.tolist() == [4.0, 8.0]
    assert isinstance(converted, tb.BeliefsSeries)
    assert converted.sensor == sensor


@pytest.mark.parametrize(
    ("data", "from_unit", "to_unit", "expected"),
    [
        (["1970-01-02T00:00+00:00", "1970-01-01T12:30+01:00"], "datetime", "h", [24, 11]),
        ([datetime.fromisoformat("1970-01-02T00:00")], "datetime", "min", [1440]),
        ([timedelta(minutes=90), timedelta(0)], "timedelta", "h", [1.5, 0]),
        (timedelta(minutes=90), "timedelta", "min", 90),
    ],
)
def test_numbers_of_times(data: Any, from_unit: str, to_unit: str, expected: Any) -> None:
    assert convert_units(data, from_unit, to_unit) == expected


def test_series_of_times() -> None:
    times = pd.Series(pd.to_datetime(["1970-01-01T01:59:59"]), index=[7])
    numbers = convert_units(times, "datetime", "h")
    assert numbers.to_dict() == {7: 1}


@pytest.mark.parametrize(
    ("from_unit", "to_unit", "reason"),
    [
        ("EUR", "KRW", "from EUR to KRW doesn't seem possible"),
        ("kWh", "kW", "needs the duration of events"),
        ("%", "kWh", "from % to kWh doesn't seem possible"),
        ("datetime", "kWh", "from datetime to kWh doesn't seem possible"),
        ("beans", "kWh", "'beans' cannot be handled"),
        ("kWh", "beans", "'beans' cannot be handled"),
        ("1e-300 W", "1e300 W", "doesn't seem possible"),
    ],
)
def test_why_data_cannot_be_converted(from_unit: str, to_unit: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        convert_units([1.0], from_unit, to_unit)


@given(
    values,
    st.sampled_from(
        [("kW", "MW"), ("kWh", "MJ"), ("°C", "K"), ("-W", "kW"), ("EUR/kWh", "EUR/MWh"), ("%", "‰")]
    ),
)
def test_there_and_back(value: float, units: tuple[str, str]) -> None:
    one, other = units
    back = convert_units(convert_units(value, one, other), other, one)
    # offsets of temperatures cost digits of small numbers
    assert back == pytest.approx(value, rel=1e-12, abs=1e-6)


@given(values, resolutions, st.sampled_from([("kWh", "kW"), ("m³", "l/min"), ("MJ", "W")]))
def test_stock_and_flow_agree(value: float, resolution: timedelta, units: tuple[str, str]) -> None:
    stock, flow = units
    there = convert_units(value, stock, flow, resolution)
    assert convert_units(there, flow, stock, resolution) == pytest.approx(value, rel=1e-12)
    assert np.sign(there) == np.sign(value)
    # splitting an event in two halves the stock and keeps the flow
    assert convert_units(value / 2, stock, flow, resolution / 2) == pytest.approx(there, rel=1e-12)


@given(st.lists(values, max_size=20))
def test_signs_swap_exactly(data: list[float]) -> None:
    assert convert_units(data, "-kW", "kW") == [-value for value in data]
