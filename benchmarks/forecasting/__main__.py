"""make benchmark-forecasting ARGS="..." """

from __future__ import annotations

import argparse
import os
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from benchmarks.forecasting import datasets, report
from benchmarks.forecasting.evaluation import Cell, Cost, Scope, evaluate

DATA = "FLEXMEASURES_BENCHMARK_DATA"


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    scope = Scope(
        horizons=options.horizons,
        refit_days=options.refit,
        fraction=options.fraction,
        first=options.first,
        last=options.last,
        modes=options.regressors,
        through_database=options.through_database,
    )
    cells: list[Cell] = []
    costs: list[Cost] = []
    try:
        with product(scope):
            for path in datasets.find(options.data, options.series):
                dataset = datasets.read(path, options.timezone)
                for found in evaluate(dataset, options.models, scope, tell):
                    (cells if isinstance(found, Cell) else costs).append(found)  # type: ignore[arg-type]
    except datasets.NoData as missing:
        tell(str(missing))
        return 2
    print(report.tables(cells, costs))
    if options.notes:
        print("\n" + report.remarks(costs))
    if options.json:
        said = {name: str(value) for name, value in vars(options).items() if name != "data"}
        report.write_json(options.json, said, cells, costs)
    return 0


def product(scope: Scope) -> AbstractContextManager[None]:
    """The product's surroundings, if they are needed."""
    if not scope.through_database:
        return nullcontext()
    from benchmarks.forecasting.product import throwaway_product

    return throwaway_product()


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.forecasting",
        description="Rolling-origin evaluation of forecasts on the last part of measured series.",
    )
    add = parser.add_argument
    folder = os.environ.get(DATA)
    add("--data", type=Path, default=folder and Path(folder), help=f"folder (or set {DATA})")
    add("--series", type=words, default=(), help="names of files, by commas; default: all")
    add("--models", type=words, default=(), help="search terms, or module:attribute; by commas")
    add("--regressors", type=modes, default=("forecast",), help="none, forecast, perfect")
    add("--horizons", type=whole, default=(1, 6, 24, 48), help="hours before the event's end")
    add("--refit", type=days, default=7, help="days between fits, for instance 7d")
    add("--fraction", type=float, default=0.25, help="the last part, which is scored")
    add("--from", dest="first", help="the first event that is scored; instead of --fraction")
    add("--until", dest="last", help="the first event that is not scored any more")
    add("--timezone", default="UTC", help="the clock for files whose zone is not known")
    add("--through-database", action="store_true", help="let the product forecast, too")
    add("--json", type=Path, help="a file for all figures")
    add("--notes", action="store_true", help="tell what models said, too")
    return parser.parse_args(arguments)


def words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def whole(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in words(text))


def days(text: str) -> int:
    return max(1, int(text.removesuffix("d")))


def modes(text: str) -> tuple[str, ...]:
    unknown = set(words(text)) - set(datasets.MODES)
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not in {datasets.MODES}")
    return words(text)


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
