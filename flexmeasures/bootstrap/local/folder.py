"""The data folder of local mode: where it is, whose it is, and the secret key in it.

Whoever may enter the folder may use the servers, so it is private (0700) and so are the folders
of the servers in it. It can be moved or deleted (after `flexmeasures local stop`).
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
import sys
import tempfile
from pathlib import Path

from flexmeasures.bootstrap.local.errors import LocalServerError
from flexmeasures.bootstrap.local.ownership import inherit_owner, user_name
from flexmeasures.bootstrap.local.processes import turn

VARIABLE = "FLEXMEASURES_LOCAL_DATA"
REMEDY = (
    f"Set {VARIABLE} to a folder of yours on a local disk, or configure a database "
    "(SQLALCHEMY_DATABASE_URI)."
)
README = """\
The local data of FlexMeasures: a PostgreSQL database, a queue (Valkey) and a secret key.
They are used when no database is configured (SQLALCHEMY_DATABASE_URI).

Before you move or delete this folder: flexmeasures local stop
After you moved it: set the environment variable FLEXMEASURES_LOCAL_DATA to its new path.
"""
# A socket's path may have 107 bytes on Linux and 103 on macOS.
LONGEST_SOCKET_PATH = 103


def data_folder() -> Path:
    """Absolute path of this user's data folder, which need not exist yet.

    The environment variable FLEXMEASURES_LOCAL_DATA, else `flexmeasures` in the user's data home
    ($XDG_DATA_HOME, else ~/.local/share, on macOS ~/Library/Application Support).
    """
    try:
        if given := os.environ.get(VARIABLE):
            return Path(given).expanduser().absolute()
        xdg = Path(os.environ.get("XDG_DATA_HOME", ""))
        if xdg.is_absolute():
            return xdg / "flexmeasures"
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Application Support" / "flexmeasures"
        return Path.home() / ".local" / "share" / "flexmeasures"
    except RuntimeError as error:
        raise LocalServerError(f"This user has no home folder for local data. {REMEDY}") from error


def prepare(folder: Path) -> Path:
    """Create the data folder, private, unless it is there. Raise if it is not fit for use."""
    try:
        if not folder.is_dir():
            _create(folder)
            write_whole(folder / "README", README)
        found = folder.stat()
    except OSError as error:
        raise unusable(folder, error) from error
    if os.geteuid() not in (0, found.st_uid):
        raise LocalServerError(
            f"The local data in {folder} belong to user {user_name(found.st_uid)}, not to you. "
            f"{REMEDY}"
        )
    if found.st_mode & stat.S_IWOTH:
        raise LocalServerError(
            f"Everybody may change the folder {folder}, so it is no safe place for a database. "
            f'Run: chmod go-w "{folder}", or choose another. {REMEDY}'
        )
    return folder


def unusable(folder: Path, error: OSError) -> LocalServerError:
    """What to say when the system refused something in the data folder."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return LocalServerError(
            f"No space is left on the disk of {folder} for local data. Make room there. {REMEDY}"
        )
    return LocalServerError(f"Cannot keep local data in {folder}: {error.strerror}. {REMEDY}")


def write_whole(path: Path, text: str) -> None:
    """Write a private file, whole or not at all, owned by the owner of its folder."""
    scratch = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    file = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        inherit_owner(scratch)
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def secret_key() -> str:
    """The secret key of this data folder, made when first asked for."""
    folder = prepare(data_folder())
    path = folder / "secret_key"
    try:
        if not path.exists():
            with turn(folder / "lock"):
                if not path.exists():
                    write_whole(path, secrets.token_hex(32))
        key = path.read_text().strip()
    except OSError as error:
        raise unusable(folder, error) from error
    if not key:
        raise LocalServerError(
            f"The file {path} is empty. Delete it: a new key is made, and users log in again."
        )
    return key


def reachable_by_socket(folder: Path, socket: str) -> Path:
    """A path of `folder`, short enough for the socket `socket` in it.

    That is the folder itself, or a symbolic link in the folder for temporary files. The servers
    do not depend on the link (they bind by a relative path), so whoever misses it makes it anew.
    Another user can neither replace it there nor, by taking its name, lead us astray: only a link
    of our own is followed.
    """
    if len(os.fsencode(folder / socket)) <= LONGEST_SOCKET_PATH and "," not in str(folder):
        return folder  # a comma would separate hosts in a database URI
    target = os.fsencode(folder)
    name = f"flexmeasures-{os.geteuid()}-{hashlib.sha256(target).hexdigest()[:8]}"
    for place in (Path(tempfile.gettempdir()), Path("/tmp")):
        for attempt in range(10):
            link = place / f"{name}-{attempt}"
            if len(os.fsencode(link / socket)) <= LONGEST_SOCKET_PATH and _is_link(link, target):
                return link
    raise LocalServerError(
        f"The path {folder} is too long for a socket, and no link to it could be made in "
        f"{tempfile.gettempdir()}. Set {VARIABLE} to a shorter path."
    )


def _is_link(link: Path, target: bytes) -> bool:
    """Whether `link` leads to `target` and is ours; make it if there is nothing."""
    try:
        link.symlink_to(os.fsdecode(target))
    except FileExistsError:
        pass
    except OSError:
        return False
    try:
        return link.lstat().st_uid == os.geteuid() and os.fsencode(link.readlink()) == target
    except OSError:
        return False


def _create(folder: Path) -> None:
    """Like mkdir -p; what root creates in somebody's folder becomes theirs."""
    missing = [folder]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
        inherit_owner(path)
