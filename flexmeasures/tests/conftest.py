from __future__ import annotations

from flexmeasures.bootstrap.tests.conftest import home, logging_state

__all__ = ["home", "logging_state"]
