"""Who runs the servers and who owns their files.

An ordinary user runs them as themselves. Root must not run PostgreSQL, so root lends the servers
to somebody: the owner of the data folder, or, if that is root too, an id that belongs to nobody.
Unlike `nobody` or another service's user, no other program on the machine runs with such an id,
and it needs no entry in /etc/passwd, so nothing has to be added to the system.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from flexmeasures.bootstrap.local.errors import LocalServerError

# Ids that no distribution hands out: above systemd's dynamic users, below nobody's. They exist in
# containers too, which often map no ids from 65536 on.
UNUSED_IDS = range(65520, 65534)


@dataclass(frozen=True)
class ServerUser:
    """The user that root lends a server to."""

    uid: int
    gid: int


def server_user(folder: Path) -> ServerUser | None:
    """As whom servers of this data folder run; None means as ourselves."""
    if os.geteuid() != 0:
        return None
    owner = folder.stat()
    if owner.st_uid != 0:
        return ServerUser(owner.st_uid, owner.st_gid)
    free = next(number for number in UNUSED_IDS if not (_has_name(number) or _is_group(number)))
    return ServerUser(free, free)


def named_user(server: ServerUser | None) -> ServerUser | None:
    """Who makes a database, which `server` gets: initdb insists on an entry in /etc/passwd."""
    if server is None:
        if not _has_name(os.geteuid()):
            raise LocalServerError(
                f"Your user id {os.geteuid()} has no name on this machine, without which "
                "PostgreSQL makes no database. Add it to /etc/passwd, or configure a database "
                "(SQLALCHEMY_DATABASE_URI)."
            )
        return None
    for user in sorted(pwd.getpwall(), key=lambda user: user.pw_name != "nobody"):
        if user.pw_uid != 0:
            # With the server's group: other processes of this user cannot interfere.
            return ServerUser(user.pw_uid, server.gid)
    raise LocalServerError(
        "The user database of this machine knows nobody but root, and PostgreSQL does not run as "
        "root. Add a user, or configure a database (SQLALCHEMY_DATABASE_URI)."
    )


def hand_over(tree: Path, user: ServerUser | None) -> None:
    """Make `user` the owner of a folder and all in it, as far as it is not."""
    if user is None:
        return
    for path in (tree, *tree.rglob("*")):
        found = path.lstat()
        if (found.st_uid, found.st_gid) == (user.uid, user.gid):
            continue
        try:
            os.chown(path, user.uid, user.gid, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EINVAL):
                raise
            raise LocalServerError(
                f"Root may not give files to user {user.uid} here (as in some containers), and "
                "PostgreSQL does not run as root. Run FlexMeasures as another user, or configure "
                "a database (SQLALCHEMY_DATABASE_URI)."
            ) from error


def inherit_owner(path: Path) -> None:
    """What root creates in somebody's folder becomes theirs."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def user_name(uid: int) -> str:
    return pwd.getpwuid(uid).pw_name if _has_name(uid) else str(uid)


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _is_group(gid: int) -> bool:
    try:
        grp.getgrgid(gid)
    except KeyError:
        return False
    return True
