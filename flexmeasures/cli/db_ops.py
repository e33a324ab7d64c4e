"""`flexmeasures db-ops ...`: what concerns the database as a whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from flexmeasures.cli.utils import MsgStyle, abort, warn
from flexmeasures.cli.values import existing_file


@click.group("db-ops")
def fm_db_ops() -> None:
    """FlexMeasures: Reset, Dump/Restore or Save/Load the DB data."""


_force = click.option(
    "--force/--no-force", default=False, help="Don't ask, even if there are data to lose."
)


@fm_db_ops.command("reset")
@_force
def reset(force: bool) -> None:
    """Drop all tables, with all data, and create those of the data model.

    Asks first, unless there are no data. Tables of plugins are dropped, too.

    \b
    Example, to start from a dump:
      flexmeasures db-ops reset && flexmeasures db-ops restore pgbackup_db_2026-03-01-1200.dump
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.services.reset import ResetError, create_everything, drop_everything
    from flexmeasures.data.services.tables import address, revision_of

    place = address()
    _ask(f"This deletes all data and re-creates the tables on {place}.", force)
    click.echo(f"The tables are at revision {revision_of(db.session.connection())}.")
    try:
        click.echo(f"Dropping everything in {place} ...")
        drop_everything()
        click.echo("Recreating everything ...")
        create_everything()
    except ResetError as error:
        db.session.rollback()
        abort(f"{error}\nNothing was changed.")
    click.echo("Committing ...")
    db.session.commit()


@fm_db_ops.command("dump")
def dump() -> None:
    """Dump all data into a file in the working directory, by pg_dump.

    Only the rows, not the tables. The file is called pgbackup_<database>_<time>.dump. It has
    password hashes, so only you may read it.

    \b
    Example:
      flexmeasures db-ops dump
    """
    from flexmeasures.data.services.dumps import DumpError
    from flexmeasures.data.services.dumps import dump as dump_to
    from flexmeasures.data.services.tables import address

    click.echo(f"Backing up {address()} database")
    try:
        file = dump_to(Path.cwd())
    except DumpError as error:
        abort(f"Exception happened during dump: {error}\ndb dump unsuccessful")
    click.secho(f"db dump successful: saved to {file.name}", **MsgStyle.SUCCESS)


@fm_db_ops.command("restore")
@click.argument("file", type=existing_file(as_path=True))
@_force
def restore(file: Path, force: bool) -> None:
    """Restore the data in FILE, which db-ops dump made: all of them, or nothing at a problem.

    They take the place of all data that there are; asks first, if there are any. The tables must
    exist, as after `db-ops reset` or `db upgrade`.

    \b
    Example:
      flexmeasures db-ops restore pgbackup_flexmeasures_2026-03-01-1200.dump
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.services.dumps import DumpError
    from flexmeasures.data.services.dumps import restore as restore_from
    from flexmeasures.data.services.tables import address

    place = address()
    _ask(f"This replaces all data in {place} by those in {file}.", force)
    click.echo(f"Restoring {place} database from file {file}")
    try:
        unknown = restore_from(file)
    except DumpError as error:
        db.session.rollback()
        abort(f"Exception happened during restore: {error}\ndb restore unsuccessful")
    db.session.commit()
    if unknown:
        warn(f"Left out, as there are no such tables here: {', '.join(unknown)}")
    click.secho("db restore successful", **MsgStyle.SUCCESS)


def _ask(what_happens: str, force: bool) -> None:
    """Before data get lost: say how many, and go on only if the user says yes."""
    from flexmeasures.data.services.tables import row_counts

    counts = {} if force else row_counts()
    if not counts:
        return
    rows = ", ".join(f"{count:,} in {table}" for table, count in counts.items())
    click.echo(f"{what_happens}\nRows that will be lost: {rows}.", err=True)
    try:
        if click.confirm("Do you want to continue?", err=True):
            return
    except click.Abort:
        click.echo(err=True)
    abort("I did nothing.", MsgStyle.WARN)


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
    """Save the content of the database to files, as it is at one moment.

    \b
    Example:
      flexmeasures db-ops save --name before-upgrade --data
    """
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

    \b
    Example:
      flexmeasures db-ops load --name before-upgrade --data
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
