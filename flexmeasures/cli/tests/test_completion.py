"""Completion in the shells themselves, and what it must not load."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from flexmeasures.cli.conftest import PROGRAM
from flexmeasures.tests.program import run_program, run_python
from flexmeasures.tests.test_start_up import HEAVY

# In each shell: load the script, type these words, and print what is offered for the last one.
SESSIONS = {
    "bash": """
        eval "$(flexmeasures completion bash)"
        complete -p flexmeasures >&2
        COMP_WORDS=({words}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _flexmeasures_completion flexmeasures
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """,
    "fish": """
        flexmeasures completion fish | source
        complete -C "{words}"
    """,
    "zsh": """
        autoload -U compinit; compinit -u -D
        eval "$(flexmeasures completion zsh)"
        _describe() {{ print -rl -- "${{(@P)3}}" | sed 's/:.*//' }}
        compadd() {{ print -rl -- "${{(@P)argv[-1]}}" }}
        words=({words}); CURRENT=${{#words}}
        ${{_comps[flexmeasures]}}
    """,
}


def offered(shell: str, words: str, home: Path) -> set[str]:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    no_settings = [] if shell == "fish" else ["--norc" if shell == "bash" else "-f"]
    done = subprocess.run(
        [program, *no_settings, "-c", SESSIONS[shell].format(words=words)],
        env={"HOME": str(home), "PATH": f"{PROGRAM.parent}:/usr/bin:/bin"},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return {line.split()[0] for line in done.stdout.splitlines()}  # fish adds descriptions


@pytest.mark.parametrize("shell", SESSIONS)
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("flexmeasures db", {"db", "db-ops"}),
        ("flexmeasures add account", {"account", "account-role"}),
        ("flexmeasures monitor l", {"latest-run", "last-seen"}),
        ("flexmeasures completion z", {"zsh"}),
        ("flexmeasures db-ops save --st", {"--structure"}),
    ],
)
def test_what_shells_offer(shell: str, words: str, expected: set[str], tmp_path: Path) -> None:
    assert offered(shell, words, tmp_path) == expected


def test_other_shells(tmp_path: Path) -> None:
    done = run_program(tmp_path, "completion", "csh")
    assert done.returncode == 2
    assert "'csh' is not one of 'bash', 'fish', 'zsh'" in done.stderr


@pytest.mark.parametrize("words", ["", "add ", "show ", "db-ops save --"])
def test_it_loads_little_and_starts_nothing(tmp_path: Path, words: str) -> None:
    typed = f"flexmeasures {words}"
    done = run_python(
        tmp_path,
        *("-X", "importtime", "-m", "flexmeasures"),
        _FLEXMEASURES_COMPLETE="bash_complete",
        COMP_WORDS=typed,
        COMP_CWORD=str(typed.count(" ")),
    )
    assert done.stdout.startswith("plain,")
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "click.core" in loaded
    assert loaded & HEAVY == set()
    assert list(tmp_path.iterdir()) == []


def test_it_keeps_quiet_about_settings(tmp_path: Path) -> None:
    done = run_program(
        tmp_path,
        _FLEXMEASURES_COMPLETE="bash_complete",
        COMP_WORDS="flexmeasures sho",
        COMP_CWORD="1",
        MAIL_PORT="abc",
    )
    assert (done.stdout, done.stderr) == ("plain,show\n", "")
