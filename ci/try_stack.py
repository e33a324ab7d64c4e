#!/usr/bin/env python3
"""Run what docker-compose.yml runs in containers, on this machine, and walk through the tutorial.

For machines without a container engine. Commands, variables and health checks are those of the
file; the servers of databases and queues are those of local mode, in a throw-away folder. It shows
that commands and settings fit together; that the image builds, only an engine shows.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import psycopg2
import yaml
from sqlalchemy import make_url

from flexmeasures.bootstrap.local import programs, throwaway_database_server
from flexmeasures.tests.live_server import free_port

ROOT = Path(__file__).parent.parent
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())[
    "services"
]
START_UP = 90  # seconds


def main() -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stack-")))
        for name in ("wsgi.py", "hosting"):
            (folder / name).symlink_to(ROOT / name)
        database_server = stack.enter_context(throwaway_database_server())
        for service in ("dev-db", "test-db"):
            create_database(database_server, SERVICES[service]["environment"])

        redis_port, port = free_port(), free_port()
        redis = shlex.split(SERVICES["queue-db"]["command"])[1:]
        program = str(programs.valkey(None))
        here = ["--port", str(redis_port), "--bind", "127.0.0.1", "--save", ""]
        stack.enter_context(running([program, *redis, *here], folder, {}))

        def variables(service: str) -> dict[str, str]:
            return on_this_machine(service, database_server, redis_port) | {
                "HOME": str(folder),
                "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{port}",
            }

        def flexmeasures(service: str, *arguments: str) -> str:
            command = ["flexmeasures", *arguments]
            return run(command, folder, variables(service))

        server = stack.enter_context(
            running(SERVICES["server"]["command"], folder, variables("server"))
        )
        health = SERVICES["server"]["healthcheck"]["test"].replace(":5000", f":{port}")
        wait_for(lambda: succeeds(health), "the server's health check", server)
        log = folder / "worker.log"
        worker = stack.enter_context(
            running(SERVICES["worker"]["command"], folder, variables("worker"), log)
        )
        wait_for(lambda: "initialised" in log.read_text(), "the worker", worker)

        day = datetime.now(timezone.utc).date() + timedelta(days=1)
        prices = folder / "prices.csv"
        rows = [f"{day}T{hour:02}:00:00,{10 + abs(hour - 12)}" for hour in range(24)]
        prices.write_text("\n".join(["Hour,price", *rows]))
        flexmeasures(
            *("worker", "add", "beliefs", "--sensor-id", "2", "--source", "toy-user"),
            *(str(prices), "--timezone", "Europe/Amsterdam"),
        )
        flexmeasures(
            *("worker", "add", "schedule", "for-storage", "--sensor-id", "1", "--as-job"),
            *("--consumption-price-sensor", "2", "--start", f"{day}T07:00+01:00"),
            *("--duration", "PT12H", "--soc-at-start", "50%", "--roundtrip-efficiency", "90%"),
        )
        wait_for(lambda: "made schedule" in log.read_text(), "the schedule", worker)
        print(log.read_text())
        print(
            flexmeasures(
                *("server", "show", "beliefs", "--sensor-id", "1"),
                *("--start", f"{day}T07:00:00+01:00", "--duration", "PT12H"),
            )
        )
    print("The commands of docker-compose.yml work together.")


def create_database(server: str, settings: dict[str, str]) -> None:
    """What the database image does at its first start: role, database, and the mounted SQL file."""
    address = psycopg_address(server)
    names = {key: f'"{settings[f"POSTGRES_{key}"]}"' for key in ("DB", "USER")}
    connection = psycopg2.connect(address)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE ROLE {names['USER']} LOGIN SUPERUSER PASSWORD %s",
            [settings["POSTGRES_PASSWORD"]],
        )
        cursor.execute(f"CREATE DATABASE {names['DB']} OWNER {names['USER']}")
    connection.close()
    connection = psycopg2.connect(address, dbname=settings["POSTGRES_DB"])
    with connection, connection.cursor() as cursor:
        cursor.execute((ROOT / "ci" / "load-psql-extensions.sql").read_text())
    connection.close()


def psycopg_address(uri: str) -> str:
    return uri.replace("postgresql+psycopg2://", "postgresql://", 1)


def on_this_machine(service: str, database_server: str, redis_port: int) -> dict[str, str]:
    """The variables of a service, with the addresses of containers replaced."""
    socket = make_url(database_server).query["host"]
    environment: dict[str, str] = dict(SERVICES[service]["environment"])
    for name, value in environment.items():
        if name.endswith("DATABASE_URI"):
            url = make_url(value).set(host=None, port=None, query={"host": socket})
            environment[name] = url.render_as_string(hide_password=False)
    return environment | {
        "FLEXMEASURES_REDIS_URL": "127.0.0.1",
        "FLEXMEASURES_REDIS_PORT": str(redis_port),
    }


@contextmanager
def running(
    command: list[str], folder: Path, variables: dict[str, str], output: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run it as a container does, and stop it as one is stopped: it must end in time."""
    with ExitStack() as stack:
        file = stack.enter_context(output.open("wb")) if output else None
        process = subprocess.Popen(
            command, cwd=folder, env=environment(variables), stdout=file, stderr=file
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def environment(variables: dict[str, str]) -> dict[str, str]:
    programs_of_python = Path(sys.executable).parent
    of_image = {"LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
    return of_image | {"PATH": f"{programs_of_python}:{os.environ['PATH']}"} | variables


def run(command: list[str], folder: Path, variables: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(variables),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def succeeds(command: str) -> bool:
    """Is the check of a container content?"""
    return subprocess.run(command, shell=True, capture_output=True, check=False).returncode == 0


def wait_for(done: Callable[[], bool], what: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(2 * START_UP):
        if done():
            return
        if process.poll() is not None:
            sys.exit(f"Waiting for {what}, but its process ended with code {process.returncode}.")
        time.sleep(0.5)
    sys.exit(f"Waited {START_UP} seconds for {what}.")


if __name__ == "__main__":
    main()
