"""Settings of every test run in this folder."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# How long an example takes tells of the machine, not of the code. Where CI is set, hypothesis has a
# profile of its own, in which examples are the same each time.
settings.register_profile("patient", deadline=None)
if not os.environ.get("CI"):
    settings.load_profile("patient")

# Files whose tests take long, most of it waiting for other processes. They go first: at the end of
# a run, processes would wait for the one that has such a file.
_LONG = (
    *("ui/tests/browser/", "cli/tests/", "forecasting_workers", "test_workers", "poisoned"),
    *("_live", "test_hosting", "test_plugins", "skeleton", "test_main"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not any(part in item.path.as_posix() for part in _LONG))
