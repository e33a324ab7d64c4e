"""The spellings of keys that clients use: with hyphen or underscore, singular or plural."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import Schema, ValidationError


def key_of(name: str, field: Any) -> str:
    """The documented key of a schema's field."""
    return field.data_key if field.data_key is not None else name


def spelled_as_documented(data: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """The data under the keys that the schema knows; unknown keys stay as they are.

    Besides its own key, a field has those of `metadata={"aliases": [...]}`. Raises ValidationError
    if a field comes in two spellings.
    """
    documented = {key_of(name, field): field for name, field in schema.load_fields.items()}
    variants = _variants(documented)
    renamed: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for given, value in data.items():
        key = given if given in documented else variants.get(given, given)
        if key in renamed:
            raise ValidationError(
                {key: [f"Given twice, as {origins[key]} and as {given}. Send one of them."]}
            )
        renamed[key], origins[key] = value, given
    return renamed


def _variants(documented: Mapping[str, Any]) -> dict[str, str]:
    """Documented keys by other spellings. What could mean two fields means none."""
    found: dict[str, set[str]] = {}
    for key, field in documented.items():
        for name in (key, *field.metadata.get("aliases", ())):
            for variant in _spellings(name):
                found.setdefault(variant, set()).add(key)
    return {variant: keys.pop() for variant, keys in found.items() if len(keys) == 1}


def _spellings(name: str) -> Iterable[str]:
    for number in (name, name[:-1] if name.endswith("s") else f"{name}s"):
        yield number
        yield number.replace("-", "_")
        yield number.replace("_", "-")
