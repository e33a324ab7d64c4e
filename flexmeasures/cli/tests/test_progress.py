"""What a terminal shows of long work, and what a pipe does not."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

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


def in_terminal(code: str, columns: int = 80, **environment: str) -> str:
    """What Python code shows in a terminal of that width."""
    terminal, its_end = pty.openpty()
    fcntl.ioctl(its_end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=its_end,
        stdout=its_end,
        stderr=its_end,
        env=inherited | environment,
    ) as process:
        os.close(its_end)
        shown = b""
        while True:
            try:
                shown += os.read(terminal, 1000)
            except OSError:  # the end, on Linux
                break
    os.close(terminal)
    assert process.returncode == 0, shown.decode()
    return shown.decode()


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
