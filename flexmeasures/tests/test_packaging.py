"""What an installation brings along, and which Python it is made with."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def required(purpose: str) -> set[str]:
    """Names of the distributions on a loose list."""
    lines = (ROOT / "requirements" / f"{purpose}.in").read_text().splitlines()
    names = (re.match(r"[\w.-]+", line) for line in lines if not line.startswith("-"))
    return {name.group() for name in names if name}


def imported(files: Iterator[Path]) -> dict[str, Path]:
    """Top-level modules that these files import, apart from ours and Python's, and where."""
    found: dict[str, Path] = {}
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            else:
                continue
            found |= {name.partition(".")[0]: path for name in names}
    ours = {"flexmeasures", *sys.stdlib_module_names}
    return {name: path for name, path in found.items() if name not in ours}


def provided(requirements: set[str]) -> set[str]:
    """Top-level modules that these distributions install."""
    files = (file for name in requirements for file in distribution(name).files or ())
    return {file.parts[0].partition(".")[0] for file in files}


def undeclared(modules: dict[str, Path], requirements: set[str]) -> dict[str, str]:
    known = provided(requirements)
    return {
        name: str(path.relative_to(ROOT)) for name, path in modules.items() if name not in known
    }


def is_for_tests(path: Path) -> bool:
    return "tests" in path.parts or path.name == "conftest.py"


def test_whatever_the_package_imports_is_required() -> None:
    files = (path for path in (ROOT / "flexmeasures").rglob("*.py") if not is_for_tests(path))
    assert undeclared(imported(files), required("app")) == {}


def test_whatever_the_tests_import_is_required() -> None:
    files = (
        path
        for path in (ROOT / "flexmeasures").rglob("*.py")
        if is_for_tests(path) and "plugins" not in path.parts  # those import their own modules
    )
    assert undeclared(imported(files), required("app") | required("test")) == {}


def find_python(folder: Path, **suitable: bool) -> subprocess.CompletedProcess[str]:
    """Run the search on a PATH with these commands, of which some are of a supported version."""
    for name, suits in suitable.items():
        command = folder / name.replace("_", ".")
        command.write_text(f"#!/bin/sh\nexit {int(not suits)}\n")
        command.chmod(0o755)
    return subprocess.run(
        ["/bin/sh", ROOT / "ci" / "find-python"],
        env={"PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("suitable", "expected"),
    [
        ({"python3": True, "python3_13": True}, "python3"),
        ({"python3": False, "python3_10": True, "python3_12": True}, "python3.12"),
        ({"python": True}, "python"),
    ],
)
def test_installing_finds_a_suitable_python(
    suitable: dict[str, bool], expected: str, tmp_path: Path
) -> None:
    found = find_python(tmp_path, **suitable)
    assert (found.stdout.strip(), found.returncode) == (expected, 0)


def test_installing_says_which_pythons_would_do(tmp_path: Path) -> None:
    found = find_python(tmp_path, python3=False)
    assert found.returncode == 1
    assert "Python 3.10, 3.11, 3.12 or 3.13" in found.stderr
