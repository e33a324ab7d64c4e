"""The commands of FlexMeasures. This module imports none of them: see `flexmeasures.cli.lazy`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

# Name -> (where it is, its line in `flexmeasures --help`).
COMMANDS = {
    "add": ("flexmeasures.cli.data_add:fm_add_data", "FlexMeasures: Add data."),
    "completion": (
        "flexmeasures.cli.completion:completion",
        "FlexMeasures: Complete words in a shell.",
    ),
    "db-ops": (
        "flexmeasures.cli.db_ops:fm_db_ops",
        "FlexMeasures: Reset, Dump/Restore or Save/Load the DB data.",
    ),
    "delete": ("flexmeasures.cli.data_delete:fm_delete_data", "FlexMeasures: Delete data."),
    "edit": ("flexmeasures.cli.data_edit:fm_edit_data", "FlexMeasures: Edit data."),
    "jobs": ("flexmeasures.cli.jobs:fm_jobs", "FlexMeasures: Job queueing."),
    "monitor": ("flexmeasures.cli.monitor:fm_monitor", "FlexMeasures: Monitor tasks."),
    "show": ("flexmeasures.cli.data_show:fm_show_data", "FlexMeasures: Show data."),
    "local": (
        "flexmeasures.cli.local:fm_local",
        "FlexMeasures: Servers and data of local mode.",
    ),
    "quickstart": (
        "flexmeasures.cli.quickstart:quickstart",
        "FlexMeasures: Schedule a battery in one go.",
    ),
}
COMMANDS_OF_LIBRARIES = {
    "db": ("flexmeasures.cli.migrations:db", "Perform database migrations."),
    "roles": ("flexmeasures.cli.security:roles", "Role commands."),
    "routes": ("flask.cli:routes_command", "Show the routes for the app."),
    "run": ("flask.cli:run_command", "Run a development server."),
    "shell": ("flask.cli:shell_command", "Run a shell in the app context."),
    "users": ("flexmeasures.cli.security:users", "User commands."),
}


# `run` creates the app after it has read its own options.
COMMANDS_WITHOUT_APP = {"completion", "local", "run"}


def command_of_process() -> str | None:
    """The command (or group) for which this process was started; None if it is another program."""
    from flask import current_app

    known = {*COMMANDS, *COMMANDS_OF_LIBRARIES}
    if current_app:
        known |= set(current_app.cli.commands)  # of plugins
    program = Path(sys.argv[0])
    if program.stem != "flexmeasures" and program.parts[-2:] != ("flexmeasures", "__main__.py"):
        return None
    return next((word for word in sys.argv[1:] if word in known), None)


def is_running() -> bool:
    """Is this process running a command of FlexMeasures or of a plugin?

    Then no user is logged in, and whoever may start processes here may do everything. Commands of
    libraries do not count, such as `run` and `shell`. The setting PRETEND_RUNNING_AS_CLI makes
    tests count.
    """
    from flask import current_app

    if current_app and current_app.config.get("PRETEND_RUNNING_AS_CLI"):
        return True
    command = command_of_process()
    return command is not None and command not in COMMANDS_OF_LIBRARIES


def add_commands(app: Flask) -> None:
    """Let the app know our commands, for Flask's own command line and its test runner."""
    from flask.cli import AppGroup

    from flexmeasures.cli.lazy import LazyGroup

    class LazyAppGroup(LazyGroup, AppGroup):
        """A lazy group to which plugins can add commands in Flask's way."""

    # Flask-Security has registered its groups; ours stand in for them.
    ours = COMMANDS | {name: COMMANDS_OF_LIBRARIES[name] for name in ("roles", "users")}
    others = {name: command for name, command in app.cli.commands.items() if name not in ours}
    app.cli = LazyAppGroup(app.name, lazy=ours, commands=others)
