"""Starting the program, against importing the two libraries that it is built on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from flexmeasures.utils.app_utils import flexmeasures_cli

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


def commands_below(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands_below(command, (*path, name))


def test_help_of_every_command_takes_at_most_three_times_the_bare_imports(tmp_path: Path) -> None:
    """A few tries for each: what counts is the fastest, and slow ones are tried again."""
    bare = best_time(tmp_path, "import flask, click", rounds=7)
    ratios = {}
    for words in commands_below(flexmeasures_cli):
        code = HELP.replace("['--help']", repr([*words, "--help"]))
        for rounds in (2, 5, 10):
            ratios[" ".join(words)] = ratio = best_time(tmp_path, code, rounds) / bare
            if ratio <= 3:
                break
    assert ratios["add schedule for-storage"] and ratios["db upgrade"]
    slowest = max(ratios, key=ratios.__getitem__)
    print(f"Slowest: `{slowest}`, {ratios[slowest]:.2f} times `import flask, click`")
    assert {words: ratio for words, ratio in ratios.items() if ratio > 3} == {}


def test_completing_a_word_takes_at_most_twice_the_bare_imports(tmp_path: Path) -> None:
    bare = best_time(tmp_path, "import flask, click", rounds=7)
    code = (
        "import os; os.environ.update(_FLEXMEASURES_COMPLETE='bash_complete', COMP_CWORD='2',"
        "COMP_WORDS='flexmeasures add ');"
        "from flexmeasures.utils.app_utils import flexmeasures_cli;"
        "flexmeasures_cli(prog_name='flexmeasures')"
    )
    assert best_time(tmp_path, code, rounds=7) <= 2 * bare


def test_help_fits_in_80_megabytes(tmp_path: Path) -> None:
    assert int(run(tmp_path, PEAK + HELP).split()[-1]) <= 80_000
