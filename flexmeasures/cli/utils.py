"""How commands speak: colours, warnings, tables and questions.

Results go to stdout; warnings, notices and errors to stderr, so that results can be piped. Colours
are for terminals only.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence
from opcode import opmap
from typing import Any, ClassVar, NoReturn

import click


class MsgStyle:
    """Styles of messages, for example `click.secho("Done.", **MsgStyle.SUCCESS)`"""

    SUCCESS: ClassVar[dict[str, Any]] = {"fg": "green"}
    WARN: ClassVar[dict[str, Any]] = {"fg": "yellow"}
    ERROR: ClassVar[dict[str, Any]] = {"fg": "red"}


def warn(message: str) -> None:
    """Tell what deserves attention, and go on."""
    click.secho(message, **MsgStyle.WARN, err=True)


def abort(message: str, style: dict[str, Any] = MsgStyle.ERROR) -> NoReturn:
    """Tell why the command cannot do its work, and end it with exit code 1."""
    click.secho(message, **style, err=True)
    raise click.Abort


def check_timezone(timezone: str) -> None:
    """Abort unless this is the name of a timezone."""
    from flexmeasures.utils.time_utils import timezone_names

    if timezone not in timezone_names():
        abort(f"Timezone {timezone} is unknown! An example of a known one is Europe/Amsterdam.")


def is_for_people(error: BaseException) -> bool:
    """Does the text of this error tell a person what is wrong, so that no traceback is needed?

    So do our own kinds of errors, and ValueErrors that our code itself raises (not something that
    it calls).
    """
    if type(error).__module__.partition(".")[0] == "flexmeasures":
        return True
    traceback = error.__traceback__
    if not isinstance(error, ValueError) or traceback is None:
        return False
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    frame = traceback.tb_frame
    in_our_code = frame.f_globals.get("__name__", "").partition(".")[0] == "flexmeasures"
    return in_our_code and frame.f_code.co_code[traceback.tb_lasti] == opmap["RAISE_VARARGS"]


def confirm(question: str, force: bool = False) -> None:
    """Go on only if the user says yes (or said so before, by an option such as --force)."""
    if not force:
        click.confirm(question, abort=True, err=True)


def print_table(rows: Sequence[Sequence[object]], headers: Sequence[str]) -> None:
    """Show a table, on a terminal in its width."""
    click.echo(table(rows, headers, terminal_width()))


def terminal_width() -> int | None:
    """How many characters fit in a line of the terminal; None elsewhere."""
    shown = sys.stdout is not None and sys.stdout.isatty()  # None: closed by who started us
    return shutil.get_terminal_size().columns if shown else None


def table(
    rows: Sequence[Sequence[object]], headers: Sequence[str], width: int | None = None
) -> str:
    """The text of a table whose cells are shown as they are: version 1.0 stays 1.0.

    width : characters in which to fit the table. The widest columns are wrapped; if that would
        leave too little of them, each row is shown by itself, with a line per cell

    >>> print(table([(1, "oven", "1.0"), (10, "kettle", None)], ["ID", "Name", "Version"]))
      ID  Name    Version
    ----  ------  ---------
       1  oven    1.0
      10  kettle

    >>> print(table([(1, "oven", "1.0"), (10, "kettle", None)], ["ID", "Name", "Version"], 18))
    ID       1
    Name     oven
    Version  1.0
    <BLANKLINE>
    ID       10
    Name     kettle
    Version
    """
    from tabulate import tabulate

    columns = range(len(headers))
    texts = [n for n in columns if any(not isinstance(row[n], (int, type(None))) for row in rows)]
    widths: list[int | None] = [None] * len(headers)
    if width is not None:
        fitting = _fit_columns(rows, headers, width)
        if fitting is None:
            return _blocks(rows, headers, width)
        widths = fitting
    return tabulate(
        rows,
        headers,
        tablefmt="simple",
        disable_numparse=texts,
        maxcolwidths=widths,
        maxheadercolwidths=[
            len(header) or 1 if given is None else given - _PADDING
            for header, given in zip(headers, widths, strict=True)
        ],
    )


_PADDING = 2  # what tabulate adds to a header, and puts between columns
_LEAST = 10  # characters of a column


def _fit_columns(
    rows: Sequence[Sequence[object]], headers: Sequence[str], width: int
) -> list[int | None] | None:
    """How many characters each column may take; None where all it has to say fits.

    None if they don't fit, however the widest ones are wrapped.
    """
    wanted, least = [], []
    for header, *cells in zip(headers, *rows, strict=True):
        longest = max((len(line) for cell in cells for line in str(cell).splitlines()), default=0)
        wanted.append(max(longest, len(header) + _PADDING))
        word = max(map(len, header.split()), default=0) + _PADDING
        least.append(min(max(_LEAST, word), wanted[-1]))
    given = list(wanted)
    room = width - _PADDING * (len(headers) - 1)
    if sum(least) > room:
        return None
    while sum(given) > room:
        shrinking = [n for n in range(len(given)) if given[n] > least[n]]
        given[max(shrinking, key=given.__getitem__)] -= 1
    return [None if has == wants else has for has, wants in zip(given, wanted, strict=True)]


def _blocks(rows: Sequence[Sequence[object]], headers: Sequence[str], width: int) -> str:
    """Each row by itself, a cell a line, wrapped beside its header."""
    margin = max(map(len, headers)) + _PADDING
    blocks = []
    for row in rows:
        lines: list[str] = []
        for header, cell in zip(headers, row, strict=True):
            parts = [
                part
                for line in ("" if cell is None else str(cell)).splitlines()
                for part in textwrap.wrap(line, max(width - margin, _LEAST))
            ]
            lines.append(f"{header:{margin}}{parts[0] if parts else ''}".rstrip())
            lines += [" " * margin + part for part in parts[1:]]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


class DeprecatedDefaultGroup(click.Group):
    """A group that grew out of a single command, whose old form still works.

    When options follow the group's own name (`add schedule --sensor-id 1`), the command `default`
    gets them, after a warning.
    """

    def __init__(
        self, *args: Any, default: str = "", deprecation_message: str = "", **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.default = default
        self.deprecation_message = deprecation_message

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own_options = {name for option in self.get_params(ctx) for name in option.opts}
        if args and args[0].startswith("-") and args[0] not in own_options:
            if not ctx.resilient_parsing:
                click.secho(
                    f"DeprecationWarning: {self.deprecation_message}", **MsgStyle.ERROR, err=True
                )
            args = [self.default, *args]
        return super().parse_args(ctx, args)
