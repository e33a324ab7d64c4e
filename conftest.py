"""Settings of every test run in this folder."""

from __future__ import annotations

import os

from hypothesis import settings

# How long an example takes tells of the machine, not of the code. Where CI is set, hypothesis has a
# profile of its own, in which examples are the same each time.
settings.register_profile("patient", deadline=None)
if not os.environ.get("CI"):
    settings.load_profile("patient")
