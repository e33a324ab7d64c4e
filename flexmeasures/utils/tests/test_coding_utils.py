from __future__ import annotations

import doctest
import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from flexmeasures.utils import coding_utils
from flexmeasures.utils.coding_utils import (
    deprecated,
    flatten_unique,
    make_registering_decorator,
    methods_with_decorator,
    optional_arg_decorator,
    rgetattr,
    sort_dict,
    timeit,
)


def new_way() -> str:
    return "new"


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(coding_utils) == (0, 2 + 1)


@pytest.mark.parametrize("alternative", [new_way, f"{__name__}.new_way"])
def test_deprecated_names_its_replacement_and_still_works(
    alternative: Any, caplog: pytest.LogCaptureFixture
) -> None:
    @deprecated(alternative, version="0.15")
    def old_way(number: int, plus: int = 0) -> int:
        return number + plus

    with caplog.at_level(logging.WARNING):
        assert old_way(1, plus=2) == 3
    (message,) = caplog.messages
    assert "old_way is deprecated" in message
    assert "removed in version 0.15" in message
    assert f"use {__name__}.new_way instead" in message


def test_optional_arguments_of_a_decorator() -> None:
    @optional_arg_decorator
    def suffix(function: Callable[[], str], text: str = "!") -> Callable[[], str]:
        return lambda: function() + text

    @suffix
    def plain() -> str:
        return "plain"

    @suffix(text="?")
    def asked() -> str:
        return "asked"

    @suffix("...")
    def slow() -> str:
        return "slow"

    assert (plain(), asked(), slow()) == ("plain!", "asked?", "slow...")


def test_methods_are_found_by_their_decorator() -> None:
    @make_registering_decorator
    def listed(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda self: function(self).upper()

    class Menu:
        @listed
        def soup(self) -> str:
            return "soup"

        def secret(self) -> str:
            return "secret"

    (method,) = methods_with_decorator(Menu, listed)
    assert method(Menu()) == "SOUP"


def test_timeit_prints_also_when_the_call_fails(capsys: pytest.CaptureFixture[str]) -> None:
    @timeit
    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        fail()
    assert capsys.readouterr().out.startswith("fail took 0.0")


def test_rgetattr() -> None:
    asset = SimpleNamespace(owner=SimpleNamespace(name="Orchard"), parent=None)
    assert rgetattr(asset, "owner.name") == "Orchard"
    assert rgetattr(asset, "parent.name", None) is None
    with pytest.raises(AttributeError, match="nme"):
        rgetattr(asset, "owner.nme")


def test_lists_and_dictionaries() -> None:
    assert flatten_unique([1, (2, [1, 3]), {3}]) == [1, 2, 3]
    assert list(sort_dict({"b": 1, "a": 2})) == ["a", "b"]
