"""Who runs the servers and who owns their files.

An ordinary user runs them as themselves. Root must not run PostgreSQL, so root lends the servers
to somebody: the owner of the data folder, or, if that is root too, an id that belongs to nobody.
Unlike `nobody` or another service's user, no other program on the machine runs with such an id,
and it needs no entry in /etc/passwd, so nothing has to be added to the system.
"""

from __future__ import annotations

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
    free = next(number for number in UNUSED_IDS if not _is_known(number))
    return ServerUser(free, free)


def named_user(group: int) -> ServerUser | None:
    """An unprivileged user with an entry in /etc/passwd, on which initdb insists."""
    if os.geteuid() != 0:
        return None
    users = sorted(pwd.getpwall(), key=lambda user: user.pw_name != "nobody")
    for user in users:
        if user.pw_uid != 0:
            return ServerUser(user.pw_uid, group)
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
        if (found.st_uid, found.st_gid) != (user.uid, user.gid):
            os.chown(path, user.uid, user.gid, follow_symlinks=False)


def inherit_owner(path: Path) -> None:
    """What root creates in somebody's folder becomes theirs."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _is_known(number: int) -> bool:
    try:
        pwd.getpwuid(number)
    except KeyError:
        try:
            grp.getgrgid(number)
        except KeyError:
            return False
    return True
