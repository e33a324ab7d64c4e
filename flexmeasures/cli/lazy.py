"""Command groups that import their commands on use."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class LazyGroup(click.Group):
    """A group that lists its commands without importing them.

    lazy : name -> (where the command is, as "module:attribute"; the line of help in the list)

    Further commands may be added as to any group.
    """

    def __init__(
        self, *args: Any, lazy: Mapping[str, tuple[str, str]] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = dict(lazy or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self.lazy})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.lazy and cmd_name not in self.commands:
            module, _, attribute = self.lazy[cmd_name][0].partition(":")
            self.add_command(getattr(importlib.import_module(module), attribute), cmd_name)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        click.Group(commands=self._listed()).format_commands(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=command.get_short_help_str())
            for name, command in sorted(self._listed().items())
            if name.startswith(incomplete) and not command.hidden
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def _listed(self) -> dict[str, click.Command]:
        """All commands; what is not imported is represented by its line of help."""
        lines = {
            name: click.Command(name, short_help=line) for name, (_, line) in self.lazy.items()
        }
        return {**self.commands, **lines}
