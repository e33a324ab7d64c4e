"""The program `flexmeasures`: finds the command, and gives it an app to run in."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from flexmeasures.cli import COMMANDS, COMMANDS_OF_LIBRARIES, COMMANDS_WITHOUT_APP
from flexmeasures.cli.lazy import LazyGroup

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem
    from flask import Flask
    from flask.cli import ScriptInfo

_SEARCHED = f"{__name__}.searched"


class Program(LazyGroup):
    """Lists and explains commands without creating an app, and runs them inside one.

    Only where plugins are configured, an app is created to look for commands of theirs.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._add_commands_of_plugins(ctx)
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.lazy:
            self._add_commands_of_plugins(ctx)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self._add_commands_of_plugins(ctx)
        super().format_commands(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        self._add_commands_of_plugins(ctx)
        return super().shell_complete(ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        shows_help = any(option in rest for option in ctx.help_option_names) or (
            isinstance(command, click.Group) and not rest
        )
        if ctx.resilient_parsing:  # completing a word in a shell
            pass
        elif not shows_help:
            self._prepare_app(ctx, name)
        elif name in COMMANDS_OF_LIBRARIES:
            _script_info(ctx, _create_bare_app)  # groups of theirs want one before they show help
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            from flexmeasures.bootstrap.errors import explain

            message = None if _is_debugging() else explain(error)
            if message is None:
                raise
            raise click.ClickException(message) from error

    def _prepare_app(self, ctx: click.Context, name: str | None) -> None:
        from flask import current_app

        from flexmeasures.bootstrap.config import load_dotenv

        load_dotenv()
        script = _script_info(ctx, _create_app)
        if name not in COMMANDS_WITHOUT_APP and not current_app:
            ctx.with_resource(script.load_app().app_context())

    def _add_commands_of_plugins(self, ctx: click.Context) -> None:
        if _SEARCHED in ctx.meta:
            return
        ctx.meta[_SEARCHED] = True
        if not _plugins_are_configured(quietly=ctx.resilient_parsing):
            return
        try:
            app = _script_info(ctx, _create_app).load_app()
        except SystemExit:
            return  # has told why; help on our own commands may be just what is needed
        for name, command in app.cli.commands.items():
            if name not in self.lazy:
                self.add_command(command, name)


def _script_info(ctx: click.Context, create_app: Callable[[], Flask]) -> ScriptInfo:
    """What commands of libraries look for in the context, to make the app."""
    from flask.cli import ScriptInfo

    if ctx.obj is None:
        ctx.obj = ScriptInfo(create_app=create_app, set_debug_flag=False)
    return ctx.obj


def _create_app() -> Flask:
    from flexmeasures.app import create

    return create()


def _create_bare_app() -> Flask:
    from flexmeasures.bootstrap.application import FlexMeasures

    return FlexMeasures()


def _plugins_are_configured(quietly: bool) -> bool:
    from flexmeasures.bootstrap.config import configured_plugins
    from flexmeasures.bootstrap.exceptions import ConfigurationError

    try:
        return bool(configured_plugins())
    except ConfigurationError as error:
        if not quietly:
            click.echo(f"Commands of plugins are not known. {error}", err=True)
        return False


def _is_debugging() -> bool:
    from flask import current_app
    from flask.helpers import get_debug_flag

    return current_app.debug if current_app else get_debug_flag()


def _print_versions(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    import platform
    from importlib.metadata import version

    from flexmeasures import __version__

    click.echo(
        f"FlexMeasures {__version__}\nPython {platform.python_version()}\n"
        f"Flask {version('flask')}\nWerkzeug {version('werkzeug')}"
    )
    ctx.exit()


def _read_variables(ctx: click.Context, _: click.Parameter, path: str | None) -> None:
    if path is not None:
        from flask.cli import load_dotenv

        load_dotenv(path, load_defaults=False)


def _set_debug(ctx: click.Context, _: click.Parameter, debug: bool | None) -> None:
    if debug is not None:
        os.environ["FLASK_DEBUG"] = "1" if debug else "0"


@click.group(
    cls=Program,
    lazy=COMMANDS | COMMANDS_OF_LIBRARIES,
    # None: colours on terminals only. (See no-color.org.)
    context_settings={
        "auto_envvar_prefix": "FLASK",
        "color": False if os.environ.get("NO_COLOR") else None,
    },
)
@click.option(
    "-e",
    "--env-file",
    type=click.Path(exists=True, dir_okay=False),
    is_eager=True,
    expose_value=False,
    callback=_read_variables,
    help="Read environment variables from this file, where they are not set yet.",
)
@click.option(
    "--debug/--no-debug",
    default=None,
    expose_value=False,
    callback=_set_debug,
    help="Set debug mode.",
)
@click.option(
    "--version",
    is_flag=True,
    allow_from_autoenv=False,
    is_eager=True,
    expose_value=False,
    callback=_print_versions,
    help="Show the versions of FlexMeasures, Python and Flask.",
)
def flexmeasures_cli() -> None:
    """Management scripts for the FlexMeasures platform."""


if __name__ == "__main__":
    flexmeasures_cli(prog_name="flexmeasures")
