"""`flexmeasures edit attribute`"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import click

from flexmeasures.cli.utils import MsgStyle
from flexmeasures.cli.values import ids_of, parse_json


def _json(kind: type) -> Callable[[click.Context, click.Parameter, str | None], Any]:
    """Callback of an option whose value is a text in JSON, of a list or of a dict."""

    def parse(_: click.Context, parameter: click.Parameter, text: str | None) -> Any:
        if text is None:
            return None
        value = parse_json(text, parameter.opts[0])
        if not isinstance(value, kind):
            raise click.BadParameter(f"This is no {kind.__name__} in JSON.", param=parameter)
        return value

    return parse


def _text(_: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    from marshmallow import ValidationError

    from flexmeasures.data.schemas.texts import storable

    if parameter.name == "name" and not (text or "").strip():
        raise click.BadParameter("An attribute has a name.", param=parameter)
    try:
        return None if text is None else storable(text)
    except ValidationError as error:
        raise click.BadParameter("; ".join(error.messages), param=parameter) from error


def _number(_: click.Context, parameter: click.Parameter, number: float | None) -> float | None:
    if number is not None and not math.isfinite(number):
        raise click.BadParameter("JSON knows finite numbers only.", param=parameter)
    return number


@click.command("attribute")
@click.option(
    "--asset-id",
    "asset_ids",
    type=int,
    multiple=True,
    callback=ids_of("asset"),
    help="Set the attribute of this asset. Can be given several times.",
)
@click.option(
    "--sensor-id",
    "sensor_ids",
    type=int,
    multiple=True,
    callback=ids_of("sensor"),
    help="Set the attribute of this sensor. Can be given several times.",
)
@click.option(
    "--attribute", "name", required=True, callback=_text, help="Name of the attribute to set."
)
@click.option("--float", "float_value", type=float, callback=_number, help="A number.")
@click.option("--bool", "bool_value", type=bool, help="True or false.")
@click.option("--str", "str_value", callback=_text, help="A text.")
@click.option("--int", "int_value", type=int, help="A whole number.")
@click.option("--list", "list_value", callback=_json(list), help="A list, in JSON.")
@click.option("--dict", "dict_value", callback=_json(dict), help="A dict, in JSON.")
@click.option("--null", "null_value", is_flag=True, help="No value: null.")
def edit_attribute(
    asset_ids: tuple[int, ...], sensor_ids: tuple[int, ...], name: str, **values: Any
) -> None:
    """Edit (or add) an attribute of assets and sensors.

    \b
    Example:
      flexmeasures edit attribute --sensor-id 1 --attribute capacity_in_mw --float 0.5
      flexmeasures edit attribute --asset-id 1 --attribute sensors_to_show --list "[1, [2, 3]]"
    """
    from marshmallow import ValidationError

    from flexmeasures.data.config import db
    from flexmeasures.data.services.attributes import set_attribute

    if not asset_ids and not sensor_ids:
        raise ValueError("Missing flag: pass at least one --asset-id or --sensor-id.")
    value = parse_attribute_value(**values)
    try:
        set_attribute(name, value, asset_ids=asset_ids, sensor_ids=sensor_ids)
    except ValidationError as error:
        raise click.UsageError(f"{name}: {'; '.join(map(str, error.messages))}") from error
    db.session.commit()
    click.secho("Successfully edited/added attribute.", **MsgStyle.SUCCESS)


def parse_attribute_value(null_value: bool = False, **values: Any) -> Any:
    """The only one of these values that is not None; or None, if that is what the flag says.

    Raises ValueError unless exactly one is given.
    """
    given = [value for value in values.values() if value is not None]
    if not single_true([null_value, *(True for _ in given)]):
        raise ValueError(
            "Cannot set multiple values simultaneously. Pass exactly one of --float, --bool, --str,"
            f" --int, --list, --dict and --null; {len(given) + null_value} were given."
        )
    return None if null_value else given[0]


def single_true(values: Iterable[Any]) -> bool:
    """Is exactly one of them true?

    >>> single_true([False, True, False]), single_true([True, True]), single_true([])
    (True, False, False)
    """
    return sum(map(bool, values)) == 1
