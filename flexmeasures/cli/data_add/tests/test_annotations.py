"""`flexmeasures add` annotation and holidays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event, func, select

from flexmeasures.cli.conftest import Invoke
from flexmeasures.cli.data_add import add_annotation, add_holidays
from flexmeasures.data.models.annotations import (
    AccountAnnotationRelationship,
    Annotation,
    GenericAssetAnnotationRelationship,
    SensorAnnotationRelationship,
)
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.services.toy_account import ToyAccount
from flexmeasures.data.services.users import create_user

NOTE = ("--content", "Filters cleaned", "--user-id", "1", "--asset-id", "1")
LINKS = (
    AccountAnnotationRelationship,
    GenericAssetAnnotationRelationship,
    SensorAnnotationRelationship,
)
UTC = timezone.utc


def counts(db: SQLAlchemy, *models: Any) -> list[int]:
    db.session.rollback()
    return [db.session.scalars(select(func.count()).select_from(model)).one() for model in models]


@contextmanager
def statements(db: SQLAlchemy) -> Iterator[list[str]]:
    sent: list[str] = []

    def note(*arguments: Any) -> None:
        sent.append(arguments[2])

    event.listen(db.engine, "before_cursor_execute", note)
    yield sent
    event.remove(db.engine, "before_cursor_execute", note)


class TestAnnotation:
    def test_of_several(self, toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        others = ("--account-id", "1", "--asset-id", "3", "--sensor-id", "1", "--sensor-id", "2")
        when = ("--at", "2026-11-25T07:00+01:00", "--until", "2026-11-25 09:00+01:00")
        told = invoke(add_annotation, *NOTE, *when, *others)
        assert told.stdout == "Successfully added annotation.\n"
        assert told.stderr == ""
        assert counts(fresh_db, Annotation, *LINKS) == [1, 1, 2, 2]
        [found] = toy.battery.search_annotations()
        assert isinstance(found, Annotation)
        assert (found.content, found.type) == ("Filters cleaned", "label")
        assert found.start == datetime(2026, 11, 25, 6, tzinfo=UTC)
        assert found.end == datetime(2026, 11, 25, 8, tzinfo=UTC)
        assert (found.source.type, found.source.name) == ("user", "toy-user")

    def test_a_day_by_default(self, toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        invoke(add_annotation, *NOTE, "--at", "2026-11-25")
        found = fresh_db.session.scalars(select(Annotation)).one()
        assert found.start == datetime(2026, 11, 25, tzinfo=UTC)
        assert found.duration == timedelta(days=1)

    def test_equal_ones_are_stored_once(
        self, toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke
    ) -> None:
        for _ in range(2):
            invoke(add_annotation, *NOTE, "--at", "2026-11-25")
        assert counts(fresh_db, Annotation, *LINKS) == [1, 0, 1, 0]
        invoke(add_annotation, *NOTE, "--at", "2026-11-25", "--asset-id", "2")
        assert counts(fresh_db, Annotation, *LINKS) == [1, 0, 2, 0]
        invoke(add_annotation, *NOTE, "--at", "2026-11-25", "--until", "2026-11-27")
        assert counts(fresh_db, Annotation, *LINKS) == [2, 0, 3, 0]

    def test_content_is_asked_for(
        self, toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke
    ) -> None:
        asked = invoke(add_annotation, *NOTE[2:], "--at", "2026-11-25", input="Open day\n")
        assert "Enter annotation: " in asked.output
        assert fresh_db.session.scalars(select(Annotation)).one().content == "Open day"

    def test_sources_of_users_are_made(
        self, toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke
    ) -> None:
        user = create_user(
            "secret-1",
            email="bob@example.com",
            account_name="Toy Account",
            check_email_deliverability=False,
        )
        fresh_db.session.query(DataSource).filter_by(user_id=user.id).delete()
        fresh_db.session.commit()
        invoke(add_annotation, *NOTE, "--user-id", str(user.id), "--at", "2026-11-25")
        assert fresh_db.session.scalars(select(Annotation)).one().source.name == "bob"

    def test_of_nobody(self, toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        told = invoke(add_annotation, *NOTE[:4], "--at", "2026-11-25")
        assert "Nobody gets this annotation" in told.stderr

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            (("--account-id", "77"), "'--account-id': No account found with id 77."),
            (("--asset-id", "77"), "'--asset-id': No asset found with id 77."),
            (("--sensor-id", "99999999999"), "'--sensor-id': No sensor found with id 99999999999."),
            (("--user-id", "77"), "--user-id: No user found with id 77."),
            (("--at", "soon"), "--at: 'soon' is no time"),
            (("--at", ""), "--at: '' is no time"),
            (("--until", "9999-01-01"), "--until: '9999-01-01' is no time"),
            (("--until", "2026-11-25"), "--until: This is not after the start (--at)."),
            (("--content", ""), "--content: An annotation has 1 to 1024 characters."),
            (("--content", "x" * 1025), "--content: An annotation has 1 to 1024 characters."),
            (("--content", "\ud800"), "--content: Cannot have"),
        ],
    )
    def test_refused(
        self,
        toy: ToyAccount,
        fresh_db: SQLAlchemy,
        invoke: Invoke,
        options: tuple[str, ...],
        says: str,
    ) -> None:
        refused = invoke(add_annotation, *NOTE, "--at", "2026-11-25", *options, exit_code=2)
        assert says in refused.stderr
        assert counts(fresh_db, Annotation) == [0]


class TestHolidays:
    WORDS = ("--year", "2020", "--account-id", "1", "--asset-id", "1", "--asset-id", "2")

    def test_of_two_countries(self, toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        told = invoke(add_holidays, *self.WORDS, "--country", "NL", "--country", "DE")
        assert told.stdout == (
            "Successfully added holidays to 1 account and 2 assets:\n{'NL': 11, 'DE': 9}\n"
        )
        assert counts(fresh_db, Annotation, *LINKS) == [20, 20, 40, 0]
        query = select(Annotation).order_by(Annotation.start, Annotation.source_id).limit(2)
        for code, holiday in zip(("NL", "DE"), fresh_db.session.scalars(query), strict=True):
            assert (holiday.content, holiday.type) == ("New Year's Day", "holiday")
            assert holiday.start == datetime(2020, 1, 1, tzinfo=UTC)
            assert holiday.end == datetime(2020, 1, 2, tzinfo=UTC)
            source = holiday.source
            assert (source.name, source.type, source.model) == ("workalendar", "CLI script", code)

    def test_again(self, toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        for _ in range(2):
            told = invoke(add_holidays, *self.WORDS, "--country", "nl")
            assert told.stdout.endswith("{'NL': 11}\n")
        assert counts(fresh_db, Annotation, DataSource, *LINKS) == [11, 2, 11, 22, 0]
        invoke(add_holidays, *self.WORDS, "--country", "NL", "--asset-id", "3")
        assert counts(fresh_db, Annotation, *LINKS) == [11, 11, 33, 0]

    def test_parts_of_countries(self, toy: ToyAccount, invoke: Invoke) -> None:
        told = invoke(add_holidays, *self.WORDS, "--country", "DE-BY", "--country", "GB-SCT")
        assert told.stdout.endswith("{'DE-BY': 12, 'GB-SCT': 10}\n")

    def test_all_countries(self, toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        with statements(fresh_db) as sent:
            told = invoke(add_holidays, "--year", "2020", "--account-id", "1")
        assert "'NL': 11" in told.stdout and "'US': " in told.stdout
        annotations, links = counts(fresh_db, Annotation, LINKS[0])
        assert annotations == links > 2000
        few = 10  # and, of rows, a thousand at a time
        assert len([one for one in sent if not one.startswith("INSERT")]) < few
        invoke(add_holidays, "--year", "2020", "--account-id", "1")
        assert counts(fresh_db, Annotation) == [annotations]

    def test_this_year(self, toy: ToyAccount, fresh_db: SQLAlchemy, invoke: Invoke) -> None:
        invoke(add_holidays, "--country", "NL", "--account-id", "1")
        years = {start.year for start in fresh_db.session.scalars(select(Annotation.start))}
        assert years == {datetime.now(UTC).year}

    def test_of_nobody(self, toy: ToyAccount, invoke: Invoke) -> None:
        told = invoke(add_holidays, "--year", "2020", "--country", "NL")
        assert told.stdout.startswith("Successfully added holidays to 0 accounts and 0 assets:")
        assert "Nobody gets these holidays" in told.stderr

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            (("--country", "XX"), "--country: No holidays are known of XX"),
            (("--country", "DE-ZZ"), "--country: No holidays are known of DE-ZZ"),
            (("--country", ""), "--country: No holidays are known of "),
            (("--year", "0"), "'--year'"),
            (("--year", "9999"), "'--year'"),
            (("--account-id", "77"), "'--account-id': No account found with id 77."),
            (("--asset-id", "77"), "'--asset-id': No asset found with id 77."),
        ],
    )
    def test_refused(
        self,
        toy: ToyAccount,
        fresh_db: SQLAlchemy,
        invoke: Invoke,
        options: tuple[str, ...],
        says: str,
    ) -> None:
        refused = invoke(add_holidays, *self.WORDS, "--country", "NL", *options, exit_code=2)
        assert says in refused.stderr
        assert counts(fresh_db, Annotation, DataSource) == [0, 1]
