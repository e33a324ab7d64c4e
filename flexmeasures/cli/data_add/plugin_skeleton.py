"""`flexmeasures add plugin-skeleton`"""

from __future__ import annotations

import importlib.util
import keyword
import re
from collections.abc import Iterator
from pathlib import Path

import click

from flexmeasures.cli.utils import MsgStyle, abort

# A plugin that works, called "my-plugin", in files whose names end so.
_SKELETON = Path(__file__).parent / "skeleton"
_SUFFIX = ".template"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)


@click.command("plugin-skeleton")
@click.option(
    "--name",
    required=True,
    help="Name of the plugin, in lower case and with hyphens, such as solar-forecasts. It is part"
    " of the addresses of pages and endpoints, and the name of the group of commands.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="New folder for it; by default, one of that name in the current folder.",
)
def add_plugin_skeleton(name: str, folder: Path | None) -> None:
    """Write a small plugin to start from.

    It has a page, an endpoint, commands, a scheduler, a setting, and tests of all that, which pass.
    Nothing that exists is overwritten.

    \b
    Example:
      flexmeasures add plugin-skeleton --name solar-forecasts
    """
    _check(name)
    target = (folder or Path(name)).expanduser().absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        abort(f"{target} exists already. Choose a new or empty folder.")
    try:
        for path, text in _files(name):
            file = target / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        abort(f"Cannot write {error.filename or target}: {error.strerror}.")
    module = target / _module(name)
    click.secho(f"Plugin {name} is in {target}.", **MsgStyle.SUCCESS)
    click.echo(
        "To load it, name it in your config file (or in the environment):\n"
        f'  FLEXMEASURES_PLUGINS = ["{module}"]\n'
        f"Then see /{name}/dashboard in the browser, and flexmeasures {name} --help.\n"
        f"To run its tests (they need pytest): cd {target} && python -m pytest"
    )


def _files(name: str) -> Iterator[tuple[Path, str]]:
    """Paths and contents of a plugin of that name."""
    for file in sorted(_SKELETON.rglob(f"*{_SUFFIX}")):
        path = str(file.relative_to(_SKELETON)).removesuffix(_SUFFIX)
        path = ".gitignore" if path == "gitignore" else path
        yield Path(_renamed(path, name)), _renamed(file.read_text(encoding="utf-8"), name)


def _renamed(text: str, name: str) -> str:
    words = name.replace("-", " ")
    for ours, theirs in {
        "my_plugin": _module(name),
        "MY_PLUGIN": _module(name).upper(),
        "my-plugin": name,
        "My plugin": words.capitalize(),
        "my plugin": words,
    }.items():
        text = text.replace(ours, theirs)
    return text


def _module(name: str) -> str:
    return name.replace("-", "_")


def _check(name: str) -> None:
    """Abort unless a plugin can have this name."""
    if not _NAME.fullmatch(name) or len(name) > 40:
        abort(
            f"A plugin cannot be called '{name}'. Use lower-case letters and digits, and hyphens"
            " between words, such as solar-forecasts; 40 characters at most."
        )
    module = _module(name)
    if keyword.iskeyword(module) or keyword.issoftkeyword(module) or module == "tests":
        abort(f"A plugin cannot be called '{name}', as that word means something to Python.")
    if importlib.util.find_spec(module) is not None:
        abort(f"A plugin cannot be called '{name}': there is a module {module} already.")
    if name in _taken():
        abort(f"A plugin cannot be called '{name}': FlexMeasures has a page or command of it.")


def _taken() -> set[str]:
    """First parts of addresses, and names of commands and groups."""
    from flask import current_app

    rules = {rule.rule.split("/")[1] for rule in current_app.url_map.iter_rules()}
    return rules | set(current_app.cli.list_commands(click.get_current_context()))
