"""What endpoints answer, said beside them; the API's description is made from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from marshmallow import Schema

from flexmeasures.utils.facts import with_fact

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Answer:
    """One of the answers of an endpoint.

    code : HTTP status
    schema : of the body; a dictionary is JSON Schema as it is; None if the body is empty
    description : when this is the answer, or what it says
    repeats_status : does the body (an object) repeat the HTTP status under the key `status`?
    example : a body
    """

    code: int
    schema: Schema | dict[str, Any] | None = None
    description: str = ""
    repeats_status: bool = False
    example: Any = None


def answers(
    code: int,
    schema: Schema | dict[str, Any] | None = None,
    description: str = "",
    *,
    repeats_status: bool = False,
    example: Any = None,
) -> Callable[[View], View]:
    """Say how an endpoint answers. What other decorators refuse (401, 404, 422 ...) is known."""
    answer = Answer(code, schema, description, repeats_status, example)
    return lambda view: with_fact(view, "answer", answer)


def takes(location: str, schema: type[Schema]) -> Callable[[View], View]:
    """Say what an endpoint takes that reads its request itself. (`use_args` knows by itself.)

    location : json, form or query
    """
    return lambda view: with_fact(view, "read by itself", (location, schema()))
