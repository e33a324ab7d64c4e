"""Try the API as it is described, as anybody who may call it.

Serves FlexMeasures with a database and queues of its own, and lets schemathesis call all endpoints
with right and wrong data, in all its phases and with all its checks. See ci/schemathesis.toml.

    python ci/fuzz.py [--examples N] [--role ROLE]... [options of `schemathesis run` ...]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

from flexmeasures.bootstrap.local import programs, throwaway_database_server
from flexmeasures.tests.live_server import free_port, live_server

ROOT = Path(__file__).parents[1]
ROLES = ["anonymous", "member", "account-admin", "admin-reader", "admin"]
DAY = timedelta(days=1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=100, help="per operation and phase")
    parser.add_argument("--role", action="append", choices=ROLES, help="instead of all")
    options, more = parser.parse_known_args()
    failed = []
    for role in options.role or ROLES:
        print(f"\n=== {role} ===", flush=True)
        with throwaway_database_server() as uri:
            token = fill_database(uri, role)
            if fuzz(uri, token, options.examples, more):
                failed.append(role)
    print(f"\n{'Failures as ' + ', '.join(failed) if failed else 'No failures.'}")
    return 1 if failed else 0


def fuzz(uri: str, token: str | None, examples: int, more: list[str]) -> int:
    """Serve, and run schemathesis; returns its exit code."""
    settings = {
        "FLEXMEASURES_MODE": "play",  # no limit of requests, and the endpoints of that mode
        "FLEXMEASURES_TASK_CHECK_AUTH_TOKEN": "of a monitor",
        "FLEXMEASURES_LONG_POLLING": "0",  # nobody runs the jobs
    }
    with (
        tempfile.TemporaryDirectory() as backups,
        mail_server() as mail_port,
        queue_server() as redis_port,
        live_server(
            uri,
            settings={
                **settings,
                "FLEXMEASURES_DB_BACKUP_PATH": backups,
                "FLEXMEASURES_REDIS_URL": "127.0.0.1",
                "FLEXMEASURES_REDIS_PORT": redis_port,
                "MAIL_PORT": mail_port,
            },
        ) as address,
    ):
        command = [
            str(Path(sys.executable).with_name("schemathesis")),
            f"--config-file={ROOT / 'ci' / 'schemathesis.toml'}",
            "run",
            f"{address}/api/v3_0/openapi.json",
            "--checks=all",
            f"--max-examples={examples}",
            *([] if token is None else [f"--header=Authorization:{token}"]),
            *more,
        ]
        return subprocess.run(command, env={**os.environ, "NO_COLOR": "1"}).returncode


@contextlib.contextmanager
def mail_server() -> Iterator[str]:
    """Takes all mail, and throws it away; yields the port."""
    port = free_port()
    server = Controller(Sink(), hostname="127.0.0.1", port=port)
    server.start()
    try:
        yield str(port)
    finally:
        server.stop()


@contextlib.contextmanager
def queue_server() -> Iterator[str]:
    """Takes jobs, which nobody runs; yields the port."""
    port = str(free_port())
    with tempfile.TemporaryDirectory() as folder:
        command = [str(programs.valkey(None)), "--port", port, "--save", "", "--dir", folder]
        server = subprocess.Popen([*command, "--loglevel", "warning"], stdout=subprocess.DEVNULL)
        try:
            yield port
        finally:
            server.terminate()
            server.wait()


def fill_database(uri: str, role: str) -> str | None:
    """Two tenants with assets, sensors and data; returns the token of one who has this role."""
    os.environ["SQLALCHEMY_DATABASE_URI"] = uri
    os.environ["SECRET_KEY"] = "dummy-key-for-testing"
    from sqlalchemy import text

    from flexmeasures.app import create
    from flexmeasures.data.config import db
    from flexmeasures.data.services.users import create_user
    from flexmeasures.tests.permissions.world import build_world

    app = create(env="development")
    with app.app_context():
        db.create_all()
        build_world()
        if role == "anonymous":
            return None
        # Who calls should not be hit by own calls that change users.
        db.session.execute(text("SELECT setval('fm_user_id_seq', 1000000)"))
        user = create_user(
            email="caller@example.com",
            username="caller",
            password="battery-horse",
            account_name="Bakery",
            user_roles=[] if role == "member" else [role],
            check_email_deliverability=False,
        )
        add_data()
        db.session.commit()
        token = user.get_auth_token()
        db.session.remove()
        return str(token)


def add_data() -> None:
    """A day of values, and an annotation, on the first sensor and asset."""
    from flexmeasures.data.config import db
    from flexmeasures.data.models.data_sources import DataSource
    from flexmeasures.data.models.time_series import Sensor, TimedBelief

    sensor = db.session.query(Sensor).order_by(Sensor.id).limit(1).one()
    source = DataSource(name="meter", type="demo script")
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    db.session.add_all(
        TimedBelief(
            sensor=sensor,
            source=source,
            event_start=start + timedelta(minutes=15 * slot),
            belief_time=start + DAY,
            event_value=float(slot),
        )
        for slot in range(96)
    )


if __name__ == "__main__":
    sys.exit(main())
