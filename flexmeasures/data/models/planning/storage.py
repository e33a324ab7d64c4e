"""The storage scheduler, as plugins know it."""

from __future__ import annotations

from flexmeasures.scheduling.storage import StorageScheduler

__all__ = ["StorageScheduler"]
