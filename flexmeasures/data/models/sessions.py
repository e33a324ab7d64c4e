"""New objects join the session of what they refer to, as plugins expect from SQLAlchemy 1.4."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.orm import InstrumentedAttribute, object_session


def join_session_of(relation: InstrumentedAttribute[Any]) -> None:
    """Add an object to the session of the other one when this relation between them is set.

    Without that, a sensor made for a stored asset would be lost unless somebody adds it, and
    filters such as `Sensor.generic_asset == asset` would not know what to do with a new asset.
    """

    @event.listens_for(relation, "set")
    def join(new: Any, other: Any, *_: Any) -> None:
        session = None if other is None else object_session(other)
        if session is not None and inspect(new).transient:
            session.add(new)
