"""How a process of Cbc may fail: each way ends in time, with a sentence, and leaves nothing."""

from __future__ import annotations

import errno
import importlib.util
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flexmeasures.scheduling.engine.program import Builder, Program
from flexmeasures.scheduling.engine.solvers import (
    Options,
    SolverError,
    SolverNotFound,
    SolverTimeout,
    cbc,
    solve,
)

Script = Callable[[str], str]


@pytest.fixture
def program() -> Program:
    build = Builder()
    x = build.variables("x", [0, 0], [4, 4])
    build.rows("row", [(1, x)], 1, 3)
    build.add_cost(x, 1)
    return build.program()


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Make a program called cbc that does something else; $6 is the solution file."""

    def make(body: str) -> str:
        path = tmp_path / "cbc"
        path.write_text(f"#!/bin/sh\nfor last; do :; done\n{body}\n")
        path.chmod(0o755)
        return str(path)

    return make


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where scratch files go. Nothing may be left in it."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(cbc, "scratch_folder", lambda size: str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def test_success_leaves_nothing_behind(program: Program) -> None:
    assert solve(program, "cbc").values == pytest.approx([1, 1])


@pytest.mark.parametrize(
    "body, error, words",
    [
        pytest.param("echo Segmentation fault; exit 139", SolverError, "139", id="exit code"),
        pytest.param("kill -SEGV $$", SolverError, "-11", id="crash"),
        pytest.param("echo fine", SolverError, "no solution", id="no file"),
        pytest.param('echo "* ?" > "$last"', SolverError, "cannot be read", id="rubbish"),
        pytest.param(': > "$last"', SolverError, "cannot be read", id="empty file"),
        pytest.param(
            'printf "Optimal - objective value 2\\n 0 c0 nonsense 0\\n" > "$last"',
            SolverError,
            "cannot be read",
            id="no number",
        ),
        pytest.param(
            'printf "Optimal - objective value 2\\n 9 c9 1 0\\n" > "$last"',
            SolverError,
            "cannot be read",
            id="unknown variable",
        ),
        pytest.param(
            'printf "Optimal - objective value 0\\n" > "$last"',
            SolverError,
            "breaks limits by 1",
            id="not a solution",
        ),
        pytest.param(
            'printf "Optimal - objective value 2\\n 0 c0 nan 0\\n" > "$last"',
            SolverError,
            "no numbers",
            id="not a number",
        ),
        pytest.param(
            'printf "Stopped on time - objective value 9\\n" > "$last"',
            SolverTimeout,
            "time limit",
            id="nothing in time",
        ),
    ],
)
def test_bad_answers(
    body: str, error: type[Exception], words: str, program: Program, script: Script
) -> None:
    with pytest.raises(error, match=words):
        solve(program, script(body))


def test_hanging(program: Program, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cbc, "GRACE", 0.2)
    executable = script('sleep 60 & echo $! > "$(dirname "$0")/child"; wait')
    started = time.monotonic()
    with pytest.raises(SolverTimeout, match=r"hung beyond its limit of 0\.3 s"):
        solve(program, executable, Options(time_limit=0.3))
    assert time.monotonic() - started < 5
    child = int(Path(executable).with_name("child").read_text())
    assert not _is_running(child)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_interruption_ends_the_process(
    program: Program, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the time limit of a job does."""
    executable = script('echo $$ > "$(dirname "$0")/own"; sleep 60')

    def interrupt(*_: object, **__: object) -> None:
        own = Path(executable).with_name("own")
        while not own.exists() or not own.read_text().strip():
            time.sleep(0.01)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        solve(program, executable)
    assert not _is_running(int(Path(executable).with_name("own").read_text()))


def test_missing_program(program: Program, tmp_path: Path) -> None:
    with pytest.raises(
        SolverNotFound, match=r"cannot be started .No such file.*FLEXMEASURES_LP_SOLVER"
    ):
        solve(program, str(tmp_path / "cbc"))


def test_no_room_for_files(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "write_text", _no_space)
    with pytest.raises(SolverError, match="No space left on device"):
        solve(program, "cbc")


def _no_space(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_unknown_solver(program: Program) -> None:
    with pytest.raises(SolverNotFound, match=r"Unknown solver 'abacus'.*cbc, highs"):
        solve(program, "abacus")


def test_where_cbc_is_looked_for(monkeypatch: pytest.MonkeyPatch, script: Script) -> None:
    own = script("exit 0")
    monkeypatch.setenv("PATH", str(Path(own).parent))
    cbc.find_cbc.cache_clear()
    assert cbc.find_cbc() == own
    monkeypatch.setenv("PATH", "")
    cbc.find_cbc.cache_clear()
    assert "pulp" in cbc.find_cbc()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    cbc.find_cbc.cache_clear()
    with pytest.raises(SolverNotFound, match="pip install pulp"):
        cbc.find_cbc()
    cbc.find_cbc.cache_clear()


def test_gap_of_a_search_that_was_stopped() -> None:
    log = "Stopped on time limit\n\nObjective value:      -990.00\nLower bound:     -1000.0\n"
    assert cbc._read_gap(log) == pytest.approx(10 / 990)
    assert cbc._read_gap("Objective value:   5.0\n") is None
