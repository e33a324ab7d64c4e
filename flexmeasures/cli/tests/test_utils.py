from __future__ import annotations

import doctest
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner, Result

from flexmeasures.bootstrap.errors import explain
from flexmeasures.cli import utils
from flexmeasures.cli.conftest import in_terminal
from flexmeasures.cli.utils import (
    DeprecatedDefaultGroup,
    MsgStyle,
    abort,
    confirm,
    is_for_people,
    table,
    warn,
)
from flexmeasures.utils.entity_address_utils import parse_entity_address


def run(command: click.Command, *args: str, **kwargs: object) -> Result:
    return CliRunner().invoke(command, args, **kwargs)  # type: ignore[arg-type]


def test_examples_in_docstrings() -> None:
    failed, tried = doctest.testmod(utils)
    assert tried and not failed


def test_it_needs_click_and_nothing_heavy() -> None:
    program = (
        "import sys, flexmeasures.cli.utils;"
        "print({'flask', 'tabulate', 'pandas', 'sqlalchemy'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_results_and_warnings_take_different_ways() -> None:
    @click.command()
    def command() -> None:
        warn("Mind the gap.")
        click.secho("Done.", **MsgStyle.SUCCESS)

    result = run(command)
    assert (result.stdout, result.stderr) == ("Done.\n", "Mind the gap.\n")
    coloured = run(command, color=True)
    assert coloured.stderr == "\x1b[33mMind the gap.\x1b[0m\n"


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colours_on_terminals_can_be_turned_off(no_color: str, coloured: bool) -> None:
    program = (
        "import click; from flexmeasures.__main__ import flexmeasures_cli as program;"
        "program.add_command(click.Command('x', callback=lambda: click.secho('Hi', fg='red')));"
        "program.lazy = {}; program._prepare_app = lambda *_: None; program(['x'])"
    )
    terminal, its_end = pty.openpty()
    environment = {**os.environ, "NO_COLOR": no_color}
    subprocess.run([sys.executable, "-c", program], stdout=its_end, env=environment, check=True)
    os.close(its_end)
    shown = os.read(terminal, 100).decode()
    os.close(terminal)
    assert "Hi" in shown
    assert ("\x1b[31m" in shown) == coloured


def test_abort_says_why() -> None:
    @click.command()
    def command() -> None:
        abort("No such thing.")

    result = run(command)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "No such thing.\nAborted!\n"


def raise_ours() -> None:
    raise ValueError("The window ends before it starts.")


def raise_kind_of_ours() -> None:
    parse_entity_address("73", "sensor")


def raise_in_library() -> None:
    json.loads("{")


def fail_in_builtin() -> None:
    int("seven")


def fail_ourselves() -> None:
    [].pop()


@pytest.mark.parametrize(
    ("fail", "for_people"),
    [
        (raise_ours, True),
        (raise_kind_of_ours, True),
        (raise_in_library, False),
        (fail_in_builtin, False),
        (fail_ourselves, False),
    ],
)
def test_errors_for_people_need_no_traceback(fail: Callable[[], None], for_people: bool) -> None:
    with pytest.raises(Exception) as caught:
        fail()
    assert is_for_people(caught.value) == for_people
    assert explain(caught.value) == (str(caught.value) if for_people else None)


@pytest.mark.parametrize(
    ("answer", "force", "done"), [("y", False, True), ("n", False, False), ("", True, True)]
)
def test_confirmation(answer: str, force: bool, done: bool) -> None:
    @click.command()
    def command() -> None:
        confirm("Delete everything?", force=force)
        click.echo("Deleted.")

    result = run(command, input=answer)
    assert result.exit_code == (0 if done else 1)
    assert ("Deleted." in result.stdout) == done
    assert ("Delete everything?" in result.stderr) != force


def test_cells_are_shown_as_they_are() -> None:
    shown = table([("007", "1.0", None), ("1e3", "2.10", True)], ["Code", "Version", "On"])
    assert [line.split() for line in shown.splitlines()[2:]] == [
        ["007", "1.0"],
        ["1e3", "2.10", "True"],
    ]


def test_an_empty_table_has_a_header() -> None:
    assert table([], ["ID", "Name"]).splitlines()[0].split() == ["ID", "Name"]


def test_a_wide_table_is_wrapped_to_fit() -> None:
    story = "capacity_in_mw: 0.5\n" + " ".join(["and a very long story"] * 10)
    rows = [(1, "toy-battery", story), (2, "toy-solar", "")]
    headers = ["ID", "Name", "Attributes"]
    wide, narrow = table(rows, headers), table(rows, headers, width=60)
    assert max(map(len, wide.splitlines())) > 200
    assert max(map(len, narrow.splitlines())) <= 60
    assert narrow.count("story") == 10
    assert "toy-battery" in narrow
    assert "capacity_in_mw: 0.5" in narrow


def test_plots_fit_the_terminal() -> None:
    shown = in_terminal(
        "import numpy as np; from flexmeasures.cli.plots import plot;"
        "plot({'power': 12345.6 * np.sin(np.arange(99))}, 'EUR/MWh')",
        columns=60,
        NO_COLOR="1",
    )
    assert 50 < max(map(len, shown.splitlines())) <= 60


ADDRESS = "somebody.with.a.long.address@some-long-domain.example.org"
TABLES: dict[str, dict[str, object]] = {
    "few columns": {"ID": 1, "Name": "an account " * 30, "Assets": 3},
    "no blanks": {"ID": 1, "Name": "a_very_long_name_" * 20, "Attributes": "a: 1\nb: 2"},
    "long headers": dict.fromkeys(["Accuracy (1 - WAPE)"] + ["Skill: last value"] * 2, "0.1"),
    "users": {
        "ID": 1, "Name": "a long name", "Email": ADDRESS, "Active": True, "Last Login": None,
        "Last Seen": "3 minutes ago", "Roles": "account-admin,admin-reader",
    },
    "more columns than fit": {f"Column {n}": f"{'wide ' * n}" for n in range(30)},
}  # fmt: skip


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("name", TABLES)
def test_tables_fit_the_terminal(name: str, columns: int) -> None:
    row = TABLES[name]
    shown = table([(*row.values(),)] * 2, [*row], width=columns)
    assert max(map(len, shown.splitlines())) <= columns
    words = " ".join(str(text) for text in (*row, *row.values()) if text is not None).split()
    assert all(word in shown for word in words if len(word) <= 10)


@pytest.mark.parametrize("columns", [60, 120])
def test_print_table_asks_the_terminal(columns: int) -> None:
    shown = in_terminal(
        "from flexmeasures.cli.utils import print_table;"
        f"print_table([(1, {'x' * 300!r})], ['ID', 'Email'])",
        columns,
    )
    assert max(map(len, shown.splitlines())) == columns


@click.group(cls=DeprecatedDefaultGroup, default="bread", deprecation_message="Say bake bread.")
def bake() -> None:
    """Bake something."""


@bake.command()
@click.option("--loaves", type=int)
def bread(loaves: int) -> None:
    click.echo(f"{loaves} loaves")


def test_the_old_form_of_a_command_warns_and_works() -> None:
    result = run(bake, "--loaves", "2")
    assert result.exit_code == 0
    assert result.stdout == "2 loaves\n"
    assert result.stderr == "DeprecationWarning: Say bake bread.\n"


def test_the_new_form_does_not_warn() -> None:
    result = run(bake, "bread", "--loaves", "2")
    assert (result.stdout, result.stderr) == ("2 loaves\n", "")


def test_help_and_other_words_are_the_groups_own() -> None:
    shown = run(bake, "--help")
    assert shown.exit_code == 0
    assert "Bake something." in shown.stdout
    assert shown.stderr == ""
    assert "bread" in run(bake).output
    assert "No such command 'cake'" in run(bake, "cake").stderr


def test_output_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert utils.terminal_width() is None
