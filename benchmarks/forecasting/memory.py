"""How much memory something takes at most."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Peak:
    megabytes: float = float("nan")


@contextmanager
def peak() -> Iterator[Peak]:
    """The most that this process held in memory meanwhile.

    Where the system cannot forget earlier peaks, the most that it ever held.
    """
    found = Peak()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    yield found
    found.megabytes = _peak_so_far()


def _peak_so_far() -> float:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def resident(process: int | str = "self") -> float:
    """Megabytes that a process holds now."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024
