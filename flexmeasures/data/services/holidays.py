"""Public holidays, as annotations of accounts and assets."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta, timezone

from flexmeasures.data.services.annotations import Note, link_annotations, save_notes
from flexmeasures.data.services.data_sources import get_or_create_sources

# What databases and scripts know these sources as, whichever library the calendars come from.
SOURCE_NAME = "workalendar"
# Else names would depend on the language of whoever runs the command, and be added once for each.
_LANGUAGE = "en_US"


class UnknownCalendar(ValueError):
    """There is no country or sub-region of that code."""


def all_countries() -> list[str]:
    """ISO 3166-1 codes of all countries whose holidays are known."""
    import holidays

    return sorted(holidays.list_supported_countries(include_aliases=False))


def public_holidays(code: str, year: int) -> list[tuple[date, str]]:
    """Days and names of holidays in one year, in order.

    code : ISO 3166-1 of a country, such as NL, or 3166-2 of one of its sub-regions, such as DE-BY
    Raises UnknownCalendar.
    """
    import holidays

    country, _, region = code.strip().upper().partition("-")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # about codes that still work
        try:
            calendar = holidays.country_holidays(
                country, subdiv=region or None, years=year, language=_LANGUAGE
            )
        except NotImplementedError as error:
            raise UnknownCalendar(f"No holidays are known of {code}: {error}.") from error
    return [(day, name) for day in sorted(calendar) for name in calendar.get_list(day)]


def add_holidays(
    year: int,
    codes: Sequence[str],
    *,
    account_ids: Collection[int] = (),
    asset_ids: Collection[int] = (),
) -> dict[str, int]:
    """Let accounts and assets have the holidays of a year as annotations.

    codes : as in `public_holidays`
    Returns the number of holidays by code. What is stored already is not stored again; the number
    of statements does not depend on how many there are.
    """
    calendars = {code.strip().upper(): public_holidays(code, year) for code in codes}
    sources = get_or_create_sources(SOURCE_NAME, "CLI script", calendars)
    notes = [
        _note(day, name, source.id)
        for source, days in zip(sources, calendars.values(), strict=True)
        for day, name in days
    ]
    ids = save_notes(notes, "holiday")
    link_annotations(ids, "account_id", account_ids)
    link_annotations(ids, "generic_asset_id", asset_ids)
    return {code: len(days) for code, days in calendars.items()}


def _note(day: date, name: str, source_id: int) -> Note:
    start = datetime(day.year, day.month, day.day, tzinfo=timezone.utc)
    return {
        "start": start,
        "end": start + timedelta(days=1),
        "belief_time": None,
        "source_id": source_id,
        "content": name,
    }
