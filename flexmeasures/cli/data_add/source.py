"""`flexmeasures add source`"""

from __future__ import annotations

import click

from flexmeasures.cli.utils import MsgStyle


@click.command("source")
@click.option("--name", required=True, help="Name of the source: a person or organisation.")
@click.option("--model", help="Name of the model that the source uses, if any.")
@click.option("--version", help="Version of that model, if any.")
@click.option(
    "--type",
    "source_type",
    required=True,
    help="What kind of source. FlexMeasures itself knows forecaster, scheduler and user; "
    "other types are up to you.",
)
def add_source(name: str, model: str | None, version: str | None, source_type: str) -> None:
    """Add a data source, or find it if it is there already.

    \b
    Example:
      flexmeasures add source --name toy-forecaster --type forecaster
    """
    from flexmeasures.data.config import db
    from flexmeasures.data.services.data_sources import get_or_create_source

    for option, text in (("--name", name), ("--type", source_type)):
        if not text.strip():
            raise click.BadParameter("This cannot be blank.", param_hint=option)
    if source_type == "user":
        raise click.UsageError(
            "A data source cannot have type 'user' but no user set. "
            "Users get their source when they are created (see `flexmeasures add user`)."
        )
    source = get_or_create_source(name, source_type=source_type, model=model, version=version)
    db.session.commit()
    click.secho(f"Added source {source!r}", **MsgStyle.SUCCESS)
