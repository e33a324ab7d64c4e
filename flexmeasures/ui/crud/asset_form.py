"""Forms about assets: from what people type to the fields of the service, and back.

The schema of the API says what is valid. What is typed stays in the form, next to what is wrong
with it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import ValidationError

from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.schemas.generic_assets import GenericAssetSchema

LABELS = {
    "name": "Name",
    "generic_asset_type_id": "Asset type",
    "account_id": "Account",
    "parent_asset_id": "Part of the asset with id",
    "latitude": "Latitude",
    "longitude": "Longitude",
    "description": "Description",
    "external_id": "External id",
    "attributes": "Other attributes (JSON)",
    "flex_model": "Flex-model (JSON)",
    "flex_context": "Flex-context (JSON)",
}
JSON_FIELDS = ("attributes", "flex_model", "flex_context")

_LINE = 60  # characters of JSON
_PLACE = ("latitude", "longitude")
_MAY_BE_BLANK = ("parent_asset_id", "description", "external_id")
_EDITABLE = tuple(name for name in LABELS if name not in ("generic_asset_type_id", "account_id"))
_CHOICES = {
    "generic_asset_type_id": "Pick an existing asset type.",
    "account_id": "Please pick an existing account.",
}
_NOT_CHOSEN = ("", "-1")
_ON_CREATION = GenericAssetSchema()
_ON_EDITING = GenericAssetSchema(partial=True, exclude=["account_id"])


@dataclass
class AssetForm:
    """A form as it is shown.

    values : texts by field
    errors : what is wrong, by field
    fields : what was valid, for the service
    version : tells later whether the asset has changed since; empty for new ones
    """

    values: dict[str, str]
    errors: dict[str, list[str]] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    version: str = ""

    def refuse(self, name: str, message: str) -> None:
        self.errors.setdefault(name, []).append(message)

    @property
    def problems(self) -> list[tuple[str, str, str]]:
        """All errors in the order of the form: field, its label, what is wrong."""
        names = [*LABELS, *(name for name in self.errors if name not in LABELS)]
        return [
            (name, LABELS.get(name, ""), message)
            for name in names
            for message in self.errors.get(name, ())
        ]


def form_of(asset: GenericAsset) -> AssetForm:
    """The form to edit an asset."""
    values = {name: _text(getattr(asset, name)) for name in _EDITABLE}
    return AssetForm(values, version=_version(values))


def blank_form(account_id: int | None = None, parent_id: int | None = None) -> AssetForm:
    """The form of a new asset."""
    values = dict.fromkeys(LABELS, "") | dict.fromkeys(JSON_FIELDS, "{}")
    chosen = {"account_id": account_id, "parent_asset_id": parent_id}
    return AssetForm(values | {name: _text(value) for name, value in chosen.items()})


def read_new(sent: Mapping[str, str], public: bool) -> AssetForm:
    """The form of a new asset as it was sent.

    public : may an account be left out, without a parent, too?
    """
    form = AssetForm(blank_form().values | _known(sent, LABELS))
    given = dict(form.values)
    for name, message in _CHOICES.items():
        if given[name] in _NOT_CHOSEN:
            del given[name]
            is_optional = name == "account_id" and (public or given["parent_asset_id"])
            if not is_optional:
                form.refuse(name, message)
    _drop_blank(given)
    _load(form, given, _ON_CREATION)
    return form


def read_changes(sent: Mapping[str, str], asset: GenericAsset) -> AssetForm:
    """The form of an asset as it was sent; `fields` has what differs from the asset.

    Fields that are not sent stay as they are. So does a place that is not known yet; one that is
    known cannot be taken away.
    """
    stored = form_of(asset)
    typed = _known(sent, _EDITABLE)
    form = AssetForm(stored.values | typed, version=stored.version)
    given: dict[str, Any] = {
        name: text for name, text in typed.items() if text != stored.values[name]
    }
    for name in _MAY_BE_BLANK:
        if given.get(name) == "":
            given[name] = None
    _load(form, given, _ON_EDITING)
    if sent.get("version", stored.version) != stored.version:
        form.refuse(
            "version",
            "Meanwhile this asset was changed by somebody else. Below is what you typed: saving it"
            " again replaces what is stored now.",
        )
    return form


def _known(sent: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    texts = {name: sent[name].replace("\r\n", "\n") for name in names if name in sent}
    return {
        name: text if name in JSON_FIELDS or name == "description" else text.strip()
        for name, text in texts.items()
    }


def _drop_blank(given: dict[str, str]) -> None:
    for name in _MAY_BE_BLANK:
        if not given[name]:
            del given[name]


def _load(form: AssetForm, given: dict[str, Any], schema: GenericAssetSchema) -> None:
    """Fill fields and errors of a form."""
    for name in JSON_FIELDS:
        if name in given:
            given[name] = given[name].strip() or "{}"
    for name in _PLACE:
        if name in given and not _is_number(given[name]):
            del given[name]
            form.refuse(name, "Not a valid decimal value.")
    try:
        form.fields = dict(schema.load(given))
    except ValidationError as error:
        messages: dict[str, Any] = error.normalized_messages()
        for name in messages.keys() - form.errors.keys():
            form.errors[name] = _flat(messages[name])
    for name in JSON_FIELDS:
        if name in form.errors and (place := _where_json_ends(given[name])):
            form.errors[name] = [place]


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _where_json_ends(text: str) -> str:
    """Why a text is no JSON, and where; empty if it is."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return f"Not a valid JSON string. Line {error.lineno}, column {error.colno}: {error.msg}."
    except (ValueError, RecursionError):
        return ""
    return ""


def _flat(messages: Any, path: str = "") -> list[str]:
    """Nested messages in lines, with the path to each.

    >>> _flat({"soc-max": ["Not a valid quantity."], "soc-minima": {0: {"value": ["Missing."]}}})
    ['soc-max: Not a valid quantity.', 'soc-minima.0.value: Missing.']
    """
    if isinstance(messages, Mapping):
        return [
            line
            for key, inner in messages.items()
            for line in _flat(inner, path if key == "_schema" else f"{path}.{key}".lstrip("."))
        ]
    lines = messages if isinstance(messages, list) else [messages]
    return [f"{path}: {line}" if path else str(line) for line in lines]


def _text(value: Any) -> str:
    if value is None:
        return ""
    return as_json(value) if isinstance(value, dict) else str(value)


def as_json(value: Any, indent: str = "") -> str:
    """JSON for people: what fits into a line is not spread over several.

    >>> print(as_json({"sensors_to_show": [3, [4, 5]]}))
    {
      "sensors_to_show": [3, [4, 5]]
    }
    """
    line = json.dumps(value, ensure_ascii=False)
    is_short = indent and len(indent) + len(line) <= _LINE
    if not value or is_short or not isinstance(value, (dict, list)):
        return line
    inner = indent + "  "
    if isinstance(value, dict):
        items = [f"{as_json(str(key))}: {as_json(item, inner)}" for key, item in value.items()]
    else:
        items = [as_json(item, inner) for item in value]
    start, end = "{}" if isinstance(value, dict) else "[]"
    return f"{start}\n" + ",\n".join(inner + item for item in items) + f"\n{indent}{end}"


def _version(values: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
