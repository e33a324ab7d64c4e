from __future__ import annotations

import doctest

from flexmeasures.utils import flexmeasures_inflection
from flexmeasures.utils.flexmeasures_inflection import (
    capitalize,
    join_words_into_a_list,
    parameterize,
    pluralize,
    titleize,
)


def test_examples_in_docstrings() -> None:
    failed, tried = doctest.testmod(flexmeasures_inflection)
    assert tried and not failed


def test_short_words() -> None:
    assert capitalize("") == ""
    assert join_words_into_a_list([]) == ""
    assert join_words_into_a_list(iter(["one"])) == "one"


def test_counting() -> None:
    assert [f"{n} {pluralize('account', n)}" for n in (0, 1, 2)] == [
        "0 accounts",
        "1 account",
        "2 accounts",
    ]
    assert pluralize("data entry", 2) == "data entries"


def test_names() -> None:
    assert parameterize("My Büro & Co") == "my_buro_co"
    assert titleize("wind_turbine") == "Wind Turbine"
