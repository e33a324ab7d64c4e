"""The planning engine, as plugins know it."""

from __future__ import annotations

from flexmeasures.scheduling.device_scheduler import device_scheduler

__all__ = ["device_scheduler"]
