#!/usr/bin/env python3
"""Write what FlexMeasures consists of: a software bill of materials, as CycloneDX in JSON.

    python ci/sbom.py [FILE]

Listed are FlexMeasures, the Python packages that requirements/app.txt pins (with licences, and
which package needs which), and the libraries of its pages. Nothing is looked up elsewhere.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from datetime import datetime, timezone
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

PINS = Path(__file__).parent.parent / "requirements" / "app.txt"
VENDORED = Path(__file__).parent.parent / "flexmeasures" / "ui" / "static" / "vendor"

_OURS = "flexmeasures"


def main() -> None:
    document = json.dumps(bill(), indent=2)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(document + "\n")
    else:
        print(document)


def bill() -> dict[str, Any]:
    ours = distribution("flexmeasures")
    needed_by = pinned()
    packages = {name: distribution(name) for name in sorted(needed_by)}
    libraries = list(vendored())
    needs: dict[str, list[str]] = {name: [] for name in [*packages, _OURS]}
    for name, parents in needed_by.items():
        for parent in parents:
            needs[parent].append(reference(packages[name]))
    needs[_OURS] += [library["bom-ref"] for library in libraries]
    references = {name: reference(package) for name, package in packages.items()}
    references[_OURS] = reference(ours)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "component": component(ours) | {"type": "application"},
        },
        "components": [component(package) for package in packages.values()] + libraries,
        "dependencies": [
            {"ref": references[name], "dependsOn": sorted(needed)} for name, needed in needs.items()
        ],
    }


def pinned() -> dict[str, list[str]]:
    """Names of the pinned packages that this Python uses, each with those that need it.

    Ends the program if another version is installed.
    """
    found: dict[str, list[str]] = {}
    for line in PINS.read_text().splitlines():
        pin, _, origin = line.partition("# via ")
        if "==" not in pin:
            continue
        requirement = Requirement(pin)
        if requirement.marker and not requirement.marker.evaluate():
            continue
        installed = distribution(requirement.name).version
        if installed not in requirement.specifier:
            sys.exit(f"{requirement} is pinned, but {installed} is installed: run `make install`.")
        found[normalized(requirement.name)] = [
            _OURS if parent.startswith("-r ") else normalized(parent)
            for parent in origin.split(", ")
        ]
    return {
        name: [parent for parent in parents if parent == _OURS or parent in found]
        for name, parents in found.items()
    }


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def reference(package: Distribution) -> str:
    return f"pkg:pypi/{normalized(package.name)}@{package.version}"


def component(package: Distribution) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": reference(package),
        "name": package.name,
        "version": package.version,
        "purl": reference(package),
    } | licences(licences_of(package))


def licences_of(package: Distribution) -> list[str]:
    """As the package states them: an expression, else classifiers, else a short text."""
    headers = package.metadata
    if expressions := headers.get_all("License-Expression"):
        return expressions
    classifiers = headers.get_all("Classifier") or []
    named = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License :: ")]
    texts = headers.get_all("License") or []
    return named or [text.strip() for text in texts if 0 < len(text.strip()) < 100]


def licences(names: Iterable[str]) -> dict[str, Any]:
    found = [{"license": {"name": name}} for name in names]
    return {"licenses": found} if found else {}


def vendored() -> Iterable[dict[str, Any]]:
    """The libraries of pages, from the list that stands next to them."""
    for name, package in json.loads((VENDORED / "manifest.json").read_text()).items():
        purl = f"pkg:npm/{name.replace('@', '%40')}@{package['version']}"
        yield {
            "type": "library",
            "bom-ref": purl,
            "name": name,
            "version": package["version"],
            "purl": purl,
        } | licences([package["license"]])


if __name__ == "__main__":
    main()
