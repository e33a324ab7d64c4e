"""What becomes of wishes, limits and preferences when one plans for a site."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flexmeasures.scheduling.engine.solvers import Options, SolverTimeout
from flexmeasures.scheduling.site_problem import (
    DeviceCase,
    SiteCase,
    SitePlan,
    StockCase,
    plan_site,
)
from flexmeasures.scheduling.tests.cases import at_ticks, site_case, stock_case

both_solvers = pytest.mark.parametrize("solver", ["cbc", "highs"])


def plan(case: SiteCase, solver: str = "highs") -> SitePlan:
    return plan_site(case, solver, Options())


def battery(stock: StockCase, capacity: float = 1.0, **others: object) -> DeviceCase:
    return DeviceCase("battery", capacity, capacity, stock, **others)  # type: ignore[arg-type]


def power_of(found: SitePlan, number: int = 0) -> list[float]:
    return [round(power, 6) + 0.0 for power in list(found.power.values())[number].tolist()]


def missed(found: SitePlan) -> list[tuple[str, int, float]]:
    return [(miss.limit, miss.tick, round(miss.size, 6)) for miss in found.misses]


@both_solvers
class TestWishes:
    def test_all_are_granted_at_a_cost(self, solver: str) -> None:
        stock = stock_case(4, 0, 0, 3, minima={2: 1}, maxima={3: 0.5}, targets={4: 1.5})
        found = plan(site_case([battery(stock)], [50, 75, 70, 80]), solver)
        assert power_of(found) == [1, 0, -0.5, 1]
        assert found.misses == ()
        assert [(m.limit, m.tick, round(m.size, 6)) for m in found.margins] == [
            ("soc-minima", 2, 0),
            ("soc-maxima", 3, 0),
        ]

    def test_an_unreachable_minimum_is_approached_whatever_the_price(self, solver: str) -> None:
        """The numbers of worked example 7, whose penalties are far above all prices."""
        stock = stock_case(3, 0.5, 0, 4, minima={2: 3, 3: 2.2})
        found = plan(site_case([battery(stock)], [10, 500, 20]), solver)
        assert power_of(found) == [1, 1, -0.3]
        assert found.cost == pytest.approx(504)
        assert missed(found) == [("soc-minima", 2, 0.5)]
        assert found.margins == ()

    def test_the_first_target_goes_before_minima(self, solver: str) -> None:
        stock = stock_case(3, 2, 0, 9, minima={1: 3, 2: 4, 3: 5}, targets={2: 1})
        found = plan(site_case([battery(stock)], [10, 20, 30]), solver)
        assert found.levels[stock][2] == pytest.approx(1)
        assert missed(found) == [
            ("soc-minima", 1, 1),
            ("soc-minima", 2, 3),
            ("soc-minima", 3, 3),
        ] or missed(found)[1:] == [("soc-minima", 2, 3), ("soc-minima", 3, 3)]

    def test_each_stock_has_a_first_target(self, solver: str) -> None:
        first = stock_case(3, 0, 0, 9, name="first", targets={1: 1})
        second = stock_case(3, 0, 0, 9, name="second", targets={3: 3})
        devices = [
            DeviceCase("one", 1, 1, first),
            DeviceCase("two", 1, 1, second),
        ]
        found = plan(site_case(devices, [10, 20, 30]), solver)
        assert found.levels[first][1] == pytest.approx(1)
        assert found.levels[second][3] == pytest.approx(3)
        assert found.misses == ()

    def test_wishes_beyond_the_limits_are_met_up_to_them(self, solver: str) -> None:
        stock = stock_case(2, 1, 0.5, 2, minima={1: 5}, maxima={2: 0})
        found = plan(site_case([battery(stock, 2.0)], [10, 20]), solver)
        assert found.levels[stock].tolist() == pytest.approx([1, 2, 0.5])
        assert missed(found) == [("soc-minima", 1, 3), ("soc-maxima", 2, 0.5)]

    def test_wishes_that_contradict_each_other(self, solver: str) -> None:
        stock = stock_case(1, 0, 0, 2, minima={1: 1}, maxima={1: 0.5})
        found = plan(site_case([battery(stock)], [10]), solver)
        assert sum(size for _, _, size in missed(found)) == pytest.approx(0.5)

    def test_the_site_goes_before_wishes(self, solver: str) -> None:
        stock = stock_case(2, 0, 0, 2, targets={2: 2})
        case = site_case([battery(stock)], [10, 20], load=[0.5, 0.75], import_max=1.25)
        found = plan(case, solver)
        assert power_of(found) == [0.75, 0.5]
        assert missed(found) == [("soc-targets", 2, 0.75)]

    def test_two_devices_share_what_the_site_has(self, solver: str) -> None:
        stocks = [stock_case(1, 0, 0, 2, name=name, targets={1: 1}) for name in "ab"]
        case = site_case([battery(stock) for stock in stocks], [10], import_max=1.5)
        found = plan(case, solver)
        assert found.site == pytest.approx([1.5])
        assert sum(size for _, _, size in missed(found)) == pytest.approx(0.5)


@both_solvers
class TestLimitsOfStocks:
    def test_a_start_above_is_brought_back_as_fast_as_possible(self, solver: str) -> None:
        stock = stock_case(3, 4, 0, 2.5)
        found = plan(site_case([battery(stock)], [-30, -20, -10]), solver)
        assert found.levels[stock].tolist() == pytest.approx([4, 3, 2.5, 2.5], abs=1e-6)
        assert missed(found) == [("soc-max", 0, 1.5), ("soc-max", 1, 0.5)]

    def test_a_start_below_with_a_wish(self, solver: str) -> None:
        stock = stock_case(3, 0, 1.5, 4, minima={3: 2})
        found = plan(site_case([battery(stock)], [90, 90, 10]), solver)
        assert found.levels[stock].tolist() == pytest.approx([0, 1, 1.5, 2], abs=1e-6)
        assert missed(found) == [("soc-min", 0, 1.5), ("soc-min", 1, 0.5)]

    def test_gain_into_a_full_stock_that_cannot_be_emptied(self, solver: str) -> None:
        """Hard as the limit is: inflow that nobody can stop goes beyond it, and is reported."""
        stock = stock_case(3, 1, 0, 2, gain=np.array([0.5, 1, 0]))
        found = plan(site_case([DeviceCase("boiler", 1, 0, stock)], [-5, -5, -5]), solver)
        assert found.levels[stock].tolist() == pytest.approx([1, 1.5, 2.5, 2.5], abs=1e-6)
        assert power_of(found) == [0, 0, 0]
        assert missed(found) == [("soc-max", 2, 0.5), ("soc-max", 3, 0.5)]

    def test_usage_beyond_what_can_be_charged(self, solver: str) -> None:
        stock = stock_case(3, 1, 0.5, 2, gain=-1.5)
        found = plan(site_case([DeviceCase("pump", 1, 0, stock)], [5, 5, 5]), solver)
        assert power_of(found) == [1, 1, 1]
        assert missed(found) == [("soc-min", 2, 0.5), ("soc-min", 3, 1)]

    def test_foresight_before_a_gain(self, solver: str) -> None:
        """Emptied in time, the stock has room for all of it."""
        stock = stock_case(2, 2, 0, 2, gain=np.array([0.0, 2.0]))
        found = plan(site_case([battery(stock)], [-10, 10]), solver)
        assert power_of(found) == [-1, -1]
        assert found.misses == ()

    def test_the_site_forbids_what_a_stock_needs(self, solver: str) -> None:
        """A fuse is no wish: the room gets colder instead."""
        stock = stock_case(2, 1, 1, 3, gain=-1.0)
        pump = DeviceCase("pump", 2, 0, stock)
        found = plan(site_case([pump], [10, 10], load=1.0, import_max=1.25), solver)
        assert power_of(found) == [0.25, 0.25]
        assert missed(found) == [("soc-min", 1, 0.75), ("soc-min", 2, 1.5)]

    def test_what_is_granted_stays_possible_to_the_last_digit(self, solver: str) -> None:
        """One device may only produce what the other consumes, so the stock hardly gets emptier."""
        stock = stock_case(5, 0.6, 0, 0.5, targets={1: 0})
        devices = [
            DeviceCase("generator", 0, 0.1, stock),
            DeviceCase("charger", 0.1, 0, stock, charging_efficiency=0.9),
        ]
        found = plan(site_case(devices, [0] * 5, hours=0.25, export_max=0), solver)
        expected = 0.6 - 0.0025 * np.arange(6)
        assert found.levels[stock] == pytest.approx(expected, abs=1e-5)

    def test_losses_alone(self, solver: str) -> None:
        stock = stock_case(2, 2, 1.5, 3, retention=0.5)
        found = plan(site_case([DeviceCase("fixed", 0, 0, stock)], [10, 10]), solver)
        assert found.levels[stock].tolist() == pytest.approx([2, 1, 0.5])
        assert missed(found) == [("soc-min", 1, 0.5), ("soc-min", 2, 1)]

    def test_a_limit_is_not_given_up_to_relieve_a_connection(self, solver: str) -> None:
        stock = stock_case(2, 1.5, 1, 3)
        found = plan(site_case([battery(stock)], [10, 10], load=3.0, import_max=2.0), solver)
        assert found.levels[stock].min() >= 1 - 1e-6
        assert sum(power_of(found)) == pytest.approx(-0.5)
        assert {miss.limit for miss in found.misses} == {"site-capacity"}


@both_solvers
class TestSite:
    def test_solar_is_curtailed_by_the_connection(self, solver: str) -> None:
        solar = DeviceCase("solar", 0, np.array([2.0, 1.0]))
        found = plan(site_case([solar], [50, 50], [10, 10], export_max=1.5), solver)
        assert power_of(found) == [-1.5, -1]
        assert found.cost_without_flexibility == pytest.approx(-30)

    def test_others_export_too_much(self, solver: str) -> None:
        stock = stock_case(2, 0, 0, 1)
        case = site_case([battery(stock)], [50, 50], load=[-3.0, -1.0], export_max=1.5)
        found = plan(case, solver)
        assert power_of(found) == [1, -0.5]
        assert missed(found) == [("site-capacity", 0, 0.5)]
        assert found.misses[0].wanted == -1.5

    def test_limits_by_slot(self, solver: str) -> None:
        stock = stock_case(3, 0, 0, 3, targets={3: 2})
        limit = np.array([0.0, 1.0, np.inf])
        found = plan(site_case([battery(stock)], [1, 2, 3], import_max=limit), solver)
        assert power_of(found) == [0, 1, 1]

    def test_selling_dearer_than_buying_has_a_limit(self, solver: str) -> None:
        """No energy goes in circles through the connection."""
        stock = stock_case(2, 1, 0, 2)
        found = plan(site_case([battery(stock)], [10, 10], [30, 30]), solver)
        assert sum(power_of(found)) == pytest.approx(-1)
        assert found.cost == pytest.approx(-30)


class TestSharedStock:
    def test_one_fills_the_other_empties(self) -> None:
        tank = stock_case(2, 0, 0, 3)
        devices = [
            DeviceCase("pump", 1, 0, tank, charging_efficiency=0.8),
            DeviceCase("turbine", 0, 1, tank, discharging_efficiency=0.5),
        ]
        found = plan(site_case(devices, [10, 100]))
        assert (power_of(found, 0), power_of(found, 1)) == ([1, 0], [0, -0.4])
        assert found.levels[tank].tolist() == pytest.approx([0, 0.8, 0])

    def test_the_better_heat_pump_first(self) -> None:
        tank = stock_case(1, 0, 0, 9, minima={1: 4})
        devices = [
            DeviceCase("good", 1, 0, tank, charging_efficiency=3.0),
            DeviceCase("poor", 1, 0, tank, charging_efficiency=2.0),
        ]
        found = plan(site_case(devices, [10]))
        assert (power_of(found, 0), power_of(found, 1)) == ([1], [0.5])

    def test_usage_beyond_what_all_can_charge(self) -> None:
        tank = stock_case(1, 1, 0, 9, gain=-4.0)
        devices = [DeviceCase(name, 1, 0, tank) for name in "ab"]
        assert missed(plan(site_case(devices, [10]))) == [("soc-min", 1, 1)]


class TestPreferences:
    def test_one_device_charges_sooner_and_discharges_later(self) -> None:
        stock = stock_case(6, 0, 0, 1)
        found = plan(site_case([battery(stock)], [10, 10, 10, 20, 20, 20]))
        assert power_of(found) == [1, 0, 0, 0, 0, -1]
        assert found.cost == pytest.approx(-10)
        assert found.cost_with_slope == pytest.approx(-10.01)

    def test_one_device_among_others_does_so_too(self) -> None:
        stock = stock_case(6, 0, 0, 1)
        case = site_case([battery(stock)], [10, 10, 10, 20, 20, 20])
        solar = DeviceCase("solar", 0, 1)
        found = plan(replace(case, devices=(solar, *case.devices)))
        assert power_of(found, 1) == [1, 0, 0, 0, 0, -1]

    def test_two_devices_have_different_preferences(self) -> None:
        sooner, later = stock_case(3, 0, 0, 2, minima={3: 1}), stock_case(3, 0, 0, 2, minima={3: 1})
        devices = [
            DeviceCase("sooner", 1, 0, sooner),
            DeviceCase("whenever", 1, 0, later, prefer_charging_sooner=False),
        ]
        found = plan(site_case(devices, [10, 10, 10]))
        assert power_of(found, 0) == [1, 0, 0]
        assert found.cost == pytest.approx(20)

    def test_solar_is_curtailed_later(self) -> None:
        """There is room for two thirds of it in the battery."""
        stock = stock_case(3, 0, 0, 2)
        solar = DeviceCase("solar", 0, 1)
        found = plan(site_case([DeviceCase("boiler", 1, 0, stock), solar], [0] * 3, export_max=0))
        assert power_of(found, 1) == [-1, -1, 0]

    def test_free_energy_is_not_curtailed(self) -> None:
        found = plan(site_case([DeviceCase("solar", 0, 1)], [0, 0]))
        assert power_of(found) == [-1, -1]


class TestDegenerate:
    def test_one_slot(self) -> None:
        stock = stock_case(1, 1, 0, 2)
        assert power_of(plan(site_case([battery(stock)], [10]))) == [-1]

    def test_no_capacity(self) -> None:
        stock = stock_case(2, 1, 0, 2, targets={2: 2})
        found = plan(site_case([battery(stock, 0.0)], [10, 20], import_max=0))
        assert power_of(found) == [0, 0]
        assert missed(found) == [("soc-targets", 2, 1)]

    def test_no_devices(self) -> None:
        found = plan(site_case([], [10, 20], load=[1, 2], import_max=1.5))
        assert found.site.tolist() == [1, 2]
        assert found.cost == pytest.approx(50)
        assert missed(found) == [("site-capacity", 1, 0.5)]

    def test_no_stock_and_nothing_to_gain(self) -> None:
        heater = DeviceCase("heater", 1, 0)
        assert power_of(plan(site_case([heater], [10, -10]))) == [0, 1]

    def test_unlimited_stock(self) -> None:
        stock = stock_case(2, 1, -np.inf, np.inf)
        assert power_of(plan(site_case([battery(stock)], [10, -20]))) == [-1, 1]

    def test_negative_prices_burn_nothing(self) -> None:
        stock = stock_case(4, 0, 0, 1)
        device = battery(stock, charging_efficiency=0.9, discharging_efficiency=0.9)
        found = plan(site_case([device], [-10, -10, -10, -10]))
        energy = np.maximum(found.power[device], 0).sum() * 0.9
        assert energy + np.minimum(found.power[device], 0).sum() / 0.9 <= 1 + 1e-6
        assert found.levels[stock].max() <= 1 + 1e-6

    def test_capacity_by_slot(self) -> None:
        """A vehicle that is away in the cheapest hour."""
        stock = stock_case(3, 0, 0, 2, minima={3: 1.5})
        device = DeviceCase("ev", np.array([1.0, 0.0, 1.0]), 0, stock)
        assert power_of(plan(site_case([device], [30, 10, 20]))) == [0.5, 0, 1]

    @pytest.mark.parametrize("charging", [0.0, np.array([0.0, 1.0])])
    def test_no_efficiency_means_no_power(self, charging: float | np.ndarray) -> None:
        stock = stock_case(2, 0, 0, 2)
        device = DeviceCase("boiler", 1, 0, stock, charging_efficiency=charging)
        assert power_of(plan(site_case([device], [-10, -10])))[0] == 0

    def test_nothing_is_kept(self) -> None:
        stock = stock_case(2, 5, 0, 2, retention=0.0)
        found = plan(site_case([battery(stock)], [10, 10]))
        assert found.levels[stock].tolist() == pytest.approx([5, 0, 0])
        assert missed(found) == [("soc-max", 0, 3)]

    def test_energy_left_has_value(self) -> None:
        stock = stock_case(2, 0, 0, 1, value_at_end=15)
        assert power_of(plan(site_case([battery(stock)], [10, 12]))) == [1, 0]

    def test_no_time(self) -> None:
        stock = stock_case(2, 0, 0, 1)
        with pytest.raises(SolverTimeout):
            plan_site(site_case([battery(stock)], [10, 12]), "highs", Options(time_limit=0))


class TestWithoutMeaning:
    def test_minimum_above_maximum(self) -> None:
        with pytest.raises(ValueError, match=r"tank: the minimum \(2 MWh\) exceeds the maximum"):
            site_case([battery(stock_case(2, 0, 2, 1, name="tank"))], [10, 20])

    @pytest.mark.parametrize("capacity", [-1, np.inf, np.nan])
    def test_capacity_of_a_device(self, capacity: float) -> None:
        with pytest.raises(ValueError, match="heater: its capacity"):
            site_case([DeviceCase("heater", capacity, 0)], [10, 20])

    @pytest.mark.parametrize("capacity", [-1, np.nan])
    def test_capacity_of_the_site(self, capacity: float) -> None:
        with pytest.raises(ValueError, match="capacity of the site"):
            site_case([], [10, 20], export_max=capacity)

    def test_wishes_for_other_ticks(self) -> None:
        stock = replace(stock_case(2), minima=at_ticks(3, {}))
        with pytest.raises(ValueError, match="each of 2 ticks"):
            site_case([battery(stock)], [10, 20])

    def test_unknown_start(self) -> None:
        with pytest.raises(ValueError, match="stock: the initial level must be known"):
            plan(site_case([battery(stock_case(2, np.nan))], [10, 20]))


def test_cost_of_import_and_export() -> None:
    case = site_case([], [10, 20], [4, 6], hours=0.5, load=[1.0, 0.5])
    assert case.energy_cost(np.array([2.0, -0.5])) == pytest.approx(0.5 * (2 * 10 - 0.5 * 6))
    assert plan(case).cost == pytest.approx(0.5 * (10 + 0.5 * 20))
