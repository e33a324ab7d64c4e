from __future__ import annotations

import io
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from flexmeasures.bootstrap import logs
from flexmeasures.bootstrap.exceptions import ConfigurationError

pytestmark = pytest.mark.usefixtures("logging_state")

log = logging.getLogger("flexmeasures.some.module")


def test_lines_go_to_the_present_stderr_once(capsys: pytest.CaptureFixture[str]) -> None:
    logs.log_to_console()
    logs.log_to_console()  # a second app in the same process
    logs.set_level("info")
    log.info("all is well")
    log.debug("not this")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("[FLEXMEASURES][2")
    assert err.endswith("] INFO: all is well\n")
    assert err.count("\n") == 1


def test_file_gets_lines_from_info_upwards_with_their_origin(tmp_path: Path) -> None:
    logs.set_level("DEBUG")
    logs.log_to_file(tmp_path)
    file = tmp_path / "flexmeasures.log"
    log.debug("not this")
    assert not file.exists()  # nothing to say, no file
    log.info("all is well")
    (line,) = file.read_text().splitlines()
    assert "] INFO: all is well [logged in " in line
    assert "test_logs.py:" in line


@pytest.fixture
def no_writing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Root may write everywhere, so the question is answered instead of the folder locked."""

    def forbid(folder: Path) -> None:
        monkeypatch.setattr("os.access", lambda path, mode: not Path(path).is_relative_to(folder))

    return forbid


def test_a_folder_that_cannot_be_written_is_told_once(
    tmp_path: Path, no_writing: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    no_writing(tmp_path)
    logs.log_to_console()
    logs.set_level("WARNING")
    logs.log_to_file(tmp_path)
    log.warning("going on")
    err = capsys.readouterr().err
    assert f"Cannot write to {tmp_path / 'flexmeasures.log'}" in err
    assert "going on" in err
    assert len(err.splitlines()) == 2
    assert not (tmp_path / "flexmeasures.log").exists()


@pytest.mark.parametrize("level", ["loud", None, ""])
def test_unknown_level(level: str) -> None:
    with pytest.raises(ConfigurationError, match=f"LOGGING_LEVEL={level} cannot be used"):
        logs.set_level(level)


@pytest.mark.parametrize(
    ("is_terminal", "no_color", "coloured"),
    [(True, "", True), (True, "1", False), (False, "", False)],
)
def test_colours_are_for_terminals(
    logging_state: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_terminal: bool,
    no_color: str,
    coloured: bool,
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: is_terminal)
    monkeypatch.setattr("sys.stderr", screen)
    logs.log_to_console()
    logs.log_to_file(tmp_path)
    logging.getLogger("werkzeug").error("\x1b[31m\x1b[1mGET / 500\x1b[0m")
    assert ("\x1b[31m" in screen.getvalue()) == coloured
    assert "GET / 500" in screen.getvalue()
    assert "ERROR: GET / 500 [" in (tmp_path / "flexmeasures.log").read_text()
