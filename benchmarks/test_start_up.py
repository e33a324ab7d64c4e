"""Starting the program, against importing the two libraries that it is built on."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

HELP = "from flexmeasures.utils.app_utils import flexmeasures_cli; flexmeasures_cli(['--help'])"
# The peak of this process alone; what wait4 tells of a child includes the parent it was forked of.
PEAK = """
import atexit, resource, sys
def tell():
    try:
        with open("/proc/self/status") as status:
            peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except FileNotFoundError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(peak, file=sys.stderr)
atexit.register(tell)
"""


def run(home: Path, code: str) -> str:
    """Run Python code without settings; what it says on stderr."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[1])},
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


def best_time(home: Path, code: str, rounds: int) -> float:
    def once() -> float:
        start = time.perf_counter()
        run(home, code)
        return time.perf_counter() - start

    return min(once() for _ in range(rounds))


@pytest.mark.parametrize("group", ["", "add", "show"])
def test_help_takes_at_most_three_times_the_bare_imports(
    benchmark: BenchmarkFixture, tmp_path: Path, group: str
) -> None:
    code = HELP.replace("['--help']", repr([*group.split(), "--help"]))
    run(tmp_path, code)  # compiles what is not compiled yet
    bare = best_time(tmp_path, "import flask, click", rounds=7)
    benchmark.pedantic(run, args=(tmp_path, code), rounds=7)
    ratio = benchmark.stats.stats.min / bare
    benchmark.extra_info["ratio to `import flask, click`"] = round(ratio, 2)
    assert ratio <= 3


def test_help_fits_in_80_megabytes(tmp_path: Path) -> None:
    assert int(run(tmp_path, PEAK + HELP).split()[-1]) <= 80_000
