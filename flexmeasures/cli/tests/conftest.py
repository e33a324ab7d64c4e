"""A terminal in which tests type commands of the installed program."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("flexmeasures")


class Terminal:
    """Of a newcomer: a home folder with nothing in it, and local mode."""

    def __init__(self, home: Path) -> None:
        self.home = home
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("FLEXMEASURES", "FLASK", "SQLALCHEMY"))
        }
        self.environment = inherited | {
            "HOME": str(home),
            "FLEXMEASURES_LOCAL_DATA": str(home / "data"),
            "COLUMNS": "120",
        }

    def __call__(self, *words: str, exit_code: int = 0) -> subprocess.CompletedProcess[str]:
        """Type `flexmeasures <words>`; there must be that exit code, and no traceback."""
        result = subprocess.run(
            [PROGRAM, *words],
            env=self.environment,
            cwd=self.home,
            text=True,
            capture_output=True,
            timeout=60,
        )
        assert result.returncode == exit_code, result.stdout + result.stderr
        assert "Traceback" not in result.stdout + result.stderr
        return result


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path_factory.mktemp("home of a newcomer"))
    yield terminal
    terminal("local", "stop")
