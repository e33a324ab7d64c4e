"""What a terminal shows of long work, and what a pipe does not."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from flexmeasures.cli.conftest import in_terminal

BAR = """
from flexmeasures.cli.progress import progress
with progress("Adding beliefs") as tell:
    for done in {steps}:
        tell(done)
print("Done.")
"""
WAIT = """
import time
from flexmeasures.cli.progress import waiting
with waiting("Deleting beliefs", after=0.05):
    time.sleep({seconds})
print("Done.")
"""


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_bar_on_a_terminal(columns: int) -> None:
    shown = in_terminal(BAR.format(steps=(0.25, 0.5, 1)), columns)
    assert "Adding beliefs  [" in shown
    assert re.findall(r"\d+%", shown)[-3:] == ["25%", "50%", "100%"]
    assert shown.endswith("\r\nDone.\r\n")
    visible = re.sub(r"\x1b\[\?25[lh]", "", shown)
    assert max(len(line) for line in re.split(r"[\r\n]+", visible)) <= columns


@pytest.mark.parametrize(
    "code", [BAR.format(steps=(1,)), WAIT.format(seconds=0)], ids=["bar", "wait"]
)
def test_short_work_is_not_worth_a_word(code: str) -> None:
    assert in_terminal(code) == "Done.\r\n"


def test_time_on_a_terminal() -> None:
    shown = in_terminal(WAIT.format(seconds=0.3))
    assert "\rDeleting beliefs ... 0 s" in shown
    assert shown.endswith(f"\r{' ' * len('Deleting beliefs ... 0 s')}\rDone.\r\n")


def test_no_colours_with_no_color() -> None:
    shown = in_terminal(BAR.format(steps=(0.5, 1)), NO_COLOR="1")
    assert "100%" in shown
    assert not re.search(r"\x1b\[[\d;]*m", shown)


@pytest.mark.parametrize(
    "code", [BAR.format(steps=(0.5, 1)), WAIT.format(seconds=0.2)], ids=["bar", "wait"]
)
def test_nothing_elsewhere(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("Done.\n", "")
