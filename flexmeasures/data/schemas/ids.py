"""Fields that take the id of something stored and give the object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from marshmallow import fields

from flexmeasures.data.schemas.utils import FMValidationError, MarshmallowClickMixin

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm.interfaces import ORMOption

    from flexmeasures.data.config import Model

LARGEST_ID = 2**31 - 1
_LONGEST_TEXT = 20


def id_in(value: Any) -> int | None:
    """The id that is meant, also by a text; None if it is none.

    All that look for ids read them like this: what one of them took for an id and another one did
    not, would pass checks of permission unseen.
    """
    if isinstance(value, str):
        text = value.strip()
        is_number = text.removeprefix("-").isdecimal() and len(text) <= _LONGEST_TEXT
        return int(text) if is_number else None
    return value if type(value) is int else None


class ModelIdField(MarshmallowClickMixin, fields.Integer):
    """The id of a row. It becomes the object, which stays in the session, and leaves as id.

    One statement reads the object with the relations that `look_up` names.
    """

    noun: ClassVar[str]

    def look_up(self) -> tuple[type[Model], list[ORMOption]]:
        """The model, and what to load with it. (Here, so that models load on first use.)"""
        raise NotImplementedError

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        id_ = id_in(value)
        if id_ is None:
            raise self.make_error("invalid", input=value)
        found = self._find(id_) if 0 < id_ <= LARGEST_ID else None
        if found is None:
            raise FMValidationError(f"No {self.noun} found with id {id_}.")
        return found

    def _find(self, id_: int) -> Model | None:
        from flexmeasures.data.config import db

        model, options = self.look_up()
        return db.session.get(model, id_, options=options)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> int | None:
        return None if value is None else value.id


class PlainIdField(fields.Integer):
    """The id of a row, and nothing but the number. (Whether the row is there, schemas look up.)"""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int:
        # Not what would be cut off at the point, nor numbers that are no ids elsewhere.
        if id_in(value) is None:
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


def missing_ids(model: Any, ids: Iterable[int], *criteria: ColumnElement[bool]) -> list[int]:
    """Those ids, in their order, under which no such object (that meets the criteria) is stored."""
    from sqlalchemy import any_, literal, select
    from sqlalchemy.dialects.postgresql import ARRAY

    from flexmeasures.data.config import db

    ids = list(ids)
    # one parameter, as there may be more ids than a statement can have parameters
    possible = literal([id_ for id_ in ids if 0 < id_ <= LARGEST_ID], type_=ARRAY(model.id.type))
    query = select(model.id).where(model.id == any_(possible), *criteria)
    stored = set(db.session.scalars(query))
    return [id_ for id_ in ids if id_ not in stored]
