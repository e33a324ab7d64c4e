"""Tables for people, and all figures for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.forecasting.evaluation import REFERENCE, Cell, Cost


def tables(cells: Sequence[Cell], costs: Sequence[Cost]) -> str:
    """Everything as text."""
    parts = [accuracy(cells), ratios(cells)]
    if costs:
        parts += [bands(cells), times(costs)]
    return "\n\n".join(parts)


def accuracy(cells: Sequence[Cell]) -> str:
    rows = _grid(cells, lambda cell: f"{100 * (1 - cell.wape):.1f}" + _mark(cell))
    means = ["mean", "", *(f"{100 * (1 - _mean_wape(cells, m)):.1f}" for m in models_of(cells))]
    return (
        "100 x (1 - WAPE); * not better than the best baseline; "
        "? some events unanswered, scored with the seasonal naive forecast\n"
        + _text([*rows, means])
    )


def ratios(cells: Sequence[Cell]) -> str:
    rows = _grid(cells, lambda cell: f"{cell.ratio:.3f}")
    of_means = ["of the mean WAPEs", ""]
    mean = ["mean of the ratios", ""]
    for model in models_of(cells):
        of_means.append(f"{_ratio_of_means(cells, model):.3f}")
        mean.append(f"{_mean([cell.ratio for cell in _own(cells, model)]):.3f}")
    return f"WAPE / WAPE of {REFERENCE}\n" + _text([*rows, of_means, mean])


def bands(cells: Sequence[Cell]) -> str:
    judged = [cell for cell in cells if cell.beaten is not None]
    rows = _grid(judged, lambda cell: f"{100 * cell.coverage:.1f} ({cell.width:.2f})")
    means = ["mean", ""]
    for model in models_of(judged):
        own = _own(judged, model)
        inside = np.array([cell.coverage for cell in own])
        width = np.array([cell.width for cell in own])
        means.append(f"{100 * _mean(inside):.1f} ({_mean(width):.2f})")
    return "% of events inside the 90 % band (its mean width by mean |value|)\n" + _text(
        [*rows, means]
    )


def times(costs: Sequence[Cost]) -> str:
    head = ["series", "model", "fits", "s/fit", "max", "s/block", "peak MB"]
    rows = [
        [
            cost.series,
            cost.model,
            str(cost.fits),
            f"{cost.fit_seconds:.2f}",
            f"{cost.fit_seconds_max:.2f}",
            f"{cost.predict_seconds:.2f}",
            f"{cost.peak_megabytes:.0f}",
        ]
        for cost in costs
    ]
    return "What it took\n" + _text([head, *rows])


def remarks(costs: Sequence[Cost]) -> str:
    """What models said of their fits, with how often."""
    lines = ["What models said (number of fits)"]
    for cost in costs:
        lines += [
            f"{cost.series}  {cost.model}  {times:4}  {note}" for note, times in cost.notes.items()
        ]
    return "\n".join(lines)


def write_json(path: Path, options: dict[str, Any], cells: list[Cell], costs: list[Cost]) -> None:
    models = models_of(cells)
    document = {
        "options": options,
        "cells": [_without_nan(asdict(cell)) for cell in cells],
        "costs": [_without_nan(asdict(cost)) for cost in costs],
        "mean_wape": {model: _mean_wape(cells, model) for model in models},
        "ratio_of_means": {model: _ratio_of_means(cells, model) for model in models},
    }
    path.write_text(json.dumps(document, indent=1) + "\n")


def models_of(cells: Sequence[Cell]) -> list[str]:
    return list(dict.fromkeys(cell.model for cell in cells))


def _own(cells: Sequence[Cell], model: str) -> list[Cell]:
    return [cell for cell in cells if cell.model == model]


def _mean_wape(cells: Sequence[Cell], model: str) -> float:
    return _mean([cell.wape for cell in _own(cells, model)])


def _ratio_of_means(cells: Sequence[Cell], model: str) -> float:
    return _mean_wape(cells, model) / _mean_wape(cells, REFERENCE)


def _mean(numbers: Any) -> float:
    """Of those that there are."""
    there = np.asarray(numbers, np.float64)
    there = there[~np.isnan(there)]
    return float(there.mean()) if len(there) else float("nan")


def _mark(cell: Cell) -> str:
    return ("" if cell.beaten in (None, True) else "*") + ("?" if cell.answered < 1 else "")


def _grid(cells: Sequence[Cell], write: Any) -> list[list[str]]:
    models = models_of(cells)
    by_key = {(cell.series, cell.horizon, cell.model): cell for cell in cells}
    rows = [["series", "h", *models]]
    for series, hours in dict.fromkeys((cell.series, cell.horizon) for cell in cells):
        found = [by_key.get((series, hours, model)) for model in models]
        rows.append([series, str(hours), *(write(cell) if cell else "" for cell in found)])
    return rows


def _text(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        words = [row[0].ljust(widths[0])]
        words += [word.rjust(width) for word, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(words).rstrip())
    return "\n".join(lines)


def _without_nan(record: dict[str, Any]) -> dict[str, Any]:
    return {key: None if value != value else value for key, value in record.items()}
