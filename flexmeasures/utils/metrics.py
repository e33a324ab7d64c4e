"""Counts of requests, as Prometheus wants them, by the library `prometheus-client`.

Where PROMETHEUS_MULTIPROC_DIR names a folder, as our settings of gunicorn see to, all processes
count in files there, and each of them can tell the sum. Otherwise a process counts for itself.
"""

from __future__ import annotations

import logging
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

log = logging.getLogger(__name__)

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
# Seconds. Requests that wait for a schedule take as many as FLEXMEASURES_LONG_POLLING.
_STEPS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60)


class Requests:
    """What was asked for, what came of it, and how long it took."""

    def __init__(self) -> None:
        _prepare_folder()
        from prometheus_client import Counter, Histogram, disable_created_metrics

        disable_created_metrics()  # since when each series counts: twice as many series
        self._number = Counter(
            "flexmeasures_requests",
            "Requests by endpoint, method and class of status.",
            ["endpoint", "method", "status"],
        )
        self._seconds = Histogram(
            "flexmeasures_request_duration_seconds",
            "Time until the answer is there, by endpoint and method.",
            ["endpoint", "method"],
            buckets=_STEPS,
        )

    def count(self, endpoint: str | None, method: str, status: int, seconds: float) -> None:
        """Note a request. There are no more series than endpoints, whatever strangers ask for.

        endpoint : None if there is none at that address
        status : as in HTTP
        """
        where = endpoint or "none"
        how = method if method in _METHODS else "other"
        self._number.labels(where, how, f"{status // 100}xx").inc()
        self._seconds.labels(where, how).observe(seconds)


@cache
def requests() -> Requests:
    """The library is loaded now, not by programs that only show help."""
    return Requests()


def collector() -> Collector:
    """All that was counted by the library: by us and by plugins, in all processes if they can.

    A process on its own also tells of its memory and its time.
    """
    requests()
    from prometheus_client import REGISTRY, CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    if _FOLDER not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return registry


def _prepare_folder() -> None:
    """Before the library is loaded, as it looks for the folder then, and with each new series."""
    folder = os.environ.get(_FOLDER)
    if folder is None:
        return
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        log.warning("Cannot write to %s=%s: each process counts for itself.", _FOLDER, folder)
        del os.environ[_FOLDER]
