#!/usr/bin/env python3
"""Fetch the libraries of pages, which vendor.json lists, into flexmeasures/ui/static/vendor.

Only for those who change a version: the files are under version control, so that an installation
needs neither Node nor npm nor a network. Here, npm fetches; nothing of a package is run.

Next to the files, `manifest.json` tells version, licence, the checksum of each package (as the
registry and npm state it) and of each file. A package whose version did not change must still have
the checksum that it had.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

WANTED = Path(__file__).with_name("vendor.json")
VENDOR = Path(__file__).parent.parent / "flexmeasures" / "ui" / "static" / "vendor"
MANIFEST = VENDOR / "manifest.json"


def main() -> None:
    known = json.loads(MANIFEST.read_text()) if MANIFEST.is_file() else {}
    wanted = json.loads(WANTED.read_text())
    with tempfile.TemporaryDirectory() as scratch:
        fetched = Path(scratch) / "vendor"
        manifest = {
            name: fetch(name, package, fetched, known.get(name)) for name, package in wanted.items()
        }
        shutil.rmtree(VENDOR, ignore_errors=True)
        shutil.copytree(fetched, VENDOR)
    MANIFEST.write_text(json.dumps(manifest, indent=2) + "\n")


def fetch(
    name: str, package: dict[str, Any], target: Path, known: dict[str, Any] | None
) -> dict[str, Any]:
    """Put the files of a package into its folder below `target`; returns its manifest."""
    version = package["version"]
    folder = target / name.strip("@").replace("/", "-")
    with tempfile.TemporaryDirectory() as scratch:
        command = ["npm", "pack", "--silent", "--ignore-scripts", f"{name}@{version}"]
        subprocess.run(command, cwd=scratch, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(scratch).glob("*.tgz")
        digest = hashlib.sha512(archive.read_bytes()).digest()
        integrity = f"sha512-{base64.b64encode(digest).decode()}"
        if known and known["version"] == version and known["integrity"] != integrity:
            sys.exit(f"{name} {version} is not the package that it was: {integrity}")
        with tarfile.open(archive) as content:
            for destination, source in package["files"].items():
                member = content.extractfile(f"package/{source}")
                assert member is not None, source
                path = folder / destination
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(member.read())
    return {
        "version": version,
        "license": package["license"],
        "integrity": integrity,
        "files": {
            f"{folder.name}/{destination}": hashlib.sha256(
                (folder / destination).read_bytes()
            ).hexdigest()
            for destination in package["files"]
        },
    }


if __name__ == "__main__":
    main()
