"""A plugin made from nothing: its own tests pass, as its author would run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flexmeasures.cli.conftest import Invoke
from flexmeasures.cli.data_add.plugin_skeleton import add_plugin_skeleton

ROOT = Path(__file__).parents[4]


def test_its_tests_pass(invoke: Invoke, tmp_path: Path) -> None:
    """With a database and queues that start by themselves."""
    folder = tmp_path / "in a folder" / "sun-and-wind"
    told = invoke(add_plugin_skeleton, "--name", "sun-and-wind", "--folder", str(folder)).output
    assert f'FLEXMEASURES_PLUGINS = ["{folder}/sun_and_wind"]' in told
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert (folder / ".gitignore") in files and (folder / "pyproject.toml") in files
    for file in files:
        assert "my_plugin" not in str(file) and "template" not in file.suffix
        assert "my plugin" not in file.read_text().lower().replace("_", " ").replace("-", " ")
    own = ("SQLALCHEMY_TEST_DATABASE_URI", "FLEXMEASURES_TEST_REDIS_URL", "PYTEST_CURRENT_TEST")
    environment = {name: value for name, value in os.environ.items() if name not in own}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout


def test_nothing_is_overwritten(invoke: Invoke, tmp_path: Path) -> None:
    folder = tmp_path / "sun"
    folder.mkdir()
    (folder / "README.md").write_text("mine")
    for target in (folder, folder / "README.md", folder / "README.md" / "sun"):
        words = ("--name", "sun", "--folder", str(target))
        told = invoke(add_plugin_skeleton, *words, exit_code=1).output
        assert str(target.relative_to(tmp_path)) in told or "Cannot write" in told
    assert [path.name for path in folder.iterdir()] == ["README.md"]
    assert (folder / "README.md").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "lower-case letters"),
        ("../evil", "lower-case letters"),
        ("Sun", "lower-case letters"),
        ("sun_power", "lower-case letters"),
        ("sun--power", "lower-case letters"),
        ("1st", "lower-case letters"),
        ("soleil-été", "lower-case letters"),
        ("s" * 41, "40 characters"),
        ("class", "means something to Python"),
        ("match", "means something to Python"),
        ("json", "there is a module json already"),
        ("timely-beliefs", "there is a module timely_beliefs already"),
        ("flexmeasures", "there is a module flexmeasures already"),
        ("add", "page or command"),
        ("dashboard", "page or command"),
    ],
)
def test_names_that_a_plugin_cannot_have(
    invoke: Invoke, tmp_path: Path, name: str, told: str
) -> None:
    words = ("--name", name, "--folder", str(tmp_path / "new"))
    assert told in invoke(add_plugin_skeleton, *words, exit_code=1).output
    assert list(tmp_path.iterdir()) == []
