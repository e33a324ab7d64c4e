from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from flexmeasures.cli.lazy import LazyGroup


@click.command()
def greet() -> None:
    """Say hello."""
    click.echo("Hello!")


GREET = f"{__name__}:greet"


@pytest.fixture
def group() -> LazyGroup:
    group = LazyGroup(
        "things",
        lazy={"hello": (GREET, "Say hello."), "broken": ("no.such.module:command", "Not there.")},
    )

    @group.command("added")
    def added() -> None:
        """Added as usual."""
        click.echo("usual")

    return group


def test_help_lists_all_commands_and_imports_none(group: LazyGroup) -> None:
    result = CliRunner().invoke(group, ["--help"])
    assert result.exit_code == 0
    lines = [line.split(maxsplit=1) for line in result.output.splitlines()[-3:]]
    assert lines == [
        ["added", "Added as usual."],
        ["broken", "Not there."],
        ["hello", "Say hello."],
    ]


def test_commands_are_imported_on_use(group: LazyGroup) -> None:
    assert CliRunner().invoke(group, ["hello"]).output == "Hello!\n"
    assert CliRunner().invoke(group, ["added"]).output == "usual\n"
    help_text = CliRunner().invoke(group, ["hello", "--help"]).output
    assert help_text.startswith("Usage: things hello [OPTIONS]")


def test_unknown_command_is_a_usage_error(group: LazyGroup) -> None:
    result = CliRunner().invoke(group, ["helo"])
    assert result.exit_code == 2
    assert "No such command 'helo'" in result.output
