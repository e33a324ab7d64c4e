"""Live through days of operation within minutes, while processes are killed at random.

A server, two workers, and meters that send values of each minute, or of each quarter, which are
forecast; batteries ask for a new plan each hour. All kinds of processes get killed meanwhile, the
database and the queues included, and start again. At the end, each value that was accepted must be
in the database, once; each job must be accounted for; memory must not have grown; logs must show
nothing but lost connections; and nothing may be left running. The exit code is 0 only if all holds.

    python -m ci.days [--days 10] [--sensors 50] [--kills N] [--seed 1]
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np

from ci.days_checks import (
    Database,
    Jobs,
    Report,
    check_forecasts,
    check_jobs,
    check_logs,
    check_memory,
    check_plans,
    check_values,
)
from ci.days_client import DAY, QUARTER, Battery, Client, Refused
from ci.days_world import HISTORY, build, quarters
from ci.supervised import Killer, Service, Supervisor, left_over, plan_of_kills
from flexmeasures.bootstrap.local.postgres import Postgres
from flexmeasures.bootstrap.local.throwaway import WATCHDOG
from flexmeasures.bootstrap.local.valkey import Valkey
from flexmeasures.tests.live_server import free_port

ROOT = Path(__file__).parents[1]
PYTHON = sys.executable
CLIENTS = 4
STARTING_TAKES, DRAINING_TAKES = 90, 240  # seconds at most


def main() -> int:
    options = parse_options()
    with folder() as place:
        run = Run(options, place)
        try:
            run.live()
        except (Refused, TimeoutError) as error:
            run.report.wrong.append(str(error))
        finally:
            run.end()
        run.judge()
        return run.tell()


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--days", type=float, default=10)
    parser.add_argument("--sensors", type=int, default=50)
    parser.add_argument("--forecasts", type=int, help="sensors that get them: a fifth")
    parser.add_argument("--batteries", type=int, default=3)
    parser.add_argument("--pace", type=float, default=0.8, help="least seconds for a quarter")
    parser.add_argument("--kills", type=int, help="12 a day, unless given")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--growth", type=float, default=1.1, help="of memory, at most")
    parser.add_argument("--real-clock", action="store_true", help="not in play mode")
    parser.add_argument("--keep-logs", type=Path, help="copy logs to this folder")
    options = parser.parse_args()
    if options.forecasts is None:
        options.forecasts = options.sensors // 5
    if options.kills is None:
        options.kills = max(len(Killer.KINDS) - 1, round(12 * options.days))
    return options


@contextmanager
def folder() -> Iterator[Path]:
    """Gone at the end, with the database in it, however that end comes."""
    place = Path(tempfile.mkdtemp(prefix="days-"))
    place.chmod(0o755)
    (place / "home").mkdir()
    watchdog = subprocess.Popen(
        ["/bin/sh", "-c", WATCHDOG, "sh", str(place / "data")],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        yield place
    finally:
        watchdog.communicate(b"end\n")
        shutil.rmtree(place, ignore_errors=True)


class Run:
    """One run: what happens in it, what is wrong with that, and figures."""

    def __init__(self, options: argparse.Namespace, place: Path) -> None:
        self.options, self.place, self.data = options, place, place / "data"
        self.chance = random.Random(options.seed)
        self.report = Report()
        self.note = self.report.note
        self.port = free_port()
        self.began = self.time_of_living = time.monotonic()
        self.took = 1.0
        variables(place, options)
        self.world = build(options)
        self.supervisor = Supervisor(services(place, self.port), os.environ, place)
        self.killer = Killer(self.supervisor, self.data, options.seed)
        self.client = Client(self.port, self.world.token)

    # What happens

    def live(self) -> None:
        self.wait_for_start()
        self.note("start-up", f"{time.monotonic() - self.began:.0f} s")
        world, options = self.world, self.options
        self.time_of_living = time.monotonic()
        number = quarters(options)
        kills = self.plan_kills(number)
        with (
            ThreadPoolExecutor(CLIENTS) as pool,
            ThreadPoolExecutor(1, "killer") as killing,
        ):
            all_at_once(pool, [(one.post, self.client, HISTORY) for one in world.meters])
            world.prices.post(self.client, 2 * DAY)
            self.note("history", f"{time.monotonic() - self.time_of_living:.0f} s")
            for quarter in range(number):
                for kind in kills.get(quarter, ()):
                    killing.submit(self.killer.kill, kind)
                begin = time.monotonic()
                self.live_quarter(pool, quarter)
                time.sleep(max(0.0, options.pace - (time.monotonic() - begin)))
                if sys.stdout.isatty():
                    print(f"\r{quarter + 1} of {number} quarters", end="", flush=True)
        if sys.stdout.isatty():
            print()
        self.took = time.monotonic() - self.time_of_living
        self.wait_for_jobs()

    def live_quarter(self, pool: ThreadPoolExecutor, quarter: int) -> None:
        world, client = self.world, self.client
        now = world.start + quarter * QUARTER
        if quarter % 96 == 48:  # at noon, prices of the day after
            world.prices.post(client, DAY, 2 * DAY + quarter // 96 * DAY)
        calls: list[tuple[Any, ...]] = []
        if quarter % 4 == 0:
            calls += [(plan, battery, client, now) for battery in world.batteries]
        since = HISTORY + quarter * QUARTER
        calls += [(one.post, client, QUARTER, since) for one in world.meters]
        # Now and then, a message is sent twice at once.
        twice = self.chance.choice(world.meters)
        calls.append((twice.post, client, QUARTER, since))
        all_at_once(pool, calls)

    def plan_kills(self, quarters: int) -> dict[int, list[str]]:
        """By quarter. In the last third, memory is watched, so servers and workers stay."""
        number = self.options.kills
        long = self.options.days >= 1
        # A job whose worker died with it is found a minute later.
        kinds = [kind for kind in Killer.KINDS if long or kind != "job worker and horse"]
        planned: dict[int, list[str]] = {}
        for kind in plan_of_kills(kinds, number, self.chance):
            part = 2 / 3 if kind in Killer.RESTARTING else 0.95
            quarter = self.chance.randrange(1, max(2, round(part * quarters)))
            planned.setdefault(quarter, []).append(kind)
        return planned

    def wait_for_start(self) -> None:
        latest = time.monotonic() + STARTING_TAKES
        for service in self.supervisor.services:
            ready = self.serves if service.name == "server" else partial(service.says, "Listening")
            while not ready():
                if time.monotonic() > latest:
                    raise TimeoutError(f"{service.name} did not start, see {service.log.name}")
                time.sleep(0.1)

    def serves(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/api/ops/ping", timeout=5):
                return True
        except OSError:
            return False

    def wait_for_jobs(self) -> None:
        """Until all that was asked for is done."""
        begin = time.monotonic()
        end = self.world.start + self.options.days * DAY
        while time.monotonic() - begin < DRAINING_TAKES:
            for battery in self.world.batteries:
                battery.look(self.client, end)
            waiting = any(battery.waiting() for battery in self.world.batteries)
            if not waiting and Jobs(self.data).are_done():
                break
            time.sleep(0.5)
        self.wait_for_start()  # of what was killed last
        self.note("until jobs were done", f"{time.monotonic() - begin:.0f} s")

    def end(self) -> None:
        """In good order. The database stays, to be looked into."""
        begin = time.monotonic()
        self.supervisor.stop()
        self.note("until all had stopped", f"{time.monotonic() - begin:.0f} s")
        for name, code in self.supervisor.exit_codes.items():
            if code != 0:
                self.report.wrong.append(f"{name} ended with code {code}")
        if self.options.keep_logs:
            self.options.keep_logs.mkdir(parents=True, exist_ok=True)
            for log in (*self.place.glob("*.log"), *self.data.glob("*.log")):
                shutil.copy(log, self.options.keep_logs)

    def judge(self) -> None:
        """Whether all holds."""
        report, world, database = self.report, self.world, Database(self.data)
        check_values(report, database, world.source, [*world.meters, world.prices])
        check_forecasts(report, database, world.meters[: self.options.forecasts])
        check_jobs(report, Jobs(self.data))
        queue = [moment for kind, moment in self.killer.done if kind == "queue"]
        check_plans(report, world.batteries, queue)
        memories = self.supervisor.memory.values()
        check_memory(report, memories, self.options.growth, self.options.days >= 1)
        check_logs(report, self.place)
        for server in (Postgres(self.data), Valkey(self.data)):
            server.stop()
        report.wrong += [f"left running: {process}" for process in left_over(self.place)]

    def tell(self) -> int:
        client, killed = self.client, Counter(kind for kind, _ in self.killer.done)
        posts = sum(1 for _ in client.durations)
        slowest = np.quantile(client.durations, [0.5, 0.99]) * 1000
        self.note("requests answered at once", f"{posts}, {posts / self.took:.0f} a second")
        self.note(
            "median, 99 %, longest with retries",
            f"{slowest[0]:.0f} ms, {slowest[1]:.0f} ms, {client.longest:.1f} s",
        )
        retries = ", ".join(f"{number} {why}" for why, number in client.retries.items())
        self.note("retries", retries or "none")
        self.note("kills", f"{killed.total()}, and {self.killer.missed} without a victim")
        for kind in Killer.KINDS:
            self.note(f"  {kind}", killed[kind])
        self.note("simulated", f"{self.options.days:g} days in {self.took:.0f} s")
        self.note("all in all", f"{time.monotonic() - self.began:.0f} s")
        width = max(len(name) for name, _ in self.report.figures)
        for name, value in self.report.figures:
            print(f"{name:{width}}  {value}")
        wrong = self.report.wrong
        for problem in wrong[:50]:
            print(f"WRONG: {problem}")
        print("All held." if not wrong else f"{len(wrong)} things were wrong.")
        return 1 if wrong else 0


def all_at_once(pool: ThreadPoolExecutor, calls: Sequence[tuple[Any, ...]]) -> None:
    """Wait for all; raises what one of them raises."""
    waiting: list[Future[Any]] = [pool.submit(*call) for call in calls]
    for one in waiting:
        one.result()


def plan(battery: Battery, client: Client, now: datetime) -> None:
    battery.look(client, now)
    battery.ask(client, now)


def variables(place: Path, options: argparse.Namespace) -> None:
    """Ours and of all that we start: nothing of this machine's settings counts."""
    kept = {"PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH"}
    for name in set(os.environ) - kept:
        del os.environ[name]
    metrics = place / "metrics"
    metrics.mkdir()
    os.environ |= {
        "HOME": str(place / "home"),
        "FLEXMEASURES_LOCAL_DATA": str(place / "data"),
        "FLEXMEASURES_ENV": "development",  # plain HTTP, and servers of our own
        "DEBUG": "0",
        "LOGGING_LEVEL": "INFO",
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",
    }
    # Its clock is that of the data, and it takes any number of requests.
    if not options.real_clock:
        os.environ["FLEXMEASURES_MODE"] = "play"
    for name in ("wsgi.py", "hosting"):
        (place / name).symlink_to(ROOT / name)
    os.chdir(place)  # no `.env` is found here


def services(place: Path, port: int) -> list[Service]:
    server = [PYTHON, "-m", "gunicorn", "--config", "hosting/gunicorn.conf.py"]
    server += ["--bind", f"127.0.0.1:{port}", "--log-level", "warning", "wsgi:application"]
    worker = [PYTHON, "-m", "flexmeasures", "jobs", "run-worker"]
    worker += ["--queue", "scheduling|forecasting", "--name"]
    return [
        Service("server", server, place / "server.log"),
        *(
            Service(name, [*worker, name], place / f"{name}.log")
            for name in ("worker-1", "worker-2")
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())
