"""What each entry must not load: it would cost everybody time who only wanted help."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flexmeasures.tests.program import run_python

HEAVY = {
    "altair",
    "flask_security",
    "flexmeasures.data.models",
    "highspy",
    "numpy",
    "openturns",
    "pandas",
    "prometheus_client",
    "pyomo",
    "redis",
    "rich",
    "rq",
    "scipy",
    "sqlalchemy",
    "timely_beliefs",
}
HELP = """
from flexmeasures.utils.app_utils import flexmeasures_cli
try:
    flexmeasures_cli({arguments!r})
except SystemExit as end:
    assert end.code == 0
"""


def modules_loaded_by(home: Path, code: str) -> set[str]:
    code += "\nimport json, sys; print('\\n' + json.dumps(list(sys.modules)))"
    done = run_python(home, "-c", code)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    ["import flexmeasures", "import flexmeasures; print(flexmeasures.__version__)"],
    ids=["import", "version"],
)
def test_the_package(tmp_path: Path, code: str) -> None:
    loaded = modules_loaded_by(tmp_path, code)
    assert loaded & (HEAVY | {"flask", "click"}) == set()


@pytest.mark.parametrize(
    "group",
    [
        [],
        ["add"],
        ["completion"],
        ["db"],
        ["db", "upgrade"],
        ["db-ops"],
        ["db-ops", "restore"],
        ["delete"],
        ["edit"],
        ["jobs"],
        ["jobs", "run-worker"],
        ["local"],
        ["monitor"],
        ["monitor", "latest-run"],
        ["roles"],
        ["users", "change_password"],
        ["show"],
    ],
    ids=lambda group: " ".join(group) or "program",
)
def test_help_of_the_program_and_of_groups(tmp_path: Path, group: list[str]) -> None:
    loaded = modules_loaded_by(tmp_path, HELP.format(arguments=[*group, "--help"]))
    assert loaded & HEAVY == set()
    if group == ["add"]:
        assert "flask" not in loaded
