"""Cbc, as a process that gets the standard form of a Pyomo model.

Pyomo's own interface to Cbc writes an expression tree to an LP file, asks Cbc for its version first,
and builds a results object: for a plan of a day that takes longer than solving it.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from flexmeasures.scheduling.engine.program import Program
from flexmeasures.scheduling.engine.solvers.common import (
    Options,
    Solution,
    SolverError,
    SolverNotFound,
    SolverTimeout,
    Status,
)
from flexmeasures.scheduling.engine.solvers.mps import to_mps
from flexmeasures.scheduling.engine.solvers.pyomo_model import to_pyomo, values_of

if TYPE_CHECKING:
    import pyomo.environ as pyo

GRACE = 3.0
"""Seconds that Cbc gets to notice by itself that its time is up."""


def solve(program: Program, cost: np.ndarray, options: Options) -> Solution:
    """Minimise `cost` over a program; its own cost is not looked at."""
    from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

    executable = options.executable or find_cbc()
    model = to_pyomo(program, cost)
    form = LinearStandardFormCompiler().write(model, mixed_form=True)
    folder = tempfile.mkdtemp(prefix="flexmeasures-cbc-", dir=_scratch())
    try:
        answer = _run(executable, to_mps(form), Path(folder), options, program.binary.any())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    status, text = _read_status(answer)
    if status in (Status.INFEASIBLE, Status.UNBOUNDED):
        return Solution(status)
    _load(text, form.columns)
    return Solution(status, values_of(model, program))


@lru_cache
def find_cbc() -> str:
    """Path of a Cbc program: the one on the PATH, else the one that comes with the package PuLP."""
    on_path = shutil.which("cbc")
    if on_path:
        return on_path
    package = importlib.util.find_spec("pulp")
    if package is not None and package.origin is not None:
        system = {"linux": "linux", "darwin": "osx", "win32": "win"}.get(sys.platform, sys.platform)
        name = "cbc.exe" if system == "win" else "cbc"
        arm = platform.machine().lower() in ("arm64", "aarch64")
        for kind in ("arm64", "i64") if arm else ("i64", "i32"):
            path = Path(package.origin).parent / "solverdir" / "cbc" / system / kind / name
            if path.exists() and _can_run(path):
                return str(path)
    raise SolverNotFound(
        "The solver Cbc is not installed: `pip install pulp` brings it along, as does the package"
        ' coinor-cbc of Linux distributions; or choose HiGHS by FLEXMEASURES_LP_SOLVER = "highs".'
    )


def _can_run(path: Path) -> bool:
    if not os.access(path, os.X_OK):
        # Some installers drop the permission.
        try:
            path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        except OSError:
            return False
    return True


def _scratch() -> str | None:
    """A folder in memory, where there is one; else the system's folder for such files."""
    memory = "/dev/shm"
    return memory if os.path.isdir(memory) and os.access(memory, os.W_OK) else None


def _run(executable: str, mps: str, folder: Path, options: Options, integer: bool) -> str:
    """Run Cbc on a file, and return the text of its solution file."""
    problem, solution = folder / "plan.mps", folder / "plan.sol"
    problem.write_text(mps)
    command = [executable, str(problem)]
    if integer:
        command += ["-ratioGap", repr(options.mip_gap)]
    if options.time_limit is not None:
        command += ["-timeMode", "elapsed", "-seconds", repr(options.time_limit)]
    command += ["-solve", "-solution", str(solution)]
    log = _communicate(command, options.time_limit)
    if not solution.exists():
        raise SolverError(f"Cbc wrote no solution. Its last words: {_last_words(log)}")
    return solution.read_text(errors="replace")


def _communicate(command: list[str], time_limit: float | None) -> str:
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise SolverNotFound(
            f"The solver {command[0]} cannot be started ({error.strerror}). Check the setting"
            " FLEXMEASURES_LP_SOLVER."
        ) from error
    try:
        log, _ = process.communicate(timeout=None if time_limit is None else time_limit + GRACE)
    except subprocess.TimeoutExpired:
        raise SolverTimeout(
            f"Cbc was stopped: it hung beyond its limit of {time_limit:g} s."
        ) from None
    finally:
        # Also when a job's own time limit interrupts us.
        if process.poll() is None:
            _kill(process)
    if process.returncode != 0:
        raise SolverError(
            f"Cbc stopped with exit code {process.returncode}. Its last words: {_last_words(log)}"
        )
    return log


def _kill(process: subprocess.Popen) -> None:
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _last_words(log: str) -> str:
    return " / ".join(log.strip().splitlines()[-3:]) or "none."


def _read_status(solution: str) -> tuple[Status, str]:
    """Status and remaining lines of a solution file."""
    first, _, rest = solution.partition("\n")
    status = first.split(" - objective value")[0].strip().lower()
    if status == "optimal":
        return Status.OPTIMAL, rest
    if status in ("infeasible", "integer infeasible"):
        return Status.INFEASIBLE, ""
    if status == "unbounded":
        return Status.UNBOUNDED, ""
    if status.startswith("stopped on"):
        if "no integer solution" in status or not rest.strip():
            raise SolverTimeout("Cbc found no solution within its time limit.")
        return Status.FEASIBLE, rest
    raise SolverError(f"Cbc wrote a solution that cannot be read; it begins with {first[:80]!r}.")


def _load(lines: str, variables: list[pyo.Var]) -> None:
    """Give variables their values: lines of index, name, value, reduced cost; zeros are left out."""
    # Two stars mark a value that exceeds a bound by the solver's tolerance.
    words = lines.replace("**", "  ").split()
    try:
        columns = [int(word[1:]) for word in words[1::4]]
        values = [float(word) for word in words[2::4]]
        for variable in variables:
            variable.set_value(0.0, skip_validation=True)
        for column, value in zip(columns, values, strict=True):
            variables[column].set_value(value, skip_validation=True)
    except (ValueError, IndexError) as error:
        raise SolverError(f"Cbc wrote a solution that cannot be read: {error}.") from error
