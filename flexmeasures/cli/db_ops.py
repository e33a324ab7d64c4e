"""`flexmeasures db-ops ...`"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from flexmeasures.cli.utils import abort


@click.group("db-ops")
def fm_db_ops() -> None:
    """FlexMeasures: Reset, Dump/Restore or Save/Load the DB data."""


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option(
            "--data/--no-data", default=False, show_default=True, help="Beliefs: the time series."
        ),
        click.option(
            "--structure/--no-structure",
            default=True,
            show_default=True,
            help="All but beliefs: accounts, users, assets, sensors and so on.",
        ),
        click.option(
            "--dir",
            "path",
            type=click.Path(path_type=Path),
            help="Folder with all backups. Default: the setting FLEXMEASURES_DB_BACKUP_PATH.",
        ),
        click.option("--name", help="Name of the backup, which is a folder in there."),
    ):
        command = option(command)
    return command


@fm_db_ops.command("save")
@_with_options
def save(name: str | None, path: Path | None, **parts: bool) -> None:
    """Save the content of the database to files, as it is at one moment."""
    from flexmeasures.data.services.backups import BackupError
    from flexmeasures.data.services.backups import save as save_to

    if not name:
        abort("You must specify a unique name for the backup: --name <unique name>")
    folder = _folder(name, path)
    existed = folder.exists()
    try:
        saved = save_to(folder, **parts)
    except BackupError as error:
        abort(str(error) if existed else f"{error}\nRemoved directory {folder}.")
    for table in saved:
        click.echo(f"Successfully saved {name}/{table}.")


@fm_db_ops.command("load")
@_with_options
def load(name: str | None, path: Path | None, **parts: bool) -> None:
    """Load the content of files into the database: all of it, or nothing if there is a problem.

    Rows with an id that is known are overwritten. Other rows stay.
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.services.backups import UnrecognizedBackup
    from flexmeasures.data.services.backups import load as load_from

    if not name:
        abort("You must specify the name of the backup: --name <unique name>")
    try:
        loaded = load_from(_folder(name, path), **parts)
    except UnrecognizedBackup as error:
        db.session.rollback()
        abort(str(error))
    db.session.commit()
    for table in loaded:
        click.echo(f"Successfully loaded {name}/{table}.")


def _folder(name: str, path: Path | None) -> Path:
    from flask import current_app

    from flexmeasures.data.services.backups import UnrecognizedBackup, folder_of

    parent: Any = path or current_app.config["FLEXMEASURES_DB_BACKUP_PATH"]
    try:
        return folder_of(parent, name)
    except UnrecognizedBackup as error:
        abort(str(error))
