"""Texts, and JSON written as a text, that the database can store."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping
from typing import Any

from marshmallow import fields

from flexmeasures.data.schemas.utils import FMValidationError

_DEEPEST_NESTING = 100
_LONGEST_JSON = 1_000_000  # characters: it is part of every listing


def one_line(text: str) -> str:
    """Refuse what is blank or has control characters, such as line breaks."""
    if not text.strip():
        raise FMValidationError("Cannot be blank.")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise FMValidationError("Cannot have control characters.")
    return text


def storable(text: str) -> str:
    """Refuse the few characters that PostgreSQL cannot store."""
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
        raise FMValidationError("Cannot have NUL characters or halves of surrogate pairs.")
    return text


class JSON(fields.Field[Any]):
    """JSON as a text within JSON: a text goes in (or what it stands for), and a text comes out."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        try:
            # what is JSON already takes the same way, so that NaN is refused there, too
            text = value if isinstance(value, str) else json.dumps(value)
            if len(text) > _LONGEST_JSON:
                raise FMValidationError(f"JSON can have {_LONGEST_JSON} characters at most.")
            parsed = json.loads(text, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise FMValidationError("Not a valid JSON string.") from error
        _check_storable(parsed)
        return parsed

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str:
        return json.dumps(value)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _check_storable(parsed: Any) -> None:
    """Refuse texts that cannot be stored, numbers like 1e999, and nesting without end."""
    level = [parsed]
    for _ in range(_DEEPEST_NESTING):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, str):
                storable(value)
            elif isinstance(value, float) and not math.isfinite(value):
                raise FMValidationError("Not a valid JSON string.")
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, dict):
                inner += [*value.keys(), *value.values()]
        if not inner:
            return
        level = inner
    raise FMValidationError(f"JSON can be nested {_DEEPEST_NESTING} levels at most.")
