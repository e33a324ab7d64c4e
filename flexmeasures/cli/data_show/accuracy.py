"""`flexmeasures show accuracy`"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from flexmeasures.cli.data_show.formats import Listing, format_option, print_json, print_listing
from flexmeasures.cli.utils import MsgStyle, abort, warn
from flexmeasures.cli.values import length_of
from flexmeasures.data.schemas.accuracy import HoursField
from flexmeasures.data.schemas.sensors import SensorIdField
from flexmeasures.data.schemas.sources import DataSourceIdField
from flexmeasures.data.schemas.times import AwareDateTimeField, DurationField
from flexmeasures.data.schemas.utils import FMValidationError

if TYPE_CHECKING:
    import isodate

    from flexmeasures.data.models.data_sources import DataSource
    from flexmeasures.data.models.time_series import Sensor
    from flexmeasures.data.services.accuracy import Accuracy, Score

_REFERENCES = {"persistence": "(the last value)", "yesterday": "(same slot yesterday)"}


@click.command("accuracy")
@click.option(
    "--sensor",
    "--sensor-id",
    "sensor",
    type=SensorIdField(),
    required=True,
    help="Of forecasts for this sensor: its ID.",
)
@click.option(
    "--source",
    "--source-id",
    "sources",
    type=DataSourceIdField(),
    multiple=True,
    help="Only of forecasts by this data source: its ID. Can be given several times.",
)
@click.option(
    "--horizon",
    "horizons",
    type=HoursField(),
    multiple=True,
    help="How long before events could be known they were forecast: hours, or ISO 8601, for example"
    " PT6H. Can be given several times. Defaults to the horizons of forecasting jobs.",
)
@click.option(
    "--start",
    type=AwareDateTimeField(),
    help="Only events that start then or later. ISO 8601 with UTC offset, for example"
    " 2026-11-25T07:00+01:00",
)
@click.option(
    "--end",
    type=AwareDateTimeField(),
    help="Only events that start before. Defaults to the end of the last event that was measured.",
)
@click.option(
    "--duration",
    type=DurationField(),
    help="From start to end. ISO 8601, for example P7D. Without a start, it defaults to 30 days.",
)
@format_option
def show_accuracy(
    sensor: Sensor,
    sources: Sequence[DataSource],
    horizons: Sequence[timedelta],
    start: datetime | None,
    end: datetime | None,
    duration: timedelta | isodate.Duration | None,
    format_: str,
) -> None:
    """Show how accurate forecasts were.

    The forecast of a source is what it believed last about an event, at least the horizon before
    the event could be known. The table shows older beliefs, too, if there was nothing as recent:
    see their mean age in brackets.

    Simple forecasts are measured along with the others. The skill tells what these add to them:
    the part of the errors of a simple forecast that they avoid.

    \b
    Example:
      flexmeasures show accuracy --sensor 2 --horizon 24 --duration P7D
    """
    from flexmeasures.data.schemas.accuracy import AccuracySchema
    from flexmeasures.data.services.accuracy import measure

    if start is not None and end is not None and duration is not None:
        raise click.UsageError("Give two of --start, --end and --duration at most.")
    if duration is not None:
        duration = _fixed(duration, start)
    try:
        found = measure(
            sensor,
            horizons=horizons or None,
            start=start,
            end=end,
            duration=duration,
            sources=sources or None,
        )
    except FMValidationError as error:
        abort(" ".join(error.messages))
    if format_ == "json":
        print_json(AccuracySchema().dump(found))
    elif format_ == "csv":
        print_listing(_records(found), format_)
    elif not found.measured:
        abort(f"No event of {_sensor(found)} was measured {_period(found)}.", MsgStyle.WARN)
    else:
        _print_heading(found)
        print_listing(_table(found), format_)


def _fixed(duration: timedelta | isodate.Duration, start: datetime | None) -> timedelta:
    """Months and years are counted from the start."""
    if start is not None:
        return length_of(duration, start)
    if not isinstance(duration, timedelta):
        raise click.UsageError("A --duration in months or years needs a --start.")
    return duration


def _sensor(found: Accuracy) -> str:
    return f"sensor '{found.sensor.name}' (ID: {found.sensor.id})"


def _period(found: Accuracy) -> str:
    start, end = (moment.isoformat(timespec="minutes") for moment in (found.start, found.end))
    return f"from {start} to {end}"


def _print_heading(found: Accuracy) -> None:
    click.echo(f"Forecasts for {_sensor(found)}, {_period(found)}.")
    for note in found.notes:
        click.echo(note)
    measured_by = ", ".join(source.description for source in found.measured_by)
    click.echo(f"{found.measured} events were measured, by {measured_by}.\n")
    if not found.scores:
        warn("Nobody forecast them so long before. These are simple forecasts, to compare with.\n")


def _table(found: Accuracy) -> Listing:
    """For people. Columns without any value are left out."""
    unit = f" ({found.sensor.unit})" if found.sensor.unit else ""
    columns: dict[str, Callable[[Score], str]] = {
        "Forecasts by": _name,
        "Horizon": _horizon,
        "Events": lambda score: str(score.errors.events),
        "Not forecast": lambda score: str(score.without_forecast or ""),
        "Not measured": lambda score: str(score.without_measurement or ""),
        f"MAE{unit}": lambda score: _number(score.errors.mae),
        f"RMSE{unit}": lambda score: _number(score.errors.rmse),
        f"Bias{unit}": lambda score: _number(score.errors.bias),
        "WAPE": lambda score: _percent(score.errors.wape),
        "Accuracy (1 - WAPE)": lambda score: _percent(score.errors.accuracy),
        "Skill: last value": lambda score: _percent(score.skill.get("persistence")),
        "Skill: yesterday": lambda score: _percent(score.skill.get("yesterday")),
        "In band": _band,
        f"Pinball loss{unit}": lambda score: _number(score.pinball),
        "Remark": lambda score: score.errors.reason or "",
    }
    scores = [*found.scores, *found.references]
    cells = {header: [show(score) for score in scores] for header, show in columns.items()}
    shown = {header: texts for header, texts in cells.items() if any(texts)}
    return Listing(dict.fromkeys(shown), [*zip(*shown.values(), strict=True)])


def _records(found: Accuracy) -> Listing:
    """For programs: a row per forecaster and horizon."""
    columns: dict[str, Callable[[Score], object]] = {
        "source_id": lambda score: score.source and score.source.id,
        "source": lambda score: score.source.description if score.source else score.reference,
        "horizon": lambda score: score.horizon,
        "belief_horizon": lambda score: score.belief_horizon,
        "events": lambda score: score.errors.events,
        "events_without_forecast": lambda score: score.without_forecast,
        "events_without_measurement": lambda score: score.without_measurement,
        "mae": lambda score: score.errors.mae,
        "rmse": lambda score: score.errors.rmse,
        "bias": lambda score: score.errors.bias,
        "wape": lambda score: score.errors.wape,
        "accuracy": lambda score: score.errors.accuracy,
        "band_nominal": lambda score: score.band and score.band.nominal,
        "band_coverage": lambda score: score.band and score.band.coverage,
        "band_events": lambda score: score.band and score.band.events,
        "pinball_loss": lambda score: score.pinball,
        "skill_persistence": lambda score: score.skill.get("persistence"),
        "skill_yesterday": lambda score: score.skill.get("yesterday"),
        "reason": lambda score: score.errors.reason,
    }
    return Listing(
        dict.fromkeys(columns),
        [
            [value(score) for value in columns.values()]
            for score in [*found.scores, *found.references]
        ],
        [*columns],
    )


def _name(score: Score) -> str:
    if score.source is None:
        return _REFERENCES[str(score.reference)]
    return f"{score.source.description} (ID: {score.source.id})"


def _horizon(score: Score) -> str:
    """What was asked for, and in brackets what was found, if that is older."""
    if score.belief_horizon is None or _hours(score.belief_horizon) == _hours(score.horizon):
        return _hours(score.horizon)
    return f"{_hours(score.horizon)} ({_hours(score.belief_horizon)})"


def _hours(length: timedelta) -> str:
    return f"{round(length / timedelta(hours=1), 1):g} h"


def _band(score: Score) -> str:
    """How many events were in the band, and how many should be."""
    if score.band is None:
        return ""
    return f"{_percent(score.band.coverage)} of {score.band.nominal:.0%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
