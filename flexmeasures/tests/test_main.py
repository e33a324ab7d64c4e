"""The program from the outside; what its commands do is tested with them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from flask import Flask, current_app

import flexmeasures.app
from flexmeasures import __main__ as main
from flexmeasures.cli import COMMANDS, COMMANDS_OF_LIBRARIES
from flexmeasures.tests.program import run_program, run_python

CLOSED = "postgresql://user:secret@127.0.0.1:1/nowhere"
SERVER = {"SQLALCHEMY_DATABASE_URI": CLOSED, "SECRET_KEY": "key"}


def test_help_lists_all_commands(tmp_path: Path) -> None:
    done = run_program(tmp_path, "--help")
    assert done.returncode == 0
    assert done.stderr == ""
    listed = {line.split()[0] for line in done.stdout.partition("Commands:\n")[2].splitlines()}
    assert listed == {*COMMANDS, *COMMANDS_OF_LIBRARIES}
    assert list(tmp_path.iterdir()) == []


def test_versions(tmp_path: Path) -> None:
    done = run_program(tmp_path, "--version")
    assert done.returncode == 0
    assert done.stdout.startswith(f"FlexMeasures {flexmeasures.__version__}\n")
    assert "Flask 3" in done.stdout


def commands_below(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands_below(command, (*path, name))


def test_every_command_explains_itself(home: Path) -> None:
    commands = list(commands_below(main.flexmeasures_cli))
    assert ("add", "toy-account") in commands
    assert ("db", "upgrade") in commands
    for command in commands:
        result = CliRunner().invoke(main.flexmeasures_cli, [*command, "--help"])
        assert result.exit_code == 0, command
        assert result.output.startswith(f"Usage: flexmeasures-cli {' '.join(command)} ")
        assert result.stderr == ""


def test_local_mode_starts_nothing_before_it_is_needed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    done = run_program(tmp_path, "routes", FLEXMEASURES_LOCAL_DATA=str(data))
    assert done.returncode == 0, done.stderr
    assert "/static/<path:filename>" in done.stdout
    assert "redis" not in done.stderr
    assert {path.name for path in data.iterdir()} <= {"README", "secret_key", "lock"}


def test_completing_a_word_in_the_shell(tmp_path: Path) -> None:
    done = run_program(
        tmp_path,
        _FLEXMEASURES_COMPLETE="bash_complete",
        COMP_WORDS="flexmeasures add toy",
        COMP_CWORD="2",
    )
    assert done.stdout == "plain,toy-account\n"
    assert list(tmp_path.iterdir()) == []


def test_an_unreachable_database_gives_one_sentence(tmp_path: Path) -> None:
    done = run_program(tmp_path, "db", "current", **SERVER)
    assert done.returncode == 1
    assert done.stdout == ""
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert "Cannot connect to the database nowhere on 127.0.0.1:1" in error
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_debugging_shows_where_it_broke(tmp_path: Path) -> None:
    done = run_program(tmp_path, "--debug", "db", "current", **SERVER)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_unusable_settings_stop_with_a_message_and_code_2(tmp_path: Path) -> None:
    done = run_program(tmp_path, "routes", MAIL_PORT="abc", **SERVER)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "The environment variable MAIL_PORT=abc cannot be used:"
        " it should be a whole number, or empty.\n"
    )


def test_settings_from_dotenv_file_and_option(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MAIL_PORT=of-dotenv\n")
    (tmp_path / "other").write_text("MAIL_PORT=of-option\n")
    assert "MAIL_PORT=of-dotenv" in run_program(tmp_path, "routes", **SERVER).stderr
    done = run_program(tmp_path, "--env-file", "other", "routes", **SERVER)
    assert "MAIL_PORT=of-option" in done.stderr


def test_missing_services_are_told_to_servers_only(tmp_path: Path) -> None:
    warning = "Without complete mail settings"
    code = "from flexmeasures.app import create; create()"
    served = run_python(tmp_path, "-c", code, **SERVER)
    assert warning in served.stderr
    assert served.stdout == ""
    done = run_program(tmp_path, "show", "account", "--id", "1", **SERVER)
    assert warning not in done.stderr
    assert "Cannot connect to the database" in done.stderr


# --- Inside this process, with an app that stands for one with plugins ---


@pytest.fixture
def app_with_plugin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Flask]:
    app = Flask("flexmeasures")

    @app.cli.group("my-plugin")
    def my_plugin() -> None:
        """Commands of a plugin."""

    @my_plugin.command("greet")
    def greet() -> None:
        click.echo(f"Hello from {current_app.name}!")

    for name in [name for name in os.environ if name.startswith(("FLEXMEASURES_", "FLASK_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(flexmeasures.app, "create", lambda: app)
    before = dict(main.flexmeasures_cli.commands)
    yield app
    main.flexmeasures_cli.commands.clear()
    main.flexmeasures_cli.commands.update(before)


def test_commands_of_plugins_are_found_where_plugins_are_configured(
    app_with_plugin: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = CliRunner()
    assert "my-plugin" not in runner.invoke(main.flexmeasures_cli, ["--help"]).output
    monkeypatch.setenv("FLEXMEASURES_PLUGINS", "my_plugin")
    listed = runner.invoke(main.flexmeasures_cli, ["--help"]).output
    assert "my-plugin   Commands of a plugin." in listed
    assert "quickstart  FlexMeasures: " in listed
    greeting = runner.invoke(main.flexmeasures_cli, ["my-plugin", "greet"])
    assert greeting.output == "Hello from flexmeasures!\n"


def test_help_survives_settings_that_cannot_be_used(
    app_with_plugin: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PORT", "abc")
    result = CliRunner().invoke(main.flexmeasures_cli, ["--help"])
    assert result.exit_code == 0
    assert "MAIL_PORT=abc cannot be used" in result.stderr
    assert "Commands:\n  add" in result.stdout
