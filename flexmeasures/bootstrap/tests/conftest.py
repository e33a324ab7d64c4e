from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from flexmeasures.utils.config_defaults import Config

OTHER_VARIABLES = {
    "FLASK_DEBUG",
    "FLASK_ENV",
    "SECRET_KEY",
    "SENTRY_SDN",
    "SQLALCHEMY_TEST_DATABASE_URI",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, a working directory below it, and no settings in the environment."""
    for name in list(os.environ):
        if name in OTHER_VARIABLES or name.startswith("FLEXMEASURES_") or hasattr(Config, name):
            monkeypatch.delenv(name)
    home, work = tmp_path / "home", tmp_path / "home" / "work"
    work.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("FLASK_SKIP_DOTENV", "1")
    monkeypatch.chdir(work)
    return home


@pytest.fixture
def logging_state() -> Iterator[None]:
    """Handlers and levels as before, whatever the test installs."""
    loggers = [logging.getLogger(), logging.getLogger("flexmeasures")]
    before = [(logger.level, list(logger.handlers)) for logger in loggers]
    yield
    for logger, (level, handlers) in zip(loggers, before, strict=True):
        for handler in set(logger.handlers) - set(handlers):
            handler.close()
        logger.setLevel(level)
        logger.handlers[:] = handlers
