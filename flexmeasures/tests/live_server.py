"""FlexMeasures as it is served in production, for tests from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).parents[2]
_START_UP = 60  # seconds


@contextlib.contextmanager
def live_server(
    database_uri: str,
    *,
    workers: int = 2,
    application: str = "wsgi:application",
    settings: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[str]:
    """Serve by gunicorn on a free port of this machine; yields the address.

    settings : environment variables. No Redis is at hand, unless they name one.
    """
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "FLEXMEASURES_ENV": "development",  # plain HTTP
        "DEBUG": "0",
        "SECRET_KEY": "dummy-key-for-testing",  # as of the testing environment: tokens work in both
        "SQLALCHEMY_DATABASE_URI": database_uri,
        "LOGGING_LEVEL": "WARNING",
        **settings,
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", application, f"--bind=127.0.0.1:{port}"]
        + [f"--workers={workers}", "--log-level=warning", "--worker-tmp-dir=/dev/shm"]
        + ["--no-control-socket", "--limit-request-line=0"],
        cwd=ROOT,
        env=environment,
    )
    try:
        _wait_for(f"{address}/api/ops/ping", server)
        yield address
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def free_port() -> int:
    """A port on which nobody listens yet."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    last = time.monotonic() + _START_UP
    while True:
        if server.poll() is not None:
            raise RuntimeError(f"The server ended with code {server.returncode}.")
        try:
            with urlopen(url, timeout=5):
                return
        except (URLError, OSError):
            if time.monotonic() > last:
                raise
            time.sleep(0.1)
