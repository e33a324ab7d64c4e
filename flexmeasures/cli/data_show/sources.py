"""`flexmeasures show data-sources`"""

from __future__ import annotations

import click

from flexmeasures.cli.utils import MsgStyle, abort, print_table


@click.command("data-sources")
def list_data_sources() -> None:
    """List data sources: who believes something."""
    from sqlalchemy import select

    from flexmeasures.data.config import db
    from flexmeasures.data.models.data_sources import DataSource

    sources = db.session.scalars(select(DataSource).order_by(DataSource.name, DataSource.id)).all()
    if not sources:
        abort("No data sources created yet.", MsgStyle.WARN)
    print_table(
        [
            (source.id, source.name, source.type, source.user_id, source.model, source.version)
            for source in sources
        ],
        headers=["ID", "Name", "Type", "User ID", "Model", "Version"],
    )
