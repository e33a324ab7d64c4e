"""What talks to the server in `ci/days.py`: meters, and batteries that ask for plans."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
QUARTER = 15 * MINUTE
_PATIENCE = 120  # seconds in which a request must succeed
_LONGEST_PAUSE = 2  # seconds between two tries, also if the server asks for more
_CAPACITY, _POWER = 40.0, 10.0  # kWh and kW of batteries
_EFFICIENCY = 0.9  # of a round trip
_SLOTS = 96  # quarters in a plan


class Refused(Exception):
    """An answer that no client should get."""


class Client:
    """Sends requests until they are answered, as clients should, each thread on its connection."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._headers = {"Authorization": token, "Content-Type": "application/json"}
        self._of_thread = threading.local()
        self._lock = threading.Lock()
        self.retries: Counter[str] = Counter()
        self.longest = 0.0  # seconds until an answer came
        self.durations: list[float] = []  # of requests that were answered at once

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON of the first answer that is not a 503."""
        content = None if body is None else json.dumps(body)
        begin, pause, tries = time.monotonic(), 0.1, 0
        while True:
            tries += 1
            try:
                status, answer = self._once(method, path, content, headers)
                reason = "503"
            except (OSError, http.client.HTTPException) as error:
                self._of_thread.connection.close()
                del self._of_thread.connection
                status, answer, reason = 503, repr(error), type(error).__name__
            took = time.monotonic() - begin
            if status != 503:
                with self._lock:
                    self.longest = max(self.longest, took)
                    if tries == 1:
                        self.durations.append(took)
                return status, answer
            with self._lock:
                self.retries[reason] += 1
            if took > _PATIENCE:
                raise Refused(f"{method} {path}: no answer in {_PATIENCE} s, at last {answer}")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _once(
        self, method: str, path: str, content: str | None, headers: dict[str, str]
    ) -> tuple[int, Any]:
        if not hasattr(self._of_thread, "connection"):
            self._of_thread.connection = http.client.HTTPConnection(
                "127.0.0.1", self._port, timeout=40
            )
        connection: http.client.HTTPConnection = self._of_thread.connection
        connection.request(method, f"/api/v3_0{path}", content, self._headers | headers)
        response = connection.getresponse()
        text = response.read()
        try:
            return response.status, json.loads(text) if text else None
        except ValueError:
            raise Refused(f"{method} {path}: {response.status} {text[:2000]!r}") from None


@dataclass
class Meter:
    """Sends what it measured; remembers what was accepted."""

    sensor: int
    unit: str
    resolution: timedelta
    start: datetime  # of the first value
    values: NDArray[np.float64]
    manner: int  # how it says when it knew: 0 by a horizon, 1 not at all, 2 by a time
    accepted: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.accepted = np.zeros(len(self.values), bool)

    def post(self, client: Client, duration: timedelta, since: timedelta = timedelta(0)) -> None:
        """Values of this long, from so long after the start.

        Raises Refused unless they are accepted.
        """
        start = self.start + since
        first, number = since // self.resolution, duration // self.resolution
        body = {
            "start": start.isoformat(),
            "duration": f"PT{duration // MINUTE}M",
            "unit": self.unit,
            "values": self.values[first : first + number].tolist(),
        }
        if self.manner == 0:
            body["horizon"] = "PT0M"
        elif self.manner == 2:
            body["prior"] = (start + duration).isoformat()
        status, answer = client("POST", f"/sensors/{self.sensor}/data", body)
        if status != 200:
            raise Refused(f"Post of sensor {self.sensor} at {start}: {status} {answer}")
        self.accepted[first : first + number] = True


@dataclass(frozen=True)
class Asked:
    """For which time a plan was asked for, with which level (kWh), and when (seconds)."""

    start: datetime
    level: float
    moment: float


@dataclass
class Battery:
    """Asks for a plan each hour, and follows the newest that it got."""

    sensor: int
    price: int
    level: float = _CAPACITY / 2
    asked: dict[str, Asked] = field(default_factory=dict)  # by job
    plans: dict[str, list[float]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)

    def ask(self, client: Client, start: datetime) -> None:
        """For a plan of a day."""
        body = {
            "start": start.isoformat(),
            "duration": "PT24H",
            "flex-model": {
                "soc-at-start": f"{self.level} kWh",
                "soc-min": "0 kWh",
                "soc-max": f"{_CAPACITY} kWh",
                "power-capacity": f"{_POWER} kW",
                "roundtrip-efficiency": _EFFICIENCY,
            },
            "flex-context": {
                "consumption-price": {"sensor": self.price},
                "site-power-capacity": "100 kW",
            },
        }
        status, answer = client("POST", f"/sensors/{self.sensor}/schedules/trigger", body)
        if status != 200:
            raise Refused(f"Trigger of sensor {self.sensor} at {start}: {status} {answer}")
        self.asked[answer["schedule"]] = Asked(start, self.level, time.time())

    def look(self, client: Client, now: datetime) -> None:
        """Fetch plans that are made by now; of the newest, take the level at this hour."""
        for job in self.waiting():
            status, answer = client(
                "GET", f"/sensors/{self.sensor}/schedules/{job}", Prefer="respond-async"
            )
            if status == 202:
                continue
            if status == 200:
                self._take(job, answer, now)
            elif answer["status"] == "UNKNOWN_SCHEDULE":
                self.failures[job] = answer["message"]
            elif answer["status"] == "UNRECOGNIZED_EVENT":
                self.lost.append(job)
            else:
                raise Refused(f"Schedule {job}: {status} {answer}")

    def waiting(self) -> list[str]:
        done = {*self.plans, *self.failures, *self.lost}
        return [job for job in self.asked if job not in done]

    def _take(self, job: str, answer: dict[str, Any], now: datetime) -> None:
        values = answer["values"]
        start, level = self.asked[job].start, self.asked[job].level
        if (
            len(values) != _SLOTS
            or None in values
            or datetime.fromisoformat(answer["start"].replace("Z", "+00:00")) != start
        ):
            raise Refused(f"Schedule {job} from {start} is not whole: {answer}")
        levels = _levels(level, values)
        if max(map(abs, values)) > _POWER + 1e-6 or not (
            min(levels) > -1e-3 and max(levels) < _CAPACITY + 1e-3
        ):
            raise Refused(f"Schedule {job} from {start} breaks limits: {values}")
        self.plans[job] = values
        slots = min(int((now - start) / QUARTER), _SLOTS - 1)
        self.level = round(min(max(levels[slots], 0), _CAPACITY), 3)


def _levels(level: float, powers: list[float]) -> list[float]:
    """Of the stock, at the start and after each quarter of an hour."""
    one_way = _EFFICIENCY**0.5
    levels = [level]
    for power in powers:
        level += power / 4 * (one_way if power > 0 else 1 / one_way)
        levels.append(level)
    return levels
