"""Planning from arrays to arrays, against what the solver itself takes for the same program.

A battery with a solar panel behind one connection, at hourly prices; once with one price for
consumption and production, once with a lower price for production.
"""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import highspy
import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from flexmeasures.scheduling import site_problem
from flexmeasures.scheduling.engine import optimise
from flexmeasures.scheduling.engine.formulation import formulate
from flexmeasures.scheduling.engine.program import Program
from flexmeasures.scheduling.engine.solvers import Options, cbc, cost_to_solve, solve
from flexmeasures.scheduling.site_problem import DeviceCase, SiteCase, StockCase, plan_site

SIZES = {"48 h at 15 min": (192, 0.25), "7 days at 5 min": (2016, 1 / 12)}
DISCOUNTS = {"one price": 0.0, "feed-in price": 8.0}


def make_case(slots: int, hours: float, discount: float, lower: float = 0.0) -> SiteCase:
    """Prices have two peaks a day, and fall below 0 if they are lower by 60."""
    hour = np.arange(slots) * hours
    hourly = np.floor(hour)
    noise = np.random.default_rng(0).normal(0, 6, int(hourly[-1]) + 1)[hourly.astype(int)]
    price = 60 - 35 * np.cos(hourly / 24 * 4 * np.pi) + noise - lower
    sun = np.clip(np.sin((hour % 24 - 6) / 12 * np.pi), 0, None)
    return SiteCase(
        slots=slots,
        hours=hours,
        devices=(battery("battery", slots, 2.0, 0.9**0.5, 2.5, 0.5, 5.0),),
        inflexible={"solar": -1.8 * sun, "load": 0.4 + 0.1 * np.cos(hour)},
        import_max=2.5,
        export_max=2.5,
        consumption_price=price,
        production_price=price - discount,
    )


def battery(
    name: str,
    slots: int,
    capacity: float,
    efficiency: float,
    at_start: float,
    minimum: float,
    maximum: float,
) -> DeviceCase:
    none = np.full(slots, np.nan)
    stock = StockCase(f"stock of {name}", at_start, minimum, maximum, none, none, none)
    return DeviceCase(name, capacity, capacity, stock, efficiency, efficiency)


def cpu_seconds() -> float:
    """Of this process and of its children that ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def compare(
    benchmark: BenchmarkFixture, ours: Callable[[], Any], bare: Callable[[], Any], rounds: int
) -> float:
    """The ratio of their best times, each measured in turns with the other."""
    best, cpu = float("inf"), float("inf")

    def before_each() -> None:
        nonlocal best
        start = time.perf_counter()
        bare()
        best = min(best, time.perf_counter() - start)

    def measured() -> None:
        nonlocal cpu
        start = cpu_seconds()
        ours()
        cpu = min(cpu, cpu_seconds() - start)

    ours()  # imports
    benchmark.pedantic(measured, setup=before_each, rounds=rounds)
    ratio = benchmark.stats.stats.min / best
    benchmark.extra_info["ratio to the bare solver"] = round(ratio, 2)
    benchmark.extra_info["CPU ms"] = round(1000 * cpu, 1)
    return ratio


def program_of(case: SiteCase) -> Program:
    """The program that is solved for a case; noted, not rebuilt."""
    seen: list[Program] = []
    with pytest.MonkeyPatch.context() as patch:

        def note(program: Program, *arguments: Any) -> Any:
            seen.append(program)
            return solve(program, *arguments)

        patch.setattr("flexmeasures.scheduling.engine.optimise.solve", note)
        plan_site(case, "highs", Options())
    assert len(seen) == 1
    return seen[0]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("discount", DISCOUNTS)
def test_highs(benchmark: BenchmarkFixture, discount: str, size: str) -> None:
    case = make_case(*SIZES[size], DISCOUNTS[discount])
    program = program_of(case)
    cost = cost_to_solve(program)

    def bare() -> None:
        highs = highspy.Highs()
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("threads", 1)
        highs.passModel(
            program.variable_count,
            program.row_count,
            len(program.columns),
            int(highspy.MatrixFormat.kRowwise),
            int(highspy.ObjSense.kMinimize),
            0.0,
            cost,
            program.lower,
            program.upper,
            program.row_lower,
            program.row_upper,
            program.starts,
            program.columns,
            program.coefficients,
            program.binary.astype(np.int32),
        )
        highs.run()
        assert len(highs.getSolution().col_value) == program.variable_count

    rounds = 40 if case.slots < 1000 else 10
    assert compare(benchmark, lambda: plan_site(case, "highs", Options()), bare, rounds) <= 2


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("discount", DISCOUNTS)
def test_cbc_through_pyomo(
    benchmark: BenchmarkFixture, discount: str, size: str, tmp_path: Path
) -> None:
    case = make_case(*SIZES[size], DISCOUNTS[discount])
    program = program_of(case)
    folder = Path(cbc.scratch_folder() or tmp_path)
    problem, solution = folder / "flexmeasures-bench.mps", folder / "flexmeasures-bench.sol"
    problem.write_text(cbc.as_mps(program, cost_to_solve(program)))
    command = [cbc.find_cbc(), str(problem), "-solve", "-solution", str(solution)]

    def bare() -> None:
        subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True)

    rounds = 40 if case.slots < 1000 else 10
    try:
        ratio = compare(benchmark, lambda: plan_site(case, "cbc", Options()), bare, rounds)
    finally:
        problem.unlink()
        solution.unlink(missing_ok=True)
    assert ratio <= 2


@pytest.mark.parametrize("solver", ["highs", "cbc"])
def test_a_week_of_negative_prices(benchmark: BenchmarkFixture, solver: str) -> None:
    """With binary variables in hundreds of slots. The time is reported, not judged."""
    case = make_case(*SIZES["7 days at 5 min"], 0.0, lower=45)
    assert (case.consumption_price < 0).sum() > 400
    report(benchmark, lambda: plan_site(case, solver, Options()), rounds=5)


def hundred_batteries() -> SiteCase:
    """Behind one connection that limits them."""
    slots, hours = SIZES["48 h at 15 min"]
    case = make_case(slots, hours, 5.0)
    sizes = np.random.default_rng(1).uniform(0.5, 1.5, 100).tolist()
    return replace(
        case,
        devices=tuple(
            battery(f"battery {number}", slots, size, 0.95, size, 0.2 * size, 2 * size)
            for number, size in enumerate(sizes)
        ),
        inflexible={"load": 40 * case.load},
        import_max=40.0,
        export_max=40.0,
    )


@pytest.mark.parametrize("solver", ["highs", "cbc"])
def test_a_hundred_batteries(benchmark: BenchmarkFixture, solver: str) -> None:
    """The time is reported; with HiGHS, the time for building models is judged by the solver's."""
    case = hundred_batteries()
    spent: dict[str, float] = {}
    shares: dict[str, list[float]] = {"building": [], "all else": []}

    def plan() -> None:
        spent.update(solving=0.0, building=0.0)
        start = cpu_seconds()
        plan_site(case, solver, Options())
        rest = cpu_seconds() - start - spent["solving"]
        shares["building"].append(spent["building"] / spent["solving"])
        shares["all else"].append((rest - spent["building"]) / spent["solving"])

    def timed(function: Callable[..., Any], what: str) -> Callable[..., Any]:
        def measured(*arguments: Any, **options: Any) -> Any:
            start = cpu_seconds()
            result = function(*arguments, **options)
            spent[what] += cpu_seconds() - start
            return result

        return measured

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optimise, "solve", timed(solve, "solving"))
        patch.setattr(optimise, "formulate", timed(formulate, "building"))
        for builder in ("_with_wishes_as_limits", "_with_wishes"):
            patch.setattr(site_problem, builder, timed(getattr(site_problem, builder), "building"))
        report(benchmark, plan, rounds=2)
    for what, share in shares.items():
        benchmark.extra_info[f"times the solver's, for {what}"] = round(min(share), 3)
    if solver == "highs":
        assert min(shares["building"]) < 0.05


def report(benchmark: BenchmarkFixture, ours: Callable[[], Any], rounds: int) -> None:
    cpu = float("inf")

    def measured() -> None:
        nonlocal cpu
        start = cpu_seconds()
        ours()
        cpu = min(cpu, cpu_seconds() - start)

    benchmark.pedantic(measured, rounds=rounds, warmup_rounds=1)
    benchmark.extra_info["CPU ms"] = round(1000 * cpu, 1)
