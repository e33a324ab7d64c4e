"""JSON Schema of marshmallow schemas: what goes in, and what comes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import INCLUDE, Schema, fields

from flexmeasures.api.common.listing import TermsField
from flexmeasures.api.common.spelling import key_of
from flexmeasures.data.schemas.times import DurationField, ResolutionField
from flexmeasures.data.schemas.units import QuantityField

Json = dict[str, Any]
Direction = Literal["load", "dump"]

# What apispec cannot know of fields of ours. Metadata of a field may say more.
_KINDS: dict[type[fields.Field[Any]], Json] = {
    DurationField: {"type": "string", "format": "duration"},
    ResolutionField: {"type": ["string", "integer"]},
    QuantityField: {"type": ["string", "number"]},
    TermsField: {"type": "string"},
}


def plugin() -> MarshmallowPlugin:
    """With names of schemas that users of the API understand."""
    return MarshmallowPlugin(schema_name_resolver=_name_of)


def teach(converter: OpenAPIConverter) -> None:
    """Tell apispec about fields of ours."""

    def kind(self: OpenAPIConverter, field: fields.Field[Any], ret: Json, **_: Any) -> Json:
        for class_ in type(field).__mro__:
            if class_ in _KINDS:
                return dict(_KINDS[class_])
        return {}

    # Before metadata, and before null is allowed to whatever type there is.
    converter.attribute_functions.insert(1, kind.__get__(converter))


def json_schema(converter: OpenAPIConverter, schema: Schema, direction: Direction) -> Json:
    """The object that a schema loads, or that it dumps; an array of these if it takes many."""
    directed = schema.load_fields if direction == "load" else schema.dump_fields
    partial = schema.partial if direction == "load" else None
    described: Json = converter.fields2jsonschema(directed, partial=partial)
    if direction == "load":
        described["additionalProperties"] = schema.unknown == INCLUDE
    return {"type": "array", "items": described} if schema.many else described


def parameters(converter: OpenAPIConverter, schema: Schema, location: str) -> Iterator[Json]:
    """The parameters that a schema loads from a query."""
    for name, field in schema.load_fields.items():
        parameter = converter._field2parameter(field, name=key_of(name, field), location=location)
        example = parameter["schema"].pop("example", None)
        if example is not None:
            parameter["example"] = example
        yield parameter


def example_of(described: Mapping[str, Any]) -> Any:
    """An example of an object, made from those of its properties; None if a needed one has none."""
    if described.get("type") == "array":
        item = example_of(described["items"])
        return None if item is None else [item]
    properties = described.get("properties", {})
    if any("example" not in properties[name] for name in described.get("required", ())):
        return None
    return {name: one["example"] for name, one in properties.items() if "example" in one} or None


def _name_of(schema: Any) -> str:
    class_ = schema if isinstance(schema, type) else type(schema)
    return class_.__name__.removesuffix("Schema")
