"""`flexmeasures add beliefs`"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

import click

from flexmeasures.cli.progress import progress
from flexmeasures.cli.utils import MsgStyle, abort, check_timezone, warn
from flexmeasures.cli.values import existing_file
from flexmeasures.data.schemas.sensors import SensorIdField

if TYPE_CHECKING:
    from sqlalchemy import String

    from flexmeasures.data.models.data_sources import DataSource
    from flexmeasures.data.models.time_series import Sensor


@click.command("beliefs")
@click.argument("file", type=existing_file(), required=False, metavar="FILE")
@click.option("--file", "file_option", type=existing_file(), hidden=True)
@click.option(
    "--sensor-id",
    "sensor",
    type=SensorIdField(),
    required=True,
    help="Record the beliefs for this sensor.",
)
@click.option(
    "--source",
    required=True,
    help="Whose beliefs these are: the ID of a data source, or a name "
    "(a source of that name and of type 'CLI script' is found or made).",
)
@click.option(
    "--unit",
    help="Unit of the data, for conversion to the sensor's. A minus sign, as in '-kW', flips the "
    "sign of the data. 'datetime' and 'timedelta' say how to read values that are no numbers.",
)
@click.option(
    "--horizon",
    "horizon_in_minutes",
    type=int,
    help="Belief horizon in minutes, for all rows: how long before the events could be known the "
    "beliefs were formed (negative: after). Without it (or --beliefcol), they are formed now.",
)
@click.option(
    "--cp",
    "cumulative_probability",
    type=click.FloatRange(0, 1),
    default=0.5,
    help="Cumulative probability of all values. Defaults to 0.5.",
)
@click.option(
    "--resample/--do-not-resample",
    default=True,
    help="Bring the events to the sensor's resolution: repeated if they are coarser, averaged if "
    "they are finer. Done by default.",
)
@click.option(
    "--allow-overwrite/--do-not-allow-overwrite",
    default=False,
    help="Replace values of the same beliefs (same event, source, horizon and probability).",
)
@click.option(
    "--skiprows",
    type=click.IntRange(0),
    default=1,
    help="Rows to skip at the top. Defaults to 1, a header row.",
)
@click.option(
    "--na-values",
    multiple=True,
    help="Leave out rows with this text. Can be given several times, for example --na-values ''",
)
@click.option(
    "--keep-default-na",
    type=bool,
    default=False,
    help="Whether to read blanks, NaN, NULL and the like as missing values, and keep their rows.",
)
@click.option("--nrows", type=click.IntRange(1), help="Rows to read, after those skipped.")
@click.option(
    "--datecol",
    type=click.IntRange(0),
    default=0,
    help="Column with the start of the events. Columns are numbered from 0, the default.",
)
@click.option(
    "--valuecol", type=click.IntRange(0), default=1, help="Column with values. Defaults to 1."
)
@click.option("--beliefcol", type=click.IntRange(0), help="Column with belief times, if any.")
@click.option("--timezone", help="Timezone of datetimes without a UTC offset.")
@click.option(
    "--filter-column",
    "filter_columns",
    type=click.IntRange(0),
    multiple=True,
    help="Keep only rows with the --filter-value in this column. Can be given several times.",
)
@click.option(
    "--filter-value",
    "filter_values",
    multiple=True,
    help="See --filter-column.",
)
@click.option(
    "--delimiter", default=",", help="[For CSV files] What separates columns. Defaults to a comma."
)
@click.option(
    "--decimal", default=".", help="[For CSV files] The decimal character. Defaults to a point."
)
@click.option("--thousands", help="[For CSV files] The thousands separator, if any.")
@click.option(
    "--sheet_number",
    type=click.IntRange(0),
    help="[For Excel files] The sheet to read, numbered from 0. Defaults to the first.",
)
def add_beliefs(
    file: str | None,
    file_option: str | None,
    sensor: Sensor,
    source: str,
    unit: str | None,
    horizon_in_minutes: int | None,
    cumulative_probability: float,
    resample: bool,
    allow_overwrite: bool,
    skiprows: int,
    na_values: tuple[str, ...],
    keep_default_na: bool,
    nrows: int | None,
    datecol: int,
    valuecol: int,
    beliefcol: int | None,
    timezone: str | None,
    filter_columns: tuple[int, ...],
    filter_values: tuple[str, ...],
    delimiter: str,
    decimal: str,
    thousands: str | None,
    sheet_number: int | None,
) -> None:
    """Add beliefs of a data source about a sensor's events, from a CSV or Excel FILE.

    \b
    Each row has the start of an event and a value:
      2026-11-25T00:00:00,10.5

    \b
    Example:
      flexmeasures add beliefs --sensor-id 2 --source toy-user prices.csv \\
        --timezone Europe/Amsterdam
    """
    from sqlalchemy.exc import IntegrityError

    from flexmeasures.data.config import db
    from flexmeasures.data.services.file_import import (
        FileFormat,
        FileImportError,
        FileOfBeliefs,
        import_beliefs,
    )
    from flexmeasures.utils.time_utils import server_now

    path = file or file_option
    if path is None:
        raise click.UsageError("Missing argument 'FILE'.")
    if file is not None and file_option is not None:
        raise click.UsageError("Give one FILE.")
    if len(filter_columns) != len(filter_values):
        raise click.UsageError("The number of filter columns and filter values should be the same.")
    if timezone is not None:
        check_timezone(timezone)
        if timezone != sensor.timezone:
            warn(
                f"The timezone of the data ({timezone}) differs from the sensor's "
                f"({sensor.timezone})."
            )
    try:
        horizon = None if horizon_in_minutes is None else timedelta(minutes=horizon_in_minutes)
    except OverflowError as error:
        raise click.BadParameter("This is too long.", param_hint="--horizon") from error
    file_format = FileFormat(
        datecol=datecol,
        valuecol=valuecol,
        beliefcol=beliefcol,
        skiprows=skiprows,
        nrows=nrows,
        filters=tuple(zip(filter_columns, filter_values, strict=True)),
        na_values=na_values,
        keep_default_na=keep_default_na,
        delimiter=delimiter,
        decimal=decimal,
        thousands=thousands,
        sheet_number=sheet_number,
        timezone=timezone,
    )
    try:
        beliefs = FileOfBeliefs(
            path,
            sensor,
            parse_source(source),
            file_format,
            now=server_now(),
            unit=unit,
            horizon=horizon,
            cumulative_probability=cumulative_probability,
            resample=resample,
        )
        with progress("Adding beliefs") as tell:
            imported = import_beliefs(beliefs, overwrite=allow_overwrite, progress=tell)
        db.session.commit()
    except FileImportError as error:
        db.session.rollback()
        abort(str(error))
    except IntegrityError as error:
        db.session.rollback()
        text = f"Failed to create beliefs due to the following error: {error.orig}"
        if not allow_overwrite:
            text += "\nAs a possible workaround, use the --allow-overwrite flag."
        abort(text)
    click.secho("Successfully created beliefs", **MsgStyle.SUCCESS)
    click.echo(str(imported))


def parse_source(source: str) -> DataSource:
    """The source with this ID; or, for other texts, of this name and of type CLI script."""
    from flexmeasures.data.services.data_sources import get_or_create_source, get_source_or_none

    if not source.strip():
        abort("A source needs a name (or give the ID of one): see --source.")
    _check_name(source)
    if not (source.isascii() and source.isdigit()):
        return get_or_create_source(source, source_type="CLI script")
    found = get_source_or_none(int(source))
    if found is None:
        abort(f"Failed to find source {source}.")
    return found


def _check_name(source: str) -> None:
    from marshmallow import ValidationError

    from flexmeasures.data.models.data_sources import DataSource
    from flexmeasures.data.schemas.texts import storable

    try:
        storable(source)
    except ValidationError as error:
        raise click.BadParameter("; ".join(error.messages), param_hint="--source") from error
    longest = cast("String", DataSource.__table__.c.name.type).length
    if longest is not None and len(source) > longest:
        raise click.BadParameter(f"A name has {longest} characters at most.", param_hint="--source")
