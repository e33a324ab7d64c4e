"""Reading what options say: ids, moments and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flexmeasures.cli.utils import abort

if TYPE_CHECKING:
    from datetime import datetime, timedelta


def ids_of(noun: str) -> Callable[[click.Context, click.Parameter, Sequence[int]], tuple[int, ...]]:
    """Callback of an option that takes several ids: refuses those that are not stored.

    noun : account, asset or sensor. One statement looks them all up.
    """

    def check(_: click.Context, parameter: click.Parameter, ids: Sequence[int]) -> tuple[int, ...]:
        from flexmeasures.data.schemas.ids import missing_ids

        if ids and (missing := missing_ids(_model(noun), ids)):
            raise click.BadParameter(f"No {noun} found with id {missing[0]}.", param=parameter)
        return tuple(dict.fromkeys(ids))

    return check


def _model(noun: str) -> Any:
    from flexmeasures.data.models.generic_assets import GenericAsset
    from flexmeasures.data.models.time_series import Sensor
    from flexmeasures.data.models.user import Account

    return {"account": Account, "asset": GenericAsset, "sensor": Sensor}[noun]


def parse_moment(text: str, timezone: str, option: str) -> datetime:
    """The moment that a text means: a day, or a day and time, of which pandas reads many spellings.

    timezone : counts if the text has no UTC offset
    option : is blamed if this is no moment
    """
    import pandas as pd

    from flexmeasures.data.schemas.times import FIRST_YEAR, LAST_YEAR

    try:
        moment = pd.Timestamp(text).floor("us")
        if moment is pd.NaT:
            raise ValueError("it says nothing")
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise ValueError(f"years from {FIRST_YEAR} to {LAST_YEAR} can be used")
        if moment.tzinfo is None:
            # Where the clock shows it twice, the first is meant; after a gap, if within it.
            moment = moment.tz_localize(timezone, ambiguous=True, nonexistent="shift_forward")
    except (ValueError, TypeError, OverflowError) as error:
        raise click.BadParameter(
            f"'{text}' is no time such as 2026-11-25T07:00+01:00 ({error}).", param_hint=option
        ) from error
    return moment.to_pydatetime()


def length_of(duration: Any, start: datetime) -> timedelta:
    """How long a window is that starts there. A usage error unless it takes time, and not too much.

    duration : months and years of it are counted on the calendar
    """
    from flexmeasures.data.schemas.times import LAST_YEAR, DurationField

    try:
        length: timedelta = DurationField.ground_from(duration, start)
        ends_in = (start + length).year
    except (ValueError, OverflowError) as error:
        raise click.UsageError("'--duration' is too long.") from error
    if length <= length * 0:
        raise click.UsageError("'--duration' must be longer than PT0M.")
    if ends_in > LAST_YEAR:
        raise click.UsageError(f"'--duration' is too long: years until {LAST_YEAR} can be used.")
    return length


def existing_file(as_path: bool = False) -> click.Path:
    """Type of a parameter that names a file to read."""
    path = click.Path(exists=True, dir_okay=False, path_type=Path if as_path else None)
    path.name = "path"  # so messages say "Path '...' does not exist.", as scripts may expect
    return path


def parse_json(text: str, option: str) -> Any:
    """What a text in JSON says; the command ends if it is none, or cannot be stored."""
    from marshmallow import ValidationError

    from flexmeasures.data.schemas.texts import JSON

    try:
        json.loads(text)
        return JSON().deserialize(text)
    except (ValueError, RecursionError, ValidationError) as error:
        abort(f"Error decoding {option}. Please check your JSON: {error}")


def check_errors(errors: Mapping[str, Any]) -> None:
    """Abort if a schema has found errors."""
    if errors:
        abort(
            f"Please correct the following errors:\n{dict(errors)}\n"
            " Use the --help flag to learn more."
        )
