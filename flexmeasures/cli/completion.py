"""`flexmeasures completion`: lets a shell complete commands and options."""

from __future__ import annotations

import click

PROGRAM, VARIABLE = "flexmeasures", "_FLEXMEASURES_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "fish", "zsh"]))
def completion(shell: str) -> None:
    """Print the script that lets a shell complete what you type.

    \b
    For this and all later sessions, add to ~/.bashrc
      eval "$(flexmeasures completion bash)"
    or to ~/.zshrc, after compinit
      eval "$(flexmeasures completion zsh)"
    or run
      flexmeasures completion fish > ~/.config/fish/completions/flexmeasures.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    root = click.get_current_context().find_root().command
    script = kind(root, {}, PROGRAM, VARIABLE)
    click.echo(script.source_template % script.source_vars())
