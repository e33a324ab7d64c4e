"""What must hold after `ci/days.py` has lived through its days."""

from __future__ import annotations

import io
import pickle
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import psycopg2

from ci.days_client import DAY, Battery, Meter
from ci.supervised import Memory
from flexmeasures.bootstrap.local.postgres import Postgres
from flexmeasures.bootstrap.local.valkey import Valkey

OPEN = ("queued", "started", "created", "deferred", "scheduled")  # states of jobs
WARM_UP = 60.0  # seconds of life, after which a process should not grow
NOT_WRITTEN = 3.0  # seconds that the queues' server may lose when it is killed
# What a lost connection makes libraries say. Anything else is our mistake.
EXPECTED_ERRORS = re.compile(
    r"^(sqlalchemy\.exc\.|psycopg2\.(errors\.)?|redis\.exceptions\.)?"
    r"(DatabaseError|OperationalError|InterfaceError|AdminShutdown|CrashShutdown"
    r"|CannotConnectNow|ConnectionError|BusyLoadingError|BrokenPipeError"
    r"|ConnectionResetError|ConnectionRefusedError)\b"
    r".*(server closed the connection|terminat|starting up|recovery mode|shutting down"
    r"|[Cc]onnection (already )?(closed|refused|reset)|[Cc]onnection not open|Broken pipe"
    r"|[Nn]o such file|Error \d+ (connecting|while)|loading the dataset|not yet accepting)"
)


@dataclass
class Report:
    """Figures to show, and what is wrong."""

    figures: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def note(self, name: str, value: object) -> None:
        self.figures.append((name, str(value)))

    def must_be_none(self, number: int, what: str) -> None:
        if number:
            self.wrong.append(f"{number} {what}")


class Database:
    """Read as it is, past the program."""

    def __init__(self, data: Path) -> None:
        server = Postgres(data)
        server.ensure_running()
        self._address = server.address().replace("+psycopg2", "", 1)

    def rows(self, statement: str) -> Any:
        """(rows, 3) numbers"""
        out = io.StringIO()
        connection = psycopg2.connect(self._address)
        with connection.cursor() as cursor:
            cursor.copy_expert(f"COPY ({statement}) TO STDOUT", out)
        connection.close()
        return np.array(out.getvalue().split(), dtype=float).reshape(-1, 3)


def check_values(report: Report, database: Database, source: int, meters: Sequence[Meter]) -> None:
    """Each that was accepted is there once, and no other."""
    rows = database.rows(
        "SELECT sensor_id, extract(epoch FROM event_start)::bigint, event_value"
        f" FROM timed_belief WHERE source_id = {source}"
    )
    missing = twice = different = unknown = 0
    for meter in meters:
        own = rows[rows[:, 0] == meter.sensor]
        steps = (own[:, 1] - meter.start.timestamp()) / meter.resolution.total_seconds()
        index = steps.astype(int)
        inside = (index == steps) & (index >= 0) & (index < len(meter.values))
        index, values = index[inside], own[inside, 2]
        times = np.bincount(index, minlength=len(meter.values))
        missing += int((meter.accepted & (times == 0)).sum())
        twice += int((times > 1).sum())
        unknown += int((~inside).sum()) + int((~meter.accepted & (times > 0)).sum())
        different += int((meter.values[index] != values).sum())
    accepted = sum(int(meter.accepted.sum()) for meter in meters)
    report.note("values accepted, stored", f"{accepted}, {len(rows)}")
    report.must_be_none(missing, "values were accepted, but are not stored")
    report.must_be_none(twice, "events are stored more than once")
    report.must_be_none(different, "values differ from what was sent")
    report.must_be_none(unknown, "values are stored that nobody sent")
    report.must_be_none(abs(accepted - len(rows)), "more or fewer values are stored than accepted")


def check_forecasts(report: Report, database: Database, meters: Sequence[Meter]) -> None:
    """The last measurements of these led to forecasts, two days ahead."""
    rows = database.rows(
        "SELECT sensor_id, extract(epoch FROM max(event_start))::bigint, count(*)"
        " FROM timed_belief JOIN data_source ON data_source.id = source_id"
        " WHERE type = 'forecaster' GROUP BY sensor_id"
    )
    report.note("forecasts", f"{rows[:, 2].sum():.0f} of {len(rows)} sensors")
    lasts = {int(sensor): float(last) for sensor, last, _ in rows}
    for meter in meters:
        last_value = meter.start + (len(meter.values) - 1) * meter.resolution
        last = lasts.get(meter.sensor, 0.0)
        if last < (last_value + 2 * DAY).timestamp():
            until = datetime.fromtimestamp(last, timezone.utc)
            report.wrong.append(f"sensor {meter.sensor} has forecasts until {until} only")


class Jobs:
    """All that the queues' server knows now."""

    def __init__(self, data: Path) -> None:
        self.states: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()  # of failed ones; empty if none was kept
        self.lists: dict[str, int] = {}
        redis: Any = Valkey(data).client()
        for key in redis.scan_iter("rq:job:*", count=1000, _type="hash"):
            status = (redis.hget(key, "status") or b"without state").decode()
            self.states[status] += 1
            if status == "failed":
                self.reasons[_reason(redis.hget(key, "meta"))] += 1
        for queue in ("forecasting", "scheduling"):
            self.lists[f"the queue {queue}"] = redis.llen(f"rq:queue:{queue}")
            self.lists[f"the list after {queue}"] = redis.llen(f"rq:queue:{queue}:intermediate")
            self.lists[f"those started of {queue}"] = redis.zcard(f"rq:wip:{queue}")
        redis.close()

    def are_done(self) -> bool:
        return not any(self.states[state] for state in OPEN)


def check_jobs(report: Report, jobs: Jobs) -> None:
    """Each is finished, or failed and says why; and no list is left."""
    told = ", ".join(f"{number} {state}" for state, number in sorted(jobs.states.items()))
    report.note("jobs", told or "none")
    for state in set(jobs.states) - {"finished", "failed"}:
        report.must_be_none(jobs.states[state], f"jobs are {state}")
    for name, length in jobs.lists.items():
        report.must_be_none(length, f"jobs are left in {name}")
    for reason, number in jobs.reasons.items():
        if reason:
            report.note(f"  failed: {reason[:60]}", number)
        else:
            report.must_be_none(number, "jobs failed without a reason")


def check_plans(
    report: Report, batteries: Sequence[Battery], kills_of_queue: Sequence[float]
) -> None:
    """Each that was asked for was made.

    The queues' server writes to disk once a second, so what was asked for just before it was
    killed may be lost.
    """
    asked, made, failed = (
        sum(len(getattr(battery, name)) for battery in batteries)
        for name in ("asked", "plans", "failures")
    )
    excused = 0
    for battery in batteries:
        for job in battery.lost:
            moment = battery.asked[job].moment
            if any(0 <= kill - moment <= NOT_WRITTEN for kill in kills_of_queue):
                excused += 1
            else:
                report.wrong.append(f"plan {job} is not known any more")
        report.wrong += [f"plan {job}: {why}" for job, why in battery.failures.items()]
        report.must_be_none(len(battery.waiting()), f"plans of {battery.sensor} were never made")
    report.note("plans asked for, made, failed, lost", f"{asked}, {made}, {failed}, {excused}")


def check_memory(report: Report, memories: Iterable[Memory], limit: float, required: bool) -> None:
    """Of each process that lived long enough: little growth after it warmed up."""
    worst: dict[str, tuple[float, float, float]] = {}
    for memory in memories:
        if (grown := memory.growth(WARM_UP)) is not None:
            ratio = grown[1] / grown[0]
            worst[memory.kind] = max(worst.get(memory.kind, (0.0, 0.0, 0.0)), (ratio, *grown))
    for kind in ("server master", "server worker", "job worker"):
        if kind not in worst:
            report.note(f"memory of a {kind}", "none lived long enough to tell")
            if required:
                report.wrong.append(f"no {kind} lived long enough to tell its memory")
            continue
        ratio, warm, end = worst[kind]
        report.note(f"memory of a {kind}", f"{warm:.0f} -> {end:.0f} MB ({ratio:.2f})")
        if ratio > limit:
            report.wrong.append(f"a {kind} grew from {warm:.0f} to {end:.0f} MB")


def check_logs(report: Report, place: Path) -> None:
    """Nothing but lost connections went wrong, and the database refused no statement."""
    expected: Counter[str] = Counter()
    for log in place.glob("*.log"):
        for error in errors_in(log.read_text(errors="replace")):
            if EXPECTED_ERRORS.search(error):
                expected[error.partition(":")[0].rpartition(".")[2]] += 1
            else:
                report.wrong.append(f"{log.name}: {error}")
    told = ", ".join(f"{number} {name}" for name, number in expected.items())
    report.note("tracebacks of lost connections", told or "none")
    for line in (place / "data" / "postgresql.log").read_text(errors="replace").splitlines():
        if re.search(r" (ERROR|PANIC): ", line):
            report.wrong.append(f"postgresql.log: {line}")


def errors_in(text: str) -> Iterator[str]:
    """The line with which each traceback ends; of chained ones, the last.

    >>> list(errors_in("Traceback (most recent call last):\\n  File\\nValueError: no\\nmore"))
    ['ValueError: no']
    """
    within, last = False, None
    for line in text.splitlines():
        if line.startswith("Traceback (most recent call last)"):
            within, last = True, None
        elif within and line and not line[0].isspace():
            within, last = False, line
        elif line.startswith(("The above exception", "During handling")):
            last = None
        elif last is not None and line.startswith("["):  # the next line of the log
            yield last
            last = None
    if last is not None:
        yield last


def _reason(meta: bytes | None) -> str:
    """Why a job failed, as its meta data tell."""
    if not meta:
        return ""
    known: Any = pickle.loads(zlib.decompress(meta) if meta[:1] == b"x" else meta)
    exception = known.get("exception")
    return "{class}: {message}".format(**exception) if exception else ""
