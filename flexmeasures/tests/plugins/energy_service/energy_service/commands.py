"""A command, and a task that is monitored."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from flexmeasures import Asset, AssetType, Sensor
from flexmeasures.cli.utils import MsgStyle
from flexmeasures.data import db
from flexmeasures.data.transactional import task_with_status_report

from . import commands_bp


@commands_bp.cli.command("hello-world")
@click.option("--name", required=True)
def hello_world(name: str) -> None:
    click.secho(f"Hello, {name}!", **MsgStyle.SUCCESS)


@commands_bp.cli.command("register-meter")
@click.option("--name", required=True)
@with_appcontext
@task_with_status_report("energy-service-register-meter")
def register_meter(name: str) -> None:
    """Add a sensor; with its asset, which comes along."""
    kind = AssetType.query.filter_by(name="meter").one_or_none() or AssetType(name="meter")
    asset = Asset(name=name, generic_asset_type=kind)
    sensor = Sensor(name="power", unit="kW", generic_asset=asset)
    db.session.add(sensor)
    db.session.flush()
    click.echo(f"Registered sensor {sensor.id}.")
