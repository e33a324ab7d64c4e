"""Build the source archive and from it the wheel, and see that the wheel is whole.

Whole: it holds every file of the package and of the migrations that is under version control,
no tests (but for what plugins know of them) and nothing else; installed elsewhere, its command runs
and finds its own migrations.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import ZipFile

ROOT = Path(__file__).parent.parent
MIGRATIONS_INSIDE = PurePosixPath("flexmeasures/data/migrations")
# The documentation's example of a scheduler is known under this name.
PUBLIC_IN_TESTS = {
    "flexmeasures/data/tests/__init__.py",
    "flexmeasures/data/tests/dummy_scheduler.py",
}
# What an installed package must manage without a checkout, started in an empty folder.
PROBE = """
import sys
from alembic.script import ScriptDirectory
from flexmeasures.bootstrap.extensions import migrations_folder
assert migrations_folder().is_relative_to(sys.argv[1]), migrations_folder()
assert ScriptDirectory(migrations_folder()).get_current_head()
"""


def expected_files() -> set[str]:
    """Paths inside the wheel, from what is under version control."""
    listing = run(["git", "ls-files", "flexmeasures", "migrations"], cwd=ROOT)
    paths = (PurePosixPath(line) for line in listing.splitlines())
    return {
        str(MIGRATIONS_INSIDE.joinpath(*path.parts[1:]) if path.parts[0] == "migrations" else path)
        for path in paths
        if "tests" not in path.parts or str(path) in PUBLIC_IN_TESTS or path.suffix == ".template"
    }


def run(command: Sequence[str | Path], **options: Any) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        dist, site = Path(scratch) / "dist", Path(scratch) / "site"
        python: list[str | Path] = [sys.executable]
        run([*python, "-m", "build", "--outdir", dist, ROOT])
        (wheel,) = dist.glob("*.whl")

        packed = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
        missing, surplus = expected_files() - packed, packed - expected_files()
        if missing or surplus:
            sys.exit(f"{wheel.name} lacks {sorted(missing)} and should not have {sorted(surplus)}")

        run([*python, "-m", "pip", "--quiet", "install", "--no-deps", "--target", site, wheel])
        elsewhere: dict[str, Any] = {"cwd": scratch, "env": os.environ | {"PYTHONPATH": str(site)}}
        run([*python, "-c", PROBE, site], **elsewhere)
        run([site / "bin" / "flexmeasures", "--help"], **elsewhere)
        print(f"{wheel.name} is whole: {len(packed)} files")


if __name__ == "__main__":
    main()
