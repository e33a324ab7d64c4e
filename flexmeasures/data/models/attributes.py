"""JSON attributes, as assets and sensors have them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import Mapped, mapped_column


def json_attributes() -> Mapped[dict[str, Any]]:
    """A column of JSON attributes that notices changes made in place (at the top level)."""
    return mapped_column(MutableDict.as_mutable(JSON), default=dict)


def flex_config() -> Mapped[dict[str, Any]]:
    """A column of the same kind; the database knows its default, too."""
    return mapped_column(MutableDict.as_mutable(JSON), default=dict, server_default="{}")
