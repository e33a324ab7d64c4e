"""Data sources: who believes something."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from flexmeasures.data.config import Model
from flexmeasures.data.models.user import User
from flexmeasures.utils.timely import tb

# "forecasting script" is how older data name forecasters.
_LABELS = {
    "user": "data entered by user {name}",
    "forecaster": "forecast by {name}",
    "forecasting script": "forecast by {name}",
    "scheduler": "schedule by {name}",
    "crawling script": "data retrieved from {name}",
    "demo script": "demo data entered by {name}",
    "CLI script": "demo data entered by {name}",
}
_TYPES = {
    "forecaster": "forecaster",
    "forecasting script": "forecaster",
    "scheduler": "scheduler",
}


class DataSource(Model, tb.BeliefSourceDBMixin):
    """A source of beliefs: a user, a forecaster, a scheduler or a script."""

    __tablename__ = "data_source"
    __table_args__ = (
        UniqueConstraint("name", "user_id", "model", "version", name="data_source_name_key"),
    )
    __allow_unmapped__ = True

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120), default="")
    type: Mapped[str | None] = mapped_column(String(80), default="")
    user_id: Mapped[int | None] = mapped_column(ForeignKey("fm_user.id"), unique=True)
    model: Mapped[str | None] = mapped_column(String(80))
    version: Mapped[str | None] = mapped_column(String(17))

    user: Mapped[User | None] = relationship(backref="data_source")

    def __init__(
        self,
        name: str | None = None,
        type: str | None = None,
        user: User | None = None,
        **kwargs: Any,
    ) -> None:
        if user is not None:
            name, type = user.username, "user"
        elif type == "user":
            raise TypeError("A data source cannot have type 'user' but no user set.")
        if name is None:
            raise TypeError("A data source needs a name or a user.")
        tb.BeliefSourceDBMixin.__init__(self, name=name)
        Model.__init__(self, type=type, user=user, **kwargs)

    @property
    def description(self) -> str:
        """For people, for example "Seita's naive model v1.2"."""
        text = self.name
        if self.model:
            text += f"'s {self.model} model"
            if self.version:
                text += f" v{self.version}"
        return text

    @property
    def label(self) -> str:
        """For people, saying what kind of data comes from this source."""
        return _LABELS.get(self.type or "", "data from {name}").format(name=self.name)

    def to_dict(self) -> dict[str, Any]:
        model = self.model or ""
        if model and self.version:
            model += f" (v{self.version})"
        return {
            "id": self.id,
            "name": self.name,
            "model": model,
            "type": _TYPES.get(self.type or "", "other"),
            "description": self.description,
        }

    def __str__(self) -> str:
        return self.description

    def __repr__(self) -> str:
        return f"<Data source {self.id} ({self.description})>"

    def __lt__(self, other: object) -> bool:
        # BeliefsDataFrames sort their source level; names alone would not be a total order.
        if not isinstance(other, DataSource):
            return NotImplemented
        return (self.name, self.id or 0) < (other.name, other.id or 0)
