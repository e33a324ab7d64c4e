"""Plots of time series in the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from flexmeasures.cli.utils import terminal_width

if TYPE_CHECKING:
    import numpy as np

WIDTH = 60  # in characters, within the frame
_NARROWEST, _BESIDE = 20, 20  # the latter for the frame, and for numbers and unit beside it
HEIGHT = 17
_PLAIN_FRAME = str.maketrans("┌┐└┘─│▁▏", "++++-|_|")


def plot(series: Mapping[str, np.ndarray], unit: str | None = None) -> None:
    """Print lines, one a name, over the index of their values (from 1).

    Parameters
    ----------
    series : by legend label, values at equidistant times; NaN leaves a gap
    unit : shown on the y-axis
    """
    from uniplot import plot_to_string

    coloured = sys.stdout is not None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    text = plot_to_string(
        list(series.values()),
        lines=True,
        y_unit=f" {unit}" if unit else "",
        legend_labels=list(series),
        color=coloured,
        character_set="block" if _prints("█▞│") else "ascii",
        width=_width(),
        height=HEIGHT,
    )
    if not _prints(text):
        text = text.translate(_PLAIN_FRAME).encode("ascii", "replace").decode()
    click.echo(text)


def _width() -> int:
    room = terminal_width()
    return WIDTH if room is None else max(_NARROWEST, min(WIDTH, room - _BESIDE))


def _prints(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
