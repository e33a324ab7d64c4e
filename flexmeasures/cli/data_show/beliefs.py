"""`flexmeasures show beliefs`"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from flexmeasures.cli.data_show.formats import FORMATS, Listing, print_json, print_listing
from flexmeasures.cli.utils import MsgStyle, abort, check_timezone, warn
from flexmeasures.cli.values import length_of
from flexmeasures.data.schemas.sensors import SensorIdField
from flexmeasures.data.schemas.sources import DataSourceIdField
from flexmeasures.data.schemas.times import AwareDateTimeField, DurationField

if TYPE_CHECKING:
    import pandas as pd

    from flexmeasures.data.models.data_sources import DataSource
    from flexmeasures.data.models.time_series import Sensor


@click.command("beliefs")
@click.option(
    "--sensor-id",
    "sensors",
    type=SensorIdField(),
    required=True,
    multiple=True,
    help="Plot this sensor. Can be given several times.",
)
@click.option(
    "--start",
    type=AwareDateTimeField(),
    required=True,
    help="Plot from here. ISO 8601 with UTC offset, for example 2026-11-25T07:00+01:00",
)
@click.option(
    "--duration",
    type=DurationField(),
    required=True,
    help="Plot for so long. ISO 8601, for example PT12H",
)
@click.option(
    "--belief-time-before",
    "belief_time_before",
    type=AwareDateTimeField(),
    help="Plot only what was believed at this time. ISO 8601 with UTC offset.",
)
@click.option(
    "--source-id", "source", type=DataSourceIdField(), help="Plot only beliefs of this source."
)
@click.option(
    "--resolution",
    type=DurationField(),
    help="Average or repeat values to this resolution. Defaults to the finest of the sensors'.",
)
@click.option(
    "--timezone",
    "to_timezone",
    help="Timezone of what goes to the file, or is shown as text. Defaults to the first sensor's.",
)
@click.option("--to-file", "filepath", type=click.Path(), help="Also save the data, as CSV.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["plot", *FORMATS]),
    default="plot",
    help="Show a plot or a table for people, or CSV or JSON for programs. Defaults to plot.",
)
def plot_beliefs(
    sensors: Sequence[Sensor],
    start: datetime,
    duration: Any,
    belief_time_before: datetime | None,
    source: DataSource | None,
    resolution: Any,
    to_timezone: str | None,
    filepath: str | None,
    format_: str = "plot",
) -> None:
    """Plot beliefs about the events of one or more sensors.

    \b
    Example:
      flexmeasures show beliefs --sensor-id 2 --start 2026-11-25T00:00+01:00 --duration PT24H
    """
    if to_timezone is not None:
        check_timezone(to_timezone)
    duration = length_of(duration, start)
    if resolution is None:
        resolution = min(
            (sensor.event_resolution for sensor in sensors if sensor.event_resolution),
            default=timedelta(0),
        )
    else:
        resolution = DurationField.ground_from(resolution, start)
    values = _search(sensors, start, start + duration, belief_time_before, source, resolution)
    shown = list(values)

    timezone = to_timezone or shown[0].timezone
    if format_ == "json":
        print_json(_objects(values, timezone))
    elif format_ == "plot":
        _print_plot_heading(shown, start, duration, belief_time_before, source, resolution)
        _plot(values)
    else:
        print_listing(_listing(values, timezone), format_)
    if filepath is not None:
        try:
            _save(values, timezone, filepath)
        except OSError as error:
            abort(f"Cannot save the data to {filepath}: {error.strerror or error}.")
        click.secho("Data saved to file.", **MsgStyle.SUCCESS, err=format_ in ("csv", "json"))


def _search(
    sensors: Sequence[Sensor],
    start: datetime,
    end: datetime,
    known_at: datetime | None,
    source: DataSource | None,
    resolution: timedelta,
) -> dict[Sensor, pd.Series]:
    """One value per step of the window, by sensor; sensors without any are left out."""
    import pandas as pd

    from flexmeasures.data.beliefs.search import search

    found = search(
        sensors,
        event_starts_after=start,
        event_ends_before=end,
        beliefs_before=known_at,
        source=source,
        one_deterministic_belief_per_event=True,
        resolution=resolution or None,
    )
    values = {}
    for sensor, beliefs in found.items():
        if beliefs["event_value"].isna().all():
            warn(f"No data found for sensor '{sensor.name}' (ID: {sensor.id})")
        else:
            values[sensor] = beliefs["event_value"].droplevel(
                ["belief_time", "source", "cumulative_probability"]
            )
    if not values:
        abort("No data found!", MsgStyle.WARN)
    # All sensors share the moments at which any has a value, and the steps at which none has.
    moments = pd.DatetimeIndex([], tz="UTC")
    for series in values.values():
        moments = moments.union(series.index.tz_convert("UTC"))
    if resolution:
        moments = moments.union(_steps(start, end, resolution, next(iter(values)).timezone))
    return {sensor: series.reindex(moments) for sensor, series in values.items()}


def _steps(
    start: datetime, end: datetime, resolution: timedelta, timezone: str
) -> pd.DatetimeIndex:
    """Where events of this resolution start that lie in the window, by the timezone's clock."""
    import pandas as pd

    from flexmeasures.data.beliefs.resample import local_edges
    from flexmeasures.data.beliefs.rows import microseconds

    first, last = microseconds(start), microseconds(end)
    edges = local_edges(first, last, microseconds(resolution), timezone, start)
    starts, ends = edges[:-1], edges[1:]
    return pd.to_datetime(starts[(starts >= first) & (ends <= last)], unit="us", utc=True)


def _print_plot_heading(
    sensors: Sequence[Sensor],
    start: datetime,
    duration: timedelta,
    known_at: datetime | None,
    source: DataSource | None,
    resolution: timedelta,
) -> None:
    import humanize

    if len(sensors) == 1:
        click.echo(f"Beliefs for Sensor '{sensors[0].name}' (ID {sensors[0].id}).")
    else:
        names = ", ".join(sensor.name for sensor in sensors)
        ids = ", ".join(str(sensor.id) for sensor in sensors)
        click.echo(f"Beliefs for Sensor(s) [{names}], (ID(s): [{ids}]).")
    click.echo(f"Data spans {humanize.naturaldelta(duration)} and starts at {start}.")
    if known_at is not None:
        click.echo(f"Only beliefs made before: {known_at}.")
    if source is not None:
        click.echo(f"Source: {source.description}")
    click.echo(f"The time resolution (x-axis) is {humanize.naturaldelta(resolution)}.")


def _plot(values: dict[Sensor, pd.Series]) -> None:
    from flexmeasures.cli.plots import plot

    units = {sensor.unit for sensor in values}
    if len(units) > 1:
        warn("The y-axis shows no unit, because the selected sensors do not share the same unit.")
    labels = _labels([*values], with_units=len(units) > 1)
    plot(
        {label: line.to_numpy() for label, line in zip(labels, values.values(), strict=True)},
        unit=units.pop() if len(units) == 1 else None,
    )


def _listing(values: dict[Sensor, pd.Series], timezone: str) -> Listing:
    """A row per event start, a column per sensor."""
    labels = _labels([*values], with_units=True)
    columns = [_numbers(series) for series in values.values()]
    starts = _starts(values, timezone)
    return Listing(
        {"Event start": None, **dict.fromkeys(labels)},
        [*zip(starts, *columns, strict=True)],
        keys=["event_start", *labels],
    )


def _objects(values: dict[Sensor, pd.Series], timezone: str) -> list[dict[str, Any]]:
    """An object per sensor, with its events; those without a value are left out."""
    starts = _starts(values, timezone)
    return [
        {
            "sensor_id": sensor.id,
            "name": sensor.name,
            "unit": sensor.unit,
            "beliefs": [
                {"event_start": start, "event_value": value}
                for start, value in zip(starts, _numbers(series), strict=True)
                if value is not None
            ],
        }
        for sensor, series in values.items()
    ]


def _starts(values: dict[Sensor, pd.Series], timezone: str) -> list[str]:
    """All sensors share them."""
    index = next(iter(values.values())).index.tz_convert(timezone)
    return [moment.isoformat() for moment in index.to_pydatetime()]


def _numbers(series: pd.Series) -> list[float | None]:
    return [None if value != value else value for value in series.tolist()]


def _labels(sensors: Sequence[Sensor], with_units: bool) -> list[str]:
    """What to call each sensor: its name, and what else it takes to tell them apart."""
    names = [sensor.name for sensor in sensors]
    labels = []
    for sensor in sensors:
        label = sensor.name
        if names.count(label) > 1:
            label += f" (ID {sensor.id})"
        labels.append(f"{label} (in {sensor.unit})" if with_units else label)
    return labels


def _save(values: dict[Sensor, pd.Series], to_timezone: str, filepath: str) -> None:
    """CSV with a header row of names, one of units, and event starts in the timezone."""
    import pandas as pd

    table = pd.DataFrame({sensor.id: series for sensor, series in values.items()})
    table.index = table.index.tz_convert(to_timezone)
    table.index.name = None
    # The names of the header's rows stand above the index.
    header = [(sensor.name, sensor.unit) for sensor in values]
    table.columns = pd.MultiIndex.from_tuples(header, names=["event_start", ""])
    table.to_csv(filepath)
