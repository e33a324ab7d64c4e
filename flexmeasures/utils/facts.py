"""Facts that decorators leave on functions, so that documentation is made from what they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

_NAME = "__facts__"


def facts_of(function: Callable[..., Any]) -> dict[str, tuple[Any, ...]]:
    """What decorators said about a function, by kind; of each kind, the outermost one's first."""
    facts: dict[str, tuple[Any, ...]] = getattr(function, _NAME, {})
    return facts


def with_fact(function: Function, kind: str, fact: Any) -> Function:
    """Note a fact on a function. One that `functools.wraps` wraps around it has it, too."""
    facts = facts_of(function)
    setattr(function, _NAME, {**facts, kind: (fact, *facts.get(kind, ()))})
    return function
