"""Benchmarks use the app and the database of the tests, and end with the ratios they found."""

from __future__ import annotations

import pytest

from flexmeasures.conftest import app, db, fresh_db, test_database_uri

__all__ = ["app", "db", "fresh_db", "test_database_uri"]


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Each benchmark's `extra_info`, which the table of times leaves out."""
    session = getattr(terminalreporter.config, "_benchmarksession", None)
    terminalreporter.section("ratios within this run")
    for measured in session.benchmarks if session else []:
        for what, figure in measured.extra_info.items():
            terminalreporter.write_line(f"{figure:8}  {what}  ({measured.name})")
