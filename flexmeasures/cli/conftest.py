"""Ways to run commands: the installed program, Python code in a terminal, or in this process."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import Result

if TYPE_CHECKING:
    from flask import Flask
    from flask_sqlalchemy import SQLAlchemy

    from flexmeasures.data.services.toy_account import ToyAccount

Invoke = Callable[..., Result]
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

    def __call__(
        self, *words: str, exit_code: int = 0, input: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Type `flexmeasures <words>`; there must be that exit code, and no traceback."""
        result = subprocess.run(
            [PROGRAM, *words],
            input=input,
            env=self.environment,
            cwd=self.home,
            text=True,
            capture_output=True,
            timeout=60,
        )
        assert result.returncode == exit_code, result.stdout + result.stderr
        assert "Traceback" not in result.stdout + result.stderr
        return result


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


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path_factory.mktemp("home of a newcomer"))
    yield terminal
    terminal("local", "stop")


@pytest.fixture
def toy(app: Flask, fresh_db: SQLAlchemy) -> ToyAccount:
    """The toy account, in a database with nothing else."""
    from flexmeasures.data.services.toy_account import add_toy_assets, create_toy_user

    toy = add_toy_assets(create_toy_user("Toy Account").account)
    fresh_db.session.commit()
    return toy


@pytest.fixture
def invoke(app: Flask) -> Invoke:
    """Runs a command within this process; expects success, unless told otherwise."""
    runner = app.test_cli_runner()

    def run(
        command: click.Command, *words: str, exit_code: int = 0, input: str | None = None
    ) -> Result:
        result = runner.invoke(command, words, input=input)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == exit_code, result.output
        return result

    return run
