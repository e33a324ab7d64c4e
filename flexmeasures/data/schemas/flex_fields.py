"""The keys of flex-models and flex-contexts, as JSON Schema for the description of the API."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from flexmeasures.data.schemas.scheduling.outputs import PowerOutputField, StateOfChargeField
from flexmeasures.data.schemas.scheduling.values import AmountField, VariableField
from flexmeasures.data.schemas.sensors import SensorIdField

_SENSOR = {"sensor": 7}
_MEANINGS: dict[type[fields.Field[Any]], dict[str, Any]] = {
    PowerOutputField: {"description": "A sensor to store results on.", "example": _SENSOR},
    StateOfChargeField: {
        "description": "The sensor that has, and gets, states of charge.",
        "example": _SENSOR,
    },
    SensorIdField: {"description": "The id of a sensor.", "example": 7},
}


def described(*schemas: Schema) -> dict[str, Any]:
    """An object with all the keys that these schemas load; others are the business of custom
    schedulers.

    What a key takes has many forms, so its type is left open.
    """
    known = {
        field.data_key or name: _described(field)
        for schema in schemas
        for name, field in schema.load_fields.items()
    }
    return {"type": "object", "properties": known, "additionalProperties": True}


def _described(field: fields.Field[Any]) -> dict[str, Any]:
    for kind, meaning in _MEANINGS.items():
        if isinstance(field, kind):
            return dict(meaning)
    if isinstance(field, fields.List):
        inner = _described(field.inner)
        example = {"example": [inner["example"]]} if "example" in inner else {}
        return {"description": f"A list. {inner.get('description', '')}".strip(), **example}
    if isinstance(field, AmountField):
        return _described_amount(field)
    if isinstance(field, fields.Boolean):
        return {"description": "True or false.", "example": True}
    choices = [one.choices for one in field.validators if isinstance(one, validate.OneOf)]
    return {"description": f"One of: {', '.join(map(str, choices[0]))}."} if choices else {}


def _described_amount(field: AmountField) -> dict[str, Any]:
    what = field.kind.name.lower()
    forms = f"{what.capitalize()}: a text with its unit"
    if field.numbers:
        forms += ", or a number"
    if isinstance(field, VariableField):
        forms += ', a list of moments or windows with a value each, or a reference {"sensor": id}'
    return {"description": f"{forms}.", "example": field.kind.example}
