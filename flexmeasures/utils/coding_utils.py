"""Small helpers for writing code: decorators, nested look-ups, lists and dictionaries."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

logger = logging.getLogger(__name__)

Function = TypeVar("Function", bound=Callable[..., Any])


def optional_arg_decorator(decorator: Callable[..., Any]) -> Callable[..., Any]:
    """Let a decorator with optional arguments be used with and without parentheses.

    The decorator takes the decorated function first, then its own arguments.
    """

    @functools.wraps(decorator)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and callable(args[0]):
            return decorator(args[0])
        return lambda function: decorator(function, *args, **kwargs)

    return wrapped


def deprecated(
    alternative: str | Callable[..., Any], version: str | None = None
) -> Callable[[Function], Function]:
    """Decorate a function that still works, to log on each call what to use in its place.

    alternative : the replacement, or its dotted path
    version : the release that takes the function away
    """
    replacement = alternative if isinstance(alternative, str) else _dotted_path(alternative)
    until = f" It will be removed in version {version}." if version else ""

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            logger.warning(
                "%s is deprecated.%s Please use %s instead.",
                _dotted_path(function),
                until,
                replacement,
            )
            return function(*args, **kwargs)

        return cast(Function, wrapped)

    return decorate


def _dotted_path(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def timeit(function: Function) -> Function:
    """Decorate a function to print how many seconds each call took."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            print(f"{function.__name__} took {time.perf_counter() - started:.4f} seconds.")

    return cast(Function, wrapped)


def make_registering_decorator(decorator: Callable[..., Any]) -> Callable[..., Any]:
    """The same decorator, whose work `methods_with_decorator` can find again."""

    @functools.wraps(decorator)
    def registering(function: Callable[..., Any]) -> Any:
        decorated = decorator(function)
        decorated.decorator = registering
        return decorated

    return registering


def methods_with_decorator(cls: type, decorator: Callable[..., Any]) -> Iterator[Any]:
    """The methods defined in a class that carry a registering decorator."""
    for method in vars(cls).values():
        if getattr(method, "decorator", None) is decorator:
            yield method


def rgetattr(obj: Any, path: str, *default: Any) -> Any:
    """Like getattr, with a path such as `generic_asset.owner.name`.

    >>> rgetattr(1 + 2j, "real.imag")
    0.0
    >>> rgetattr(1 + 2j, "real.nothing", "default")
    'default'
    """
    try:
        return functools.reduce(getattr, path.split("."), obj)
    except AttributeError:
        if default:
            return default[0]
        raise


def sort_dict(unsorted: dict[str, Any]) -> dict[str, Any]:
    """The same dictionary with its keys in order."""
    return dict(sorted(unsorted.items()))


def flatten_unique(nested: Iterable[Any]) -> list[Any]:
    """Items of nested lists in order of appearance, each once.

    >>> flatten_unique([3, [2, 4], [3, 1]])
    [3, 2, 4, 1]
    """
    return list(dict.fromkeys(_flatten(nested)))


def _flatten(nested: Iterable[Any]) -> Iterator[Any]:
    for item in nested:
        if isinstance(item, (list, tuple, set)):
            yield from _flatten(item)
        else:
            yield item


def load_module(name: str, alias: str) -> ModuleType:
    """The module with this name, or in the file with this path; the latter known by the alias.

    Raises ModuleNotFoundError if there is none, AssertionError if the file is not Python.
    """
    path = Path(name)
    if not path.exists():
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location(alias, path)
    assert spec is not None and spec.loader is not None, f"{name} is no Python file."
    module = importlib.util.module_from_spec(spec)
    sys.modules[alias] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[alias]
        raise
    return module
