"""Where log lines go: to stderr, and to a file that is rotated."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from datetime import datetime, timezone
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from flask import Flask

from flexmeasures.bootstrap.exceptions import ConfigurationError
from flexmeasures.utils.tracing import TracingFilter

log = logging.getLogger(__name__)

FILE_NAME = "flexmeasures.log"
_CONSOLE_FORMAT = "[FLEXMEASURES][%(asctime)s] %(levelname)s: %(message)s%(trace)s"
_FILE_FORMAT = f"{_CONSOLE_FORMAT} [logged in %(pathname)s:%(lineno)d]"
FORMATS = ("text", "json")
_MARK = "flexmeasures."  # names of our handlers, so that a second app replaces them


_as_json = False

_STYLE = re.compile(r"\x1b\[[\d;]*m")  # werkzeug colours its lines, whoever reads them


class _ConsoleHandler(logging.StreamHandler):
    """Writes to whatever is stderr at that moment: command runners and tests replace it."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        coloured = self.stream.isatty() and not os.environ.get("NO_COLOR")
        return line if coloured else _STYLE.sub("", line)


class _FileHandler(RotatingFileHandler):
    def format(self, record: logging.LogRecord) -> str:
        return _STYLE.sub("", super().format(record))


def log_to_console() -> None:
    """Send the log lines of this process to stderr."""
    _install(_ConsoleHandler(), "console", _CONSOLE_FORMAT)


def keep_log_file(app: Flask) -> None:
    """Send log lines also to a file in the working directory.

    In local mode it is in the data folder, so that newcomers find no stray files. Tests write none.
    """
    if app.config["LOCAL_MODE"]:
        from flexmeasures.bootstrap.local.folder import data_folder, prepare

        log_to_file(prepare(data_folder()))
    elif not app.testing:
        log_to_file(Path.cwd())


def log_to_file(folder: Path) -> None:
    """Send log lines also to a file in this folder, or say once that this is not possible."""
    path = folder / FILE_NAME
    if not os.access(path if path.exists() else folder, os.W_OK):
        log.warning("Cannot write to %s, so log lines go to the console only.", path)
        return
    handler = _FileHandler(path, maxBytes=10_000_000, backupCount=6, delay=True)
    handler.setLevel(logging.INFO)
    _install(handler, "file", _FILE_FORMAT)


def set_level(level: int | str) -> None:
    """Drop log lines below this level, given by name or number. Raises ConfigurationError."""
    try:
        for logger in (logging.getLogger(), logging.getLogger("flexmeasures")):
            logger.setLevel(level.upper() if isinstance(level, str) else level)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(
            f"LOGGING_LEVEL={level} cannot be used: it should be DEBUG, INFO, WARNING, ERROR,"
            " CRITICAL or a number."
        ) from error


def set_format(name: str) -> None:
    """Write log lines as text, or each as an object in JSON. Raises ConfigurationError."""
    if name not in FORMATS:
        raise ConfigurationError(
            f"FLEXMEASURES_LOG_FORMAT={name} cannot be used: it should be text or json."
        )
    global _as_json
    _as_json = name == "json"


class _Formatter(logging.Formatter):
    """One line of text, followed by those of a traceback; or all of it as an object in JSON."""

    def format(self, record: logging.LogRecord) -> str:
        if not _as_json:
            return super().format(record)
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": _STYLE.sub("", record.getMessage()),
            "where": f"{record.pathname}:{record.lineno}",
            "process": record.process,
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line | getattr(record, "ids", {}), ensure_ascii=False)


def _install(handler: logging.Handler, name: str, line_format: str) -> None:
    root = logging.getLogger()
    for present in [handler for handler in root.handlers if handler.name == _MARK + name]:
        root.removeHandler(present)
        present.close()
    handler.set_name(_MARK + name)
    handler.setFormatter(_Formatter(line_format))
    handler.addFilter(TracingFilter())
    root.addHandler(handler)
