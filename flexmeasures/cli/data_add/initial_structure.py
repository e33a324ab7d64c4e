"""`flexmeasures add initial-structure`"""

from __future__ import annotations

import click


@click.command("initial-structure")
def add_initial_structure() -> None:
    """Add what every server starts with: data sources, roles and asset types.

    What exists already stays as it is.

    \b
    Example:
      flexmeasures add initial-structure
    """
    from sqlalchemy import func, select

    from flexmeasures.data.config import db
    from flexmeasures.data.models.data_sources import DataSource
    from flexmeasures.data.models.generic_assets import GenericAssetType
    from flexmeasures.data.models.user import AccountRole, Role
    from flexmeasures.data.services import initial_structure

    click.echo(f"Populating the database {db.engine} with structural data ...")
    for existing in initial_structure.add_initial_structure():
        click.echo(f"{existing} already exists.")
    db.session.commit()
    for model, noun in (
        (DataSource, "DataSource(s)"),
        (GenericAssetType, "AssetType(s)"),
        (Role, "Role(s) for users"),
        (AccountRole, "AccountRole(s)"),
    ):
        number = db.session.scalars(select(func.count()).select_from(model)).one()
        click.echo(f"DB now has {number} {noun}")
