"""OpenAPI's operations, from what endpoints say about themselves.

What they take and answer is noted by their decorators (see `flexmeasures.utils.facts`); the rest is
in their docstrings: a summary, a text, and `.. :quickref: Group; Short text`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema
from werkzeug.routing import Rule

from flexmeasures.api.common.describe import Answer
from flexmeasures.api.openapi.fields import Json, example_of, json_schema, parameters
from flexmeasures.api.openapi.refusals import ERROR, REFUSALS
from flexmeasures.data.schemas.ids import LARGEST_ID
from flexmeasures.utils.facts import facts_of

View = Callable[..., Any]

_METHODS_WITHOUT_DESCRIPTION = {"HEAD", "OPTIONS"}
_QUICKREF = re.compile(r"^\.\. :quickref: *(?P<group>[^;\n]*); *(?P<text>[^\n]*)$", re.MULTILINE)

_MEDIA_TYPES = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "multipart": "multipart/form-data",
}
_STATUS = {"status": {"type": "integer", "description": "The HTTP status once more."}}
_PAGE_NUMBERS = {
    "num-records": {"type": "integer", "description": "All entries that the caller may see."},
    "filtered-records": {"type": "integer", "description": "Those that the filter lets through."},
}


@dataclass(frozen=True)
class Documentation:
    """What a docstring says."""

    summary: str
    description: str
    group: str
    short: str

    @classmethod
    def of(cls, view: View) -> Documentation:
        text = inspect.getdoc(view) or ""
        reference = _QUICKREF.search(text)
        summary, _, description = _QUICKREF.sub("", text).strip().partition("\n\n")
        return cls(
            " ".join(summary.split()),
            description.strip(),
            reference["group"].strip() if reference else "",
            reference["text"].strip() if reference else "",
        )


def is_described(view: View) -> bool:
    """Does this endpoint say what it answers?"""
    return "answer" in facts_of(view)


def methods_of(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) - _METHODS_WITHOUT_DESCRIPTION)


def path_of(rule: Rule) -> str:
    """The path with parameters in braces."""
    return re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)


class Operations:
    """Makes operations. Schemas that several of them have in common become components.

    add_component : takes a name and a schema, and gives a reference to it
    """

    def __init__(
        self, converter: OpenAPIConverter, add_component: Callable[[str, Json], Json]
    ) -> None:
        self._converter = converter
        self._add_component = add_component

    def operation(self, rule: Rule, method: str, view: View) -> Json:
        said = Documentation.of(view)
        facts = facts_of(view)
        operation: Json = {
            "operationId": _operation_id(rule, method),
            "summary": said.summary,
            "description": said.description,
            "tags": [said.group or "Other"],
            "security": [{way: []} for ways in facts.get("logged in", ()) for way in ways],
            "responses": self._responses(method, view),
        }
        if described := [*_path_parameters(rule), *self._query(view)]:
            operation["parameters"] = described
        for location, schema in _arguments(view):
            if location in _MEDIA_TYPES:
                operation["requestBody"] = self._request_body(schema, _MEDIA_TYPES[location])
        return operation

    def _query(self, view: View) -> Iterator[Json]:
        for location, schema in _arguments(view):
            if location == "query":
                yield from parameters(self._converter, schema, location)

    def _request_body(self, schema: Schema, media_type: str) -> Json:
        described = json_schema(self._converter, schema, "load")
        needed = bool(described.get("required"))
        content = _content(described, example_of(described), media_type)
        return {"required": needed, "content": content}

    def _responses(self, method: str, view: View) -> Json:
        by_code: dict[int, list[Answer]] = {}
        for answer in map(_completed, [*facts_of(view)["answer"], *_refusals(method, view)]):
            by_code.setdefault(answer.code, []).append(answer)
        return {str(code): self._response(by_code[code]) for code in sorted(by_code)}

    def _response(self, answers: list[Answer]) -> Json:
        """Several answers with one status: one of their bodies."""
        told = [answer.description for answer in answers if answer.description]
        described: Json = {
            "description": " ".join(dict.fromkeys(told)) or HTTPStatus(answers[0].code).phrase
        }
        bodies: list[Json] = []
        for body in map(self._body, answers):
            if body is not None and body not in bodies:
                bodies.append(body)
        if bodies:
            schema = bodies[0] if len(bodies) == 1 else {"anyOf": bodies}
            example = next((one.example for one in answers if one.example is not None), None)
            described["content"] = _content(schema, example or example_of(schema))
        if answers[0].code in (429, 503):
            described["headers"] = {
                "Retry-After": {
                    "description": "Seconds to wait before the next try.",
                    "schema": {"type": "integer"},
                }
            }
        return described

    def _body(self, answer: Answer) -> Json | None:
        schema = answer.schema
        if schema is None:
            return None
        if isinstance(schema, Schema):
            described = self._dumped(schema)
            if answer.repeats_status:
                described = {"allOf": [described, {"type": "object", "properties": _STATUS}]}
            return described
        if "x-listing-of" in schema:
            items = {"type": "array", "items": self._dumped(schema["x-listing-of"])}
            page = {"type": "object", "properties": {"data": items, **_PAGE_NUMBERS}}
            return {"anyOf": [items, {**page, "required": [*page["properties"]]}]}
        return self._add_component(schema["title"], schema) if "title" in schema else schema

    def _dumped(self, schema: Schema) -> Json:
        described = json_schema(self._converter, schema, "dump")
        name = type(schema).__name__.removesuffix("Schema")
        if schema.only is not None or name == "Generated":
            return described
        if schema.many:
            return {"type": "array", "items": self._add_component(name, described["items"])}
        return self._add_component(name, described)


def _operation_id(rule: Rule, method: str) -> str:
    """Such as `sensors_get`: the last parts of the endpoint's name, which are unique together."""
    group, name = ("", *rule.endpoint.split("."))[-2:]
    several = len(methods_of(rule)) > 1
    parts = [group.removeprefix("flexmeasures_api"), name, method.lower() if several else ""]
    return "_".join(part.strip("_") for part in parts if part.strip("_"))


def _path_parameters(rule: Rule) -> Iterator[Json]:
    for name in re.findall(r"<(?:[^:<>]+:)?([^<>]+)>", rule.rule):
        is_id = name == "id"
        yield {
            "in": "path",
            "name": name,
            "required": True,
            "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}
            if is_id
            else {"type": "string"},
            **({"example": 1} if is_id else {}),
        }


def _arguments(view: View) -> list[tuple[str, Schema]]:
    facts = facts_of(view)
    return [*facts.get("arguments", ()), *facts.get("read by itself", ())]


def _content(schema: Json, example: Any = None, media_type: str = "application/json") -> Json:
    content: Json = {"schema": schema}
    if example is not None:
        content["example"] = example
    return {media_type: content}


def _refusals(method: str, view: View) -> Iterator[Answer]:
    """What decorators and the server refuse, whatever the endpoint does."""
    facts = facts_of(view)
    arguments = facts.get("arguments", ())
    codes = {429, 503}
    if method not in ("GET", "HEAD"):
        codes |= {400, 413, 415}
    if arguments:
        codes |= {422}
    if any(location == "json" for location, _ in arguments):
        codes |= {400}
    if "logged in" in facts:
        codes |= {401}
    if "permission" in facts:
        codes |= {403}
    if "path" in facts or any("page" in schema.load_fields for _, schema in arguments):
        codes |= {404}
    return map(Answer, codes)


def _completed(answer: Answer) -> Answer:
    """A refusal with the body and the words that all endpoints share, where it has no own ones."""
    if answer.code < 400:
        return answer
    schema, text = REFUSALS.get(answer.code, (ERROR, HTTPStatus(answer.code).phrase))
    return replace(
        answer,
        schema=answer.schema if answer.schema is not None else schema,
        description=answer.description or text,
    )
