"""Data sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexmeasures.data.schemas.ids import ModelIdField

if TYPE_CHECKING:
    from sqlalchemy.orm.interfaces import ORMOption

    from flexmeasures.data.config import Model


class DataSourceIdField(ModelIdField):
    """The id of a data source; becomes the source."""

    noun = "data source"

    def look_up(self) -> tuple[type[Model], list[ORMOption]]:
        from flexmeasures.data.models.data_sources import DataSource

        return DataSource, []
