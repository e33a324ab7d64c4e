"""Words in messages and pages."""

from __future__ import annotations

from collections.abc import Iterable

import inflection

# Written as they are, wherever they stand in a title.
_ABBREVIATIONS = {"evse": "EVSE"}


def capitalize(x: str, lower_case_remainder: bool = False) -> str:
    """Upper case for the first letter; the rest as it is, or in lower case.

    >>> capitalize("kWh of EV"), capitalize("kWh of EV", lower_case_remainder=True)
    ('KWh of EV', 'Kwh of ev')
    """
    rest = x[1:]
    return x[:1].upper() + (rest.lower() if lower_case_remainder else rest)


def humanize(word: str) -> str:
    """
    >>> humanize("one-way_evse_id")
    'One-way EVSE'
    """
    return _with_abbreviations(inflection.humanize(word))


def parameterize(word: str) -> str:
    """As part of a name in code or in a link.

    >>> parameterize("Acme Inc.")
    'acme_inc'
    """
    return inflection.parameterize(word).replace("-", "_")


def pluralize(word: str, count: int | None = None) -> str:
    """
    >>> pluralize("asset"), pluralize("asset", 1), pluralize("battery", 2)
    ('assets', 'asset', 'batteries')
    """
    return word if count == 1 else inflection.pluralize(word)


def titleize(word: str) -> str:
    """
    >>> titleize("two-way_evse")
    'Two Way EVSE'
    """
    return _with_abbreviations(inflection.titleize(word))


def join_words_into_a_list(words: Iterable[str]) -> str:
    """
    >>> join_words_into_a_list(["wind", "sun", "water"]), join_words_into_a_list(["a", "b"])
    ('wind, sun and water', 'a and b')
    """
    *first, last = list(words) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _with_abbreviations(text: str) -> str:
    return " ".join(_ABBREVIATIONS.get(word.lower(), word) for word in text.split(" "))
