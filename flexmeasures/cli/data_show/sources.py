"""`flexmeasures show data-sources`"""

from __future__ import annotations

import click

from flexmeasures.cli.data_show.formats import Listing, format_option, print_listing
from flexmeasures.cli.utils import MsgStyle, abort


@click.command("data-sources")
@format_option
def list_data_sources(format_: str) -> None:
    """List data sources: who believes something.

    \b
    Example:
      flexmeasures show data-sources
    """
    from sqlalchemy import select

    from flexmeasures.data.config import db
    from flexmeasures.data.models.data_sources import DataSource

    query = select(DataSource).order_by(DataSource.name, DataSource.id)
    sources = Listing(
        dict.fromkeys(["ID", "Name", "Type", "User ID", "Model", "Version"]),
        [
            (source.id, source.name, source.type, source.user_id, source.model, source.version)
            for source in db.session.scalars(query)
        ],
    )
    if format_ == "table" and not sources.rows:
        abort("No data sources created yet.", MsgStyle.WARN)
    print_listing(sources, format_)
