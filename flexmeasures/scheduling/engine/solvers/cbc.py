"""Cbc, as a process that gets a Pyomo model as an MPS file.

Pyomo's own interface to Cbc writes an expression tree to an LP file, asks Cbc for its version
first, and builds a results object: for a plan of a day that takes longer than solving it.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

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
from flexmeasures.scheduling.engine.solvers.pyomo_model import to_pyomo

GRACE = 3.0
"""Seconds that Cbc gets to notice by itself that its time is up."""


def solve(program: Program, cost: np.ndarray, options: Options) -> Solution:
    """Minimise `cost` over a program; its own cost is not looked at."""
    executable = options.executable or find_cbc()
    mps = as_mps(program, cost)
    gap = options.gap(program) if program.binary.any() else None
    try:
        with tempfile.TemporaryDirectory(
            prefix="flexmeasures-cbc-", dir=scratch_folder(len(mps)), ignore_cleanup_errors=True
        ) as folder:
            answer, saved, log = _run(executable, mps, Path(folder), gap, options.time_limit)
    except OSError as error:
        raise SolverError(f"Cbc's files cannot be written or read: {error}.") from error
    status, lines = _read_status(answer)
    if status in (Status.INFEASIBLE, Status.UNBOUNDED):
        return Solution(status)
    count = program.variable_count
    values = _read_exact(saved, count) if saved else _read_text(lines, count)
    # What is optimal is so within the gap that was asked for.
    proven = (gap or 0.0) if status is Status.OPTIMAL else _read_gap(log)
    return Solution(status, values, gap=proven)


def as_mps(program: Program, cost: np.ndarray) -> str:
    """What Cbc gets to read."""
    return to_mps(to_pyomo(program, cost), program)


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


def scratch_folder(size: int = 0) -> str | None:
    """A folder in memory, if there is one with room; else None for the system's own folder."""
    memory = Path("/dev/shm")
    if not (memory.is_dir() and os.access(memory, os.W_OK)):
        return None
    return str(memory) if shutil.disk_usage(memory).free > 4 * size else None


def _run(
    executable: str, mps: str, folder: Path, gap: float | None, time_limit: float | None
) -> tuple[str, bytes, str]:
    """Run Cbc on a file, and return its solution: as text, and if it can, with all digits; its log.

    gap : for integer programs
    """
    problem, solution, exact = (folder / f"plan.{kind}" for kind in ("mps", "sol", "bin"))
    problem.write_text(mps)
    command = [executable, str(problem)]
    if gap is not None:
        # Preprocessing calls some programs infeasible that are not (seen in 2.10.3 and 2.10.8).
        command += ["-preprocess", "off", "-ratioGap", repr(gap)]
    if time_limit is not None:
        command += ["-timeMode", "elapsed", "-seconds", repr(time_limit)]
    command += ["-solve", "-saveSolution", str(exact), "-solution", str(solution)]
    log = _communicate(command, time_limit)
    if not solution.exists():
        raise SolverError(f"Cbc wrote no solution. Its last words: {_last_words(log)}")
    saved = exact.read_bytes() if exact.exists() else b""
    return solution.read_text(errors="replace"), saved, log


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
        if process.stdout is not None:
            process.stdout.close()
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
    if status in ("optimal", "optimal (within gap tolerance)"):
        return Status.OPTIMAL, rest
    if status in ("infeasible", "integer infeasible"):
        return Status.INFEASIBLE, ""
    if status == "unbounded":
        return Status.UNBOUNDED, ""
    if status.startswith("stopped on"):
        if "no integer solution" in status:
            raise SolverTimeout("Cbc found no solution within its time limit.")
        return Status.FEASIBLE, rest
    raise SolverError(f"Cbc wrote a solution that cannot be read; it begins with {first[:80]!r}.")


def _read_gap(log: str) -> float | None:
    """The gap of a search that was stopped; Cbc's own figure has two decimals only."""
    reached, proven = (
        re.findall(rf"^{name}:\s+(-?[0-9.e+-]+)\s*$", log, re.MULTILINE)
        for name in ("Objective value", "Lower bound")
    )
    if not (reached and proven):
        return None
    objective, bound = float(reached[-1]), float(proven[-1])
    return max(0.0, objective - bound) / max(abs(objective), 1e-9)


def _read_exact(saved: bytes, count: int) -> np.ndarray:
    """Values of all variables; before them are counts, the objective, and two numbers per row."""
    rows, columns = np.frombuffer(saved[:8], dtype=np.int32).tolist() or (0, 0)
    before = 16 + 16 * rows
    if columns != count or len(saved) < before + 8 * count:
        raise SolverError("Cbc saved a solution that cannot be read: it has another size.")
    return np.frombuffer(saved, dtype=float, count=count, offset=before)


def _read_text(lines: str, count: int) -> np.ndarray:
    """The same with eight digits; lines have index, name, value, reduced cost, if not zero."""
    # Two stars mark a value that exceeds a bound by the solver's tolerance.
    words = lines.replace("**", "  ").split()
    values = np.zeros(count)
    try:
        columns = np.array([word[1:] for word in words[1::4]], dtype=int)
        values[columns] = np.array(words[2::4], dtype=float)
    except (ValueError, IndexError) as error:
        raise SolverError(f"Cbc wrote a solution that cannot be read: {error}.") from error
    return values
