"""Fields as types of command line options."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from typing import Any

import click
import pytest
from click.testing import CliRunner
from flask import Flask, current_app
from flask.cli import FlaskGroup
from marshmallow import Schema, fields, validate

import flexmeasures.data.schemas as schemas
from flexmeasures.data.schemas.times import AwareDateTimeField, DurationField
from flexmeasures.data.schemas.units import QuantityField
from flexmeasures.data.schemas.utils import (
    FMValidationError,
    MarshmallowClickMixin,
    with_appcontext_if_needed,
)


@click.command()
@click.option("--start", type=AwareDateTimeField(), required=True)
@click.option("--duration", type=DurationField(), default="PT1H")
@click.option(
    "--share",
    "shares",
    type=(QuantityField("%", validate=validate.Range(min=0, max=1)), AwareDateTimeField()),
    multiple=True,
)
def plan(start: datetime, duration: Any, shares: list[tuple[Any, datetime]]) -> None:
    click.echo(f"{start.isoformat()} {duration} {[(str(s), d.hour) for s, d in shares]}")


def test_fields_as_types_of_options() -> None:
    start = "2026-11-25T07:00+01:00"
    result = CliRunner().invoke(plan, ["--start", start, "--share", "50%", start])
    assert result.output == "2026-11-25T07:00:00+01:00 1:00:00 [('50.0 %', 7)]\n"


def test_help_names_the_field() -> None:
    shown = CliRunner().invoke(plan, ["--help"]).output
    assert "--start AwareDateTimeField" in shown
    assert "--duration DurationField" in shown
    assert "--share <QUANTITYFIELD AWAREDATETIMEFIELD>" in shown


def test_in_a_schema_the_field_has_the_name_given_there() -> None:
    class PlanSchema(Schema):
        start = AwareDateTimeField()

    assert PlanSchema().fields["start"].name == "start"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            ["--start", "2026-11-25T07:00"],
            "Invalid value for '--start': Not a valid aware datetime.",
        ),
        (["--start", "noon"], "Invalid value for '--start': Not a valid datetime."),
        (
            ["--start", "2026-11-25T07:00Z", "--duration", "1h"],
            "Invalid value for '--duration': Cannot parse 1h as ISO8601 duration: expected",
        ),
        (
            ["--start", "2026-11-25T07:00Z", "--share", "120%", "2026-11-25T07:00Z"],
            "Must be greater than or equal to 0 and less than or equal to 1.",
        ),
        (
            ["--start", "2026-11-25T07:00Z", "--share", "half", "2026-11-25T07:00Z"],
            "'half' is not a quantity",
        ),
    ],
)
def test_what_fields_refuse_is_a_usage_error(arguments: list[str], error: str) -> None:
    result = CliRunner().invoke(plan, arguments)
    assert result.exit_code == 2
    assert error in result.stderr


def test_converted_values_are_taken_as_they_are() -> None:
    moment = datetime.fromisoformat("2026-11-25T07:00+01:00")
    assert AwareDateTimeField().convert(moment, None, None) is moment
    assert AwareDateTimeField()(None) is None  # as click calls its types


def test_a_field_of_a_plugin_inside_an_app() -> None:
    class ConfiguredField(MarshmallowClickMixin, fields.String):
        @with_appcontext_if_needed()
        def _deserialize(self, value: str, attr: Any, data: Any, **kwargs: Any) -> Any:
            return current_app.config[value]

    app = Flask("app")
    app.config["COLOUR"] = "green"

    @app.cli.command("paint")
    @click.option("--with", "colour", type=ConfiguredField())
    def paint(colour: str) -> None:
        click.echo(colour)

    group = FlaskGroup(create_app=lambda: app)
    assert CliRunner().invoke(group, ["paint", "--with", "COLOUR"]).output == "green\n"


def test_validation_errors_carry_a_verdict() -> None:
    error = FMValidationError("No.", field_name="start")
    assert (error.result, error.status) == ("Rejected", "UNPROCESSABLE_ENTITY")
    assert error.normalized_messages() == {"start": ["No."]}


def test_errors_of_containers_are_told_by_key() -> None:
    class ListField(MarshmallowClickMixin, fields.List):
        pass

    with pytest.raises(click.BadParameter, match="Not a valid list"):
        ListField(fields.Integer()).convert("x", None, None)

    class Inner(Schema):
        number = fields.Integer()

    class InnerField(MarshmallowClickMixin, fields.Nested):
        def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
            return super()._deserialize({"number": value}, *args, **kwargs)

    with pytest.raises(click.BadParameter, match=r"number: .*Not a valid integer"):
        InnerField(Inner).convert("x", None, None)


@pytest.mark.parametrize("name", sorted(schemas._PUBLIC))
def test_names_offered_to_plugins(name: str) -> None:
    assert issubclass(getattr(schemas, name), (fields.Field, MarshmallowClickMixin))


def test_other_names_are_unknown() -> None:
    with pytest.raises(AttributeError, match="TreeField"):
        schemas.TreeField  # noqa: B018


def test_options_load_neither_models_nor_units() -> None:
    modules = "sensors, generic_assets, account, sources, times, units, locations"
    program = (
        f"import sys; from flexmeasures.data.schemas import {modules};"
        "sensors.SensorIdField(), units.QuantityField('%');"
        "print({'pint', 'pandas', 'numpy', 'sqlalchemy', 'flask', 'timely_beliefs', 'isodate'}"
        " & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"
