"""Commands about the servers and data of local mode. They need no app."""

from __future__ import annotations

import click


@click.group("local")
def fm_local() -> None:
    """FlexMeasures: Servers and data of local mode."""


@fm_local.command("path")
def show_path() -> None:
    """Print the data folder."""
    from flexmeasures.bootstrap.local import data_folder

    click.echo(data_folder())


@fm_local.command("status")
def show_status() -> None:
    """Show the data folder, and for each server whether it runs, its size and address."""
    from flexmeasures.bootstrap.local import data_folder, status

    click.echo(f"Data folder: {data_folder()}")
    for server in status():
        state = f"running (version {server.version}, process {server.pid})"
        click.echo(f"{server.name}: {state if server.pid else 'not running'}")
        click.echo(f"  on disk: {server.size / 1e6:.1f} MB")
        click.echo(f"  address: {server.address}")


@fm_local.command("stop")
def stop_servers() -> None:
    """Stop both servers. The next command that needs them starts them again."""
    from flexmeasures.bootstrap.local import stop

    stopped = stop()
    click.echo(f"Stopped {' and '.join(stopped)}." if stopped else "No server was running.")
