"""`flexmeasures delete structure`"""

from __future__ import annotations

import click

from flexmeasures.cli.progress import waiting
from flexmeasures.cli.utils import confirm


@click.command("structure")
@click.option("--force/--no-force", default=False, help="Do not ask for confirmation.")
def delete_structure(force: bool) -> None:
    """Delete all assets with their data, asset types, data sources, user roles and users.

    Annotations go, too. Accounts and account roles stay.

    \b
    Example:
      flexmeasures delete structure
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.services import deletion

    if not force:
        counts = ", ".join(f"{n} {noun}" for noun, n in deletion.count_structure().items())
        confirm(
            f"Sure to delete all asset(type)s, sources, roles and users from {db.engine}?\n"
            f"Affected: {counts}\n"
        )
    click.echo(f"Depopulating structural data from the database {db.engine} ...")
    with waiting("Deleting"):
        deleted = deletion.delete_structure()
        db.session.commit()
    for noun, number in deleted.items():
        click.echo(f"Deleted {number} {noun}")
