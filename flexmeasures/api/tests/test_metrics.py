"""What Prometheus gets to read, and who else does."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from prometheus_client.parser import text_string_to_metric_families

from flexmeasures.api import metrics
from flexmeasures.app import create
from flexmeasures.bootstrap import local
from flexmeasures.bootstrap.application import FlexMeasures
from flexmeasures.data.services import jobs
from flexmeasures.data.services.figures import kept_freshness
from flexmeasures.data.services.tests import workers as acts
from flexmeasures.data.services.tests.workers import ask_for, wait_until_done, workers
from flexmeasures.tests.live_server import live_server
from flexmeasures.tests.permissions.world import World, build_world, user_named
from flexmeasures.utils.config_defaults import TestingConfig

TOKEN = "Bearer sesame"
Samples = dict[str, float]
REQUESTS = "flexmeasures_requests_total"


@pytest.fixture
def world(fresh_db: SQLAlchemy) -> World:
    return build_world()


@pytest.fixture
def make_site(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., FlexMeasures]]:
    """Apps with own settings, which know the token."""

    def make(**settings: object) -> FlexMeasures:
        settings = {"FLEXMEASURES_METRICS_TOKEN": "sesame"} | settings
        for name, value in settings.items():
            monkeypatch.setattr(TestingConfig, name, value)
        return create(env="testing")

    kept_freshness.forget()
    yield make
    kept_freshness.forget()


def samples(text: str) -> Samples:
    """By name and labels, as in name{a="b"}."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def read(site: Flask) -> Samples:
    answer = site.test_client().get("/metrics", headers={"Authorization": TOKEN})
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    return samples(answer.text)


def frozen() -> socket.socket:
    """A server that takes connections and says nothing."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    return server


# Who may


@pytest.mark.parametrize("header", ["Bearer open", "sesame", "Bearer", "Basic sesame", "Bearer é"])
def test_a_wrong_token(make_site: Callable[..., FlexMeasures], header: str) -> None:
    client = make_site().test_client()
    answer = client.get("/metrics", headers={"Authorization": header})
    assert answer.status_code == 401
    assert "flexmeasures_" not in answer.text


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_token_in_the_settings(
    make_site: Callable[..., FlexMeasures], token: str | None
) -> None:
    client = make_site(FLEXMEASURES_METRICS_TOKEN=token).test_client()
    for header in ("Bearer None", "Bearer ", "Bearer"):
        assert client.get("/metrics", headers={"Authorization": header}).status_code == 401


def test_users(make_site: Callable[..., FlexMeasures], world: World) -> None:
    client = make_site().test_client()
    for name, code in (("admin-reader", 200), ("admin", 200), ("account-admin", 403)):
        token = str(user_named(name).get_auth_token())
        answer = client.get("/metrics", headers={"Authorization": token})
        assert answer.status_code == code, name


@pytest.mark.parametrize(
    ("address", "headers", "code"),
    [
        ("10.1.2.3", {}, 200),
        ("::ffff:10.1.2.3", {}, 200),
        ("fd00::1", {}, 200),
        ("11.1.2.3", {}, 401),
        ("", {}, 401),
        # A proxy that the settings do not tell of may stand for anybody.
        ("10.1.2.3", {"X-Forwarded-For": "8.8.8.8"}, 401),
    ],
)
def test_addresses(
    make_site: Callable[..., FlexMeasures], address: str, headers: dict[str, str], code: int
) -> None:
    client = make_site(FLEXMEASURES_METRICS_ADDRESSES=["10.0.0.0/8", "fd00::1"]).test_client()
    environment = {"REMOTE_ADDR": address}
    answer = client.get("/metrics", headers=headers, environ_overrides=environment)
    assert answer.status_code == code


def test_what_a_known_proxy_says_counts(make_site: Callable[..., FlexMeasures]) -> None:
    allowed = ["127.0.0.1", "10.0.0.0/8"]
    site = make_site(FLEXMEASURES_METRICS_ADDRESSES=allowed, FLEXMEASURES_PROXIES=1)
    for address, code in (("10.1.2.3", 200), ("8.8.8.8", 401)):
        headers = {"X-Forwarded-For": address}
        assert site.test_client().get("/metrics", headers=headers).status_code == code


def test_an_address_that_is_none(
    make_site: Callable[..., FlexMeasures], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        make_site(FLEXMEASURES_METRICS_ADDRESSES=["intranet"])
    assert "FLEXMEASURES_METRICS_ADDRESSES names 'intranet'" in capsys.readouterr().err


# What there is


def test_all_metrics_are_documented(make_site: Callable[..., FlexMeasures], world: World) -> None:
    guide = Path(__file__).parents[3] / "documentation" / "host" / "monitoring.md"
    documented = set(re.findall(r"^\| `(flexmeasures_\w+)` \|", guide.read_text(), re.MULTILINE))
    site = make_site()
    read(site)
    answer = site.test_client().get("/metrics", headers={"Authorization": TOKEN})
    told = set(re.findall(r"^# TYPE (flexmeasures_\w+) ", answer.text, re.MULTILINE))
    assert told == documented


# Requests


def test_requests(make_site: Callable[..., FlexMeasures]) -> None:
    site = make_site()
    before = read(site)
    client = site.test_client()
    client.get("/api/ops/ping")
    client.get("/api/v3_0/users")
    client.get("/no/such/page/1")
    client.get("/no/such/page/2")
    client.open("/api/ops/ping", method="BREW")
    after = read(site)
    grown = {key: after[key] - before.get(key, 0) for key in after if key.startswith(REQUESTS)}
    assert {key: value for key, value in grown.items() if value} == {
        REQUESTS + '{endpoint="flexmeasures_api_ops.get_ping",method="GET",status="2xx"}': 1,
        REQUESTS + '{endpoint="v3_0.users.index",method="GET",status="4xx"}': 1,
        REQUESTS + '{endpoint="none",method="GET",status="4xx"}': 2,
        REQUESTS + '{endpoint="none",method="other",status="4xx"}': 1,
        REQUESTS + '{endpoint="flexmeasures_metrics.get_metrics",method="GET",status="2xx"}': 1,
    }
    ping = 'endpoint="flexmeasures_api_ops.get_ping"'
    name = "flexmeasures_request_duration_seconds"
    minute = f'{name}_bucket{{{ping},le="60.0",method="GET"}}'
    assert after[minute] == after[f'{name}_count{{{ping},method="GET"}}']


def test_all_processes_of_a_server(app: Flask, tmp_path: Path) -> None:
    def folders() -> set[Path]:
        return {*Path("/dev/shm").glob("flexmeasures-metrics-*")}

    before = folders()
    configured = {"GUNICORN_CMD_ARGS": "--config hosting/gunicorn.conf.py"}
    settings = configured | {"FLEXMEASURES_METRICS_TOKEN": "sesame"}
    uri = os.environ["SQLALCHEMY_TEST_DATABASE_URI"]
    with live_server(uri, settings=settings) as address:
        (folder,) = folders() - before
        pings = 1  # as one waited for the server to come up
        while pings < 30 or len([*folder.glob("counter_*.db")]) < 2:
            urlopen(f"{address}/api/ops/ping").close()
            pings += 1
            assert pings < 500
        seen = set()
        for _ in range(10):
            request = Request(f"{address}/metrics", headers={"Authorization": TOKEN})
            with urlopen(request) as answer:
                known = samples(answer.read().decode())
            ping = '{endpoint="flexmeasures_api_ops.get_ping",method="GET",status="2xx"}'
            seen.add(known[REQUESTS + ping])
    assert seen == {pings}
    assert not folder.exists()


def test_a_folder_that_cannot_be_used(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = str(tmp_path / "file" / "counts")
    settings = {"PROMETHEUS_MULTIPROC_DIR": folder, "FLEXMEASURES_METRICS_TOKEN": "sesame"}
    uri = os.environ["SQLALCHEMY_TEST_DATABASE_URI"]
    with live_server(uri, workers=1, settings=settings) as address:
        request = Request(f"{address}/metrics", headers={"Authorization": TOKEN})
        with urlopen(request) as answer:
            known = samples(answer.read().decode())
    assert "process_resident_memory_bytes" in known


# Jobs


def test_queues(make_site: Callable[..., FlexMeasures], world: World) -> None:
    site = make_site()
    empty = read(site)
    assert empty['flexmeasures_jobs{queue="scheduling",state="queued"}'] == 0
    assert empty['flexmeasures_oldest_job_seconds{queue="scheduling"}'] == 0
    assert empty['flexmeasures_workers{queue="forecasting"}'] == 0
    old = ask_for(acts.one_row)
    time.sleep(0.2)
    jobs.enqueue(jobs.make_job("scheduling", acts.one_row, {}, description="new"), first=True)
    known = read(site)
    assert known['flexmeasures_jobs{queue="scheduling",state="queued"}'] == 2
    assert known['flexmeasures_jobs{queue="forecasting",state="queued"}'] == 0
    assert old.enqueued_at is not None
    assert 0.2 <= known['flexmeasures_oldest_job_seconds{queue="scheduling"}'] < 10


def test_jobs_of_workers(
    make_site: Callable[..., FlexMeasures], world: World, tmp_path: Path
) -> None:
    site = make_site()
    with workers():
        assert read(site)['flexmeasures_workers{queue="scheduling"}'] == 1
        for function, outcome in (
            (acts.write, "finished"),
            (acts.fail, "failed"),  # after two other runs
            (acts.crash, "failed"),  # likewise, and its process cannot tell
        ):
            assert wait_until_done(ask_for(function, path=str(tmp_path / "runs"))) == outcome
        known = read(site)
    runs = {key: value for key, value in known.items() if key.startswith("flexmeasures_job_runs")}
    assert runs == {
        'flexmeasures_job_runs_total{outcome="finished",queue="scheduling"}': 1,
        'flexmeasures_job_runs_total{outcome="failed",queue="scheduling"}': 2,
        'flexmeasures_job_runs_total{outcome="retried",queue="scheduling"}': 4,
    }
    name = "flexmeasures_job_duration_seconds"
    assert known[f'{name}_count{{queue="scheduling"}}'] == 4
    assert known[f'{name}_bucket{{le="180.0",queue="scheduling"}}'] == 4
    assert 0 < known[f'{name}_sum{{queue="scheduling"}}'] < 30


# Servers that do not answer


def test_the_database_is_away(
    make_site: Callable[..., FlexMeasures], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLALCHEMY_TEST_DATABASE_URI", "postgresql://fm:secret@127.0.0.1:9/fm")
    known = read(make_site())
    assert known['flexmeasures_up{server="database"}'] == 0
    assert known['flexmeasures_up{server="redis"}'] == 1
    assert 'flexmeasures_jobs{queue="scheduling",state="queued"}' in known
    assert "flexmeasures_beliefs_stored_total" not in known


def test_redis_is_away(
    make_site: Callable[..., FlexMeasures], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "redis_url_of_tests", lambda: "redis://127.0.0.1:9")
    known = read(make_site())
    assert known['flexmeasures_up{server="database"}'] == 1
    assert known['flexmeasures_up{server="redis"}'] == 0
    assert "flexmeasures_beliefs_stored_total" in known
    assert not [key for key in known if re.match("flexmeasures_(jobs|workers)", key)]


def test_both_are_frozen(
    make_site: Callable[..., FlexMeasures], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "_PATIENCE", 0.2)
    monkeypatch.setitem(
        TestingConfig.SQLALCHEMY_ENGINE_OPTIONS["connect_args"], "connect_timeout", 2
    )
    with frozen() as database, frozen() as redis:
        uri = f"postgresql://fm:secret@127.0.0.1:{database.getsockname()[1]}/fm"
        monkeypatch.setenv("SQLALCHEMY_TEST_DATABASE_URI", uri)
        url = f"redis://127.0.0.1:{redis.getsockname()[1]}"
        monkeypatch.setattr(local, "redis_url_of_tests", lambda: url)
        start = time.monotonic()
        known = read(make_site())
        assert time.monotonic() - start < 2
    assert known['flexmeasures_up{server="database"}'] == 0
    assert known['flexmeasures_up{server="redis"}'] == 0
