"""Run the program as a user would: in a process of its own, with a home folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_CHECKOUT = Path(__file__).parents[2]
_KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "VIRTUAL_ENV")


def run_python(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the interpreter in an empty environment, save for the given variables."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {"HOME": str(home), "PYTHONPATH": str(_CHECKOUT)} | variables
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def run_program(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `flexmeasures` with these arguments and variables."""
    return run_python(home, "-m", "flexmeasures", *arguments, **variables)
