"""How far long work is, on terminals. Elsewhere, and about short work, nothing is said."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

_STEPS = 1000
_WIDEST = 36  # characters, of the bar itself
_ROOM = 28  # for what stands around it, besides the label


@contextmanager
def progress(label: str) -> Iterator[Callable[[float], None]]:
    """A bar on stderr, for work that tells what part of it is done, from 0 to 1.

    It appears when work is told to be under way, so not if all was done at once.
    """
    bar: ProgressBar[int] | None = None
    with ExitStack() as stack:

        def tell(done: float) -> None:
            nonlocal bar
            if not sys.stderr.isatty():
                return
            if bar is None:
                if done >= 1:
                    return
                room = shutil.get_terminal_size().columns - len(label) - _ROOM
                bar = stack.enter_context(
                    click.progressbar(
                        length=_STEPS,
                        label=label,
                        width=max(1, min(room, _WIDEST)),
                        file=sys.stderr,
                    )
                )
            bar.update(round(done * _STEPS) - bar.pos)

        yield tell


@contextmanager
def waiting(label: str, after: float = 1) -> Iterator[None]:
    """How long it takes by now, on stderr, for work that cannot tell how far it is.

    after : seconds of silence, since most work is done by then
    """
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    teller = threading.Thread(target=_tell_time, args=(label, after, done), daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def _tell_time(label: str, after: float, done: threading.Event) -> None:
    start, line = time.monotonic(), ""
    while not done.wait(after):
        line = f"{label} ... {time.monotonic() - start:.0f} s"[: shutil.get_terminal_size().columns]
        click.echo(f"\r{line}", err=True, nl=False)
    if line:
        click.echo(f"\r{' ' * len(line)}\r", err=True, nl=False)
