"""Accounts and users, from the terminal: what the documentation tells people to type."""

from __future__ import annotations

import os
import pty
import subprocess

from flexmeasures.cli.conftest import PROGRAM, Terminal

PASSWORD = "battery-horse"
ADD_USER = ("add", "user", "--email", "ann@example.com", "--account-id", "1", "--roles=admin")


def test_from_nothing_to_an_admin_and_back(terminal: Terminal) -> None:
    terminal("db", "upgrade")
    added = terminal("add", "account", "--name", "Some company").stdout
    assert added == "Account 'Some company' (ID: 1) successfully created.\n"
    done = terminal(*ADD_USER, "--username", "ann", input=f"{PASSWORD}\n" * 2)
    assert done.stdout == "Successfully created user <User ann (ID:1)>\n"
    assert "Adding role admin ..." in done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    terminal("add", "initial-structure")
    assert "Super user" in terminal("show", "roles").stdout
    assert "ann@example.com" in terminal("show", "users").stdout

    refused = terminal(*ADD_USER, "--username", "ann", input=f"{PASSWORD}\n" * 2, exit_code=1)
    assert "User with email ann@example.com already exists." in refused.stderr
    refused = terminal("users", "create", "bob@example.com", exit_code=1)
    assert "Users need an account." in refused.stderr

    refused = terminal("delete", "account", "--id", "1", input="", exit_code=1)
    assert "Affected users: ann" in refused.stderr
    deleted = terminal("delete", "account", "--id", "1", "--force")
    assert "Account Some company has been deleted." in deleted.stdout
    assert "No accounts created yet." in terminal("show", "accounts", exit_code=1).stderr


def test_a_typed_password_is_not_shown(terminal: Terminal) -> None:
    terminal("db", "upgrade")
    terminal("add", "account", "--name", "Other company")
    account = terminal("show", "accounts").stdout.splitlines()[-1].split()[0]
    screen, its_end = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, *ADD_USER, "--account-id", account, "--username", "bob"],
        env=terminal.environment,
        cwd=terminal.home,
        stdin=its_end,
        stdout=its_end,
        stderr=its_end,
        start_new_session=True,  # no other terminal to ask at
    )
    os.close(its_end)
    shown = ""
    for question in ("enter the password:", "repeat the password:"):
        while question not in shown:
            shown += os.read(screen, 1000).decode()
        os.write(screen, f"{PASSWORD}\n".encode())
    while "Successfully created user <User bob" not in shown:
        shown += os.read(screen, 1000).decode()
    assert process.wait(timeout=30) == 0
    os.close(screen)
    assert PASSWORD not in shown
