"""Schedulers, as plugins know them; they live in `flexmeasures.scheduling`."""

from __future__ import annotations

from flexmeasures.scheduling.base import Scheduler

__all__ = ["Scheduler"]
