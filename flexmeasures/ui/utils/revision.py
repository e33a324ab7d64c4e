"""Which revision runs, if this is a checkout."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import flexmeasures

UNKNOWN = "Unknown"


@cache
def get_git_description() -> tuple[str, int, str]:
    """Version (the latest tag), commits since then, and hash; of an installed package, `Unknown`
    and 0."""
    root = Path(flexmeasures.__file__).parents[1]
    if not (root / ".git").exists():
        return UNKNOWN, 0, UNKNOWN
    command = ["git", "-C", str(root), "describe", "--always", "--long", "--tags"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=5)
    except (OSError, subprocess.SubprocessError):
        return UNKNOWN, 0, UNKNOWN
    tag, _, rest = found.stdout.strip().rpartition("-g")
    if not tag:  # no tags: the hash alone
        return UNKNOWN, 0, rest
    version, _, commits = tag.rpartition("-")
    return version, int(commits), rest
