"""Where the data are, whose they are, and what is said when that cannot work."""

from __future__ import annotations

import errno
import os
import re
import socket
import stat
from pathlib import Path

import pytest

from flexmeasures.bootstrap import local
from flexmeasures.bootstrap.local import LocalServerError, folder
from flexmeasures.bootstrap.local.tests.helpers import output


def test_default_place(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLEXMEASURES_LOCAL_DATA", raising=False)
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("XDG_DATA_HOME", "")
    monkeypatch.setattr("sys.platform", "linux")
    assert local.data_folder() == place / ".local" / "share" / "flexmeasures"
    monkeypatch.setenv("XDG_DATA_HOME", str(place / "xdg"))
    assert local.data_folder() == place / "xdg" / "flexmeasures"


@pytest.mark.parametrize(
    ("given", "meant"), [("/some/where", "/some/where"), ("~/data", "HOME/data")]
)
def test_chosen_place(given: str, meant: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("FLEXMEASURES_LOCAL_DATA", given)
    assert local.data_folder() == Path(meant.replace("HOME", str(place)))


def test_a_relative_place_is_absolute(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setenv("FLEXMEASURES_LOCAL_DATA", "data")
    assert local.data_folder() == place.resolve() / "data"


def test_the_secret_key_stays_and_is_private(new_data: Path) -> None:
    key = local.secret_key()
    assert re.fullmatch("[0-9a-f]{64}", key)
    assert local.secret_key() == key == output("print(local.secret_key())")
    assert stat.S_IMODE((new_data / "secret_key").stat().st_mode) == 0o600
    assert stat.S_IMODE(new_data.stat().st_mode) == 0o700


def test_the_folder_tells_what_it_is(new_data: Path) -> None:
    local.secret_key()
    assert "flexmeasures local stop" in (new_data / "README").read_text()


def test_looking_creates_nothing(new_data: Path) -> None:
    assert [server.pid for server in local.status()] == [None, None]
    assert local.stop() == []
    assert not new_data.exists()


def test_a_file_is_in_the_way(new_data: Path) -> None:
    new_data.write_text("")
    with pytest.raises(LocalServerError, match=r"File exists.*FLEXMEASURES_LOCAL_DATA"):
        local.secret_key()


def test_a_folder_that_everybody_may_change(new_data: Path) -> None:
    new_data.mkdir()
    new_data.chmod(0o777)
    with pytest.raises(LocalServerError, match=f'chmod go-w "{new_data}"'):
        local.database_uri()
    new_data.chmod(0o700)


def test_an_empty_secret_key(new_data: Path) -> None:
    local.secret_key()
    (new_data / "secret_key").write_text("")
    with pytest.raises(LocalServerError, match=r"secret_key is empty\. Delete it"):
        local.secret_key()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk(code: int, new_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(LocalServerError, match=r"No space is left.*Make room"):
        local.secret_key()
    assert not (new_data / "secret_key").exists()


def test_a_link_of_somebody_else_is_not_followed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another user may take the name of our link first; then we use another name."""
    monkeypatch.setattr("tempfile.tempdir", str(place))
    long = place / ("x" * 100)
    link = folder.reachable_by_socket(long, "sock")
    assert link.parent == place
    assert link.readlink() == long
    link.unlink()
    link.symlink_to("/elsewhere")
    other = folder.reachable_by_socket(long, "sock")
    assert other != link
    assert other.readlink() == long
    assert folder.reachable_by_socket(long, "sock") == other


def test_paths_that_fit_are_used_as_they_are(place: Path) -> None:
    longest = place / ("x" * (folder.LONGEST_SOCKET_PATH - len(f"{place}//sock")))
    longest.mkdir()
    assert folder.reachable_by_socket(longest, "sock") == longest
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(longest / "sock"))
