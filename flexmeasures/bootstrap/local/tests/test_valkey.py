"""What RQ needs of the server."""

from __future__ import annotations

from pathlib import Path

from flexmeasures.bootstrap import local
from flexmeasures.bootstrap.local.tests.helpers import output, redis

WORK = """
from rq import Queue, Worker
Worker(["sums"], connection={connection}).work(burst=True, logging_level="ERROR")
"""


def test_jobs_survive_a_killed_server_and_run_in_a_forking_worker(new_data: Path) -> None:
    from rq import Queue

    job = Queue("sums", connection=local.redis_client()).enqueue("math.hypot", 3, 4)
    output("os.kill(pids()['Valkey'], signal.SIGKILL)")
    output(WORK.format(connection="local.redis_client()"))
    assert job.return_value() == 5


def test_other_clients_can_use_the_url(new_data: Path) -> None:
    from redis import Redis
    from rq import Queue

    job = Queue("sums", connection=Redis.from_url(local.redis_url())).enqueue("math.hypot", 3, 4)
    output(
        "from redis import Redis\n" + WORK.format(connection="Redis.from_url(local.redis_url())")
    )
    assert job.return_value() == 5


def test_a_client_starts_the_server_again(new_data: Path) -> None:
    client = local.redis_client()
    assert local.status()[1].pid is None
    client.set("key", "value")
    local.stop()
    assert client.get("key") == b"value"


def test_all_is_written_down_at_once(new_data: Path) -> None:
    settings = redis().config_get("append*")
    assert settings["appendonly"] == "yes"
    assert redis().config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
