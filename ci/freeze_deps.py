#!/usr/bin/env python3
"""Compile requirements/*.in into requirements/*.txt, one file per purpose for all Pythons.

Libraries drop Python 3.10 earlier than we do. So pins are compiled twice, with Python 3.10 and
with Python 3.11 (whose pins later Pythons share), and lines that differ get a marker.

Needs python3.10 and python3.11 on the PATH. Existing pins are kept where they still fit;
arguments are handed to pip-compile (--upgrade, --upgrade-package flask, ...).
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

PURPOSES = ("app", "test", "dev", "docs")
MARKERS = {"python3.10": 'python_version < "3.11"', "python3.11": 'python_version >= "3.11"'}
REQUIREMENTS = Path(__file__).parent.parent / "requirements"
HEADER = "# Compiled by `make freeze-deps` for Python 3.10 to 3.13: edit {purpose}.in instead."
OPTIONS = [
    "--quiet",
    "--allow-unsafe",
    "--strip-extras",
    "--annotation-style=line",
    "--no-header",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-emit-trusted-host",
    "--no-emit-options",
]


def compile_pins(python: str, folder: Path, options: list[str]) -> dict[str, list[str]]:
    """Lines of pins per purpose, as this Python resolves them."""
    folder.mkdir()
    subprocess.run([python, "-m", "venv", folder / "venv"], check=True)
    command: list[str | Path] = [folder / "venv" / "bin" / "python", "-m"]
    subprocess.run([*command, "pip", "--quiet", "install", "pip-tools"], check=True)
    for purpose in PURPOSES:
        (folder / f"{purpose}.in").write_text((REQUIREMENTS / f"{purpose}.in").read_text())
        (folder / f"{purpose}.txt").write_text("\n".join(current_pins(purpose, python)))
    for purpose in PURPOSES:
        subprocess.run(
            [*command, "piptools", "compile", *OPTIONS, *options, f"{purpose}.in"],
            cwd=folder,
            check=True,
        )
    return {p: (folder / f"{p}.txt").read_text().splitlines() for p in PURPOSES}


def current_pins(purpose: str, python: str) -> list[str]:
    """Lines of the compiled file that hold for this Python, without markers."""
    path = REQUIREMENTS / f"{purpose}.txt"
    lines = path.read_text().splitlines() if path.is_file() else []
    pins = (line.partition("#")[0].partition(";") for line in lines)
    return [pin.strip() for pin, _, marker in pins if marker.strip() in ("", MARKERS[python])]


def merge(older: list[str], newer: list[str]) -> list[str]:
    """Pins that both agree on as they are; the others with the marker of their Python."""
    by_python = {
        python: dict(re.split(r"\s+#\s*", line, maxsplit=1) for line in lines if "==" in line)
        for python, lines in zip(MARKERS, (older, newer), strict=True)
    }
    origins = {pin: origin for pins in by_python.values() for pin, origin in pins.items()}
    lines = []
    for pin, origin in origins.items():
        pythons = [python for python, pins in by_python.items() if pin in pins]
        marker = "" if len(pythons) == len(MARKERS) else f" ; {MARKERS[pythons[0]]}"
        lines.append(f"{pin}{marker}  # {origin}")
    return sorted(lines, key=lambda line: line.partition("==")[0])


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        older, newer = (
            compile_pins(python, Path(scratch) / python, sys.argv[1:]) for python in MARKERS
        )
    for purpose in PURPOSES:
        lines = [HEADER.format(purpose=purpose), "", *merge(older[purpose], newer[purpose])]
        (REQUIREMENTS / f"{purpose}.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
