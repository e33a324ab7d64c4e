"""Objects that the address of a page names."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import inspect, select
from sqlalchemy.orm.interfaces import ORMOption
from werkzeug.exceptions import NotFound

from flexmeasures.data.config import Model, db
from flexmeasures.data.schemas.ids import LARGEST_ID

Found = TypeVar("Found", bound=Model)


def find_or_404(model: type[Found], id: int, *options: ORMOption) -> Found:
    """The object with this id, in one statement and one for each relation that is selected.

    options : what to load with it. Raises werkzeug's NotFound.
    """
    found: Found | None = None
    if 0 < id <= LARGEST_ID:
        key = inspect(model).primary_key[0]
        statement = select(model).where(key == id).options(*options)
        found = db.session.scalars(statement).unique().one_or_none()
    if found is None:
        raise NotFound(f"{model.__name__} {id} not found")
    return found
