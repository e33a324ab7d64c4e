"""The planning engine for frames of constraints, as plugins pass them."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np

from flexmeasures.scheduling.engine.optimise import Infeasible, optimise
from flexmeasures.scheduling.engine.problem import Commitment, Device, Group, Problem, Stock
from flexmeasures.scheduling.engine.solvers import Options

if TYPE_CHECKING:
    import pandas as pd


def device_scheduler(
    device_constraints: Sequence[pd.DataFrame],
    ems_constraints: pd.DataFrame,
    commitment_quantities: Sequence[pd.Series],
    commitment_downwards_deviation_price: Sequence[pd.Series] | Sequence[float],
    commitment_upwards_deviation_price: Sequence[pd.Series] | Sequence[float],
    solver: str = "cbc",
    options: Options | None = None,
) -> tuple[list[pd.Series], float, SimpleNamespace]:
    """Plan the power of several devices behind one connection.

    All frames have one row per slot. Power is in MW, consumption positive, and the content of
    stocks is counted in MW times slots, relative to the start. A missing number is no limit, except
    on power, which must be limited. No device goes both ways in one slot.

    device_constraints : for each device a frame with columns "min", "max", "equals" (content at the
        end of a slot), "derivative min", "derivative max", "derivative equals" (power), "derivative
        up efficiency" and "derivative down efficiency" (1, if missing)
    ems_constraints : "derivative min" and "derivative max" of the power of all devices together
    commitment_quantities : for each commitment, the power that all devices agreed to use together
    commitment_downwards_deviation_price, commitment_upwards_deviation_price : for each commitment,
        what a MW less earns in a slot, and what a MW more costs

    Returns the power of each device, the cost, and an object of which
    `solver.termination_condition` is "optimal", "feasible" (time was up) or "infeasible"; power and
    cost are nan in that case.
    """
    import pandas as pd

    index = ems_constraints.index
    devices = tuple(_device(number, frame) for number, frame in enumerate(device_constraints))
    site = Group(
        "site",
        devices,
        _column(ems_constraints, "derivative min", -np.inf),
        _column(ems_constraints, "derivative max", np.inf),
    )
    prices = zip(
        commitment_quantities,
        commitment_upwards_deviation_price,
        commitment_downwards_deviation_price,
        strict=True,
    )
    commitments = tuple(
        Commitment(f"commitment {number}", devices, _array(quantity), _array(up), _array(down))
        for number, (quantity, up, down) in enumerate(prices)
    )
    problem = Problem(len(index), 1.0, devices, (site,), commitments)
    try:
        plan = optimise(problem, solver, options)
    except Infeasible:
        unknown = [pd.Series(np.nan, index=index) for _ in devices]
        return unknown, float("nan"), _results("infeasible")
    power = [pd.Series(plan.power[device], index=index) for device in devices]
    return power, plan.total(), _results(plan.status.value)


def _device(number: int, constraints: pd.DataFrame) -> Device:
    equals = _column(constraints, "equals", np.nan)
    power = _column(constraints, "derivative equals", np.nan)
    stock = Stock(
        f"stock {number}",
        0.0,
        np.fmax(_column(constraints, "min", -np.inf), equals),
        np.fmin(_column(constraints, "max", np.inf), equals),
    )
    return Device(
        f"device {number}",
        np.where(np.isnan(power), _column(constraints, "derivative min", -np.inf), power),
        np.where(np.isnan(power), _column(constraints, "derivative max", np.inf), power),
        stock,
        _column(constraints, "derivative up efficiency", 1.0),
        _column(constraints, "derivative down efficiency", 1.0),
    )


def _column(frame: pd.DataFrame, name: str, otherwise: float) -> np.ndarray:
    """Floats, with a value in place of those that are missing."""
    if name not in frame:
        return np.full(len(frame), otherwise)
    values = frame[name].to_numpy(dtype=float)
    return np.where(np.isnan(values), otherwise, values)


def _array(values: pd.Series | float) -> np.ndarray:
    return np.asarray(values, dtype=float)


def _results(condition: str) -> SimpleNamespace:
    return SimpleNamespace(solver=SimpleNamespace(termination_condition=condition))
