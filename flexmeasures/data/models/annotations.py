"""Annotations: what sources say in words about a period, of an account, an asset or a sensor."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from sqlalchemy import DateTime, Enum, ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from flexmeasures.data.config import Model, db
from flexmeasures.data.models.data_sources import DataSource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pandas import DataFrame

AnnotationType = Literal["alert", "holiday", "label", "feedback"]
LONGEST_CONTENT = 1024  # characters


class Annotation(Model):
    """A remark about a period of time."""

    __tablename__ = "annotation"
    __table_args__ = (
        UniqueConstraint(
            "content",
            "start",
            "belief_time",
            "source_id",
            "type",
            name="annotation_content_key",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    start: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    end: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    belief_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    source_id: Mapped[int] = mapped_column(ForeignKey("data_source.id"))
    type: Mapped[AnnotationType] = mapped_column(
        Enum("alert", "holiday", "label", "feedback", name="annotation_type")
    )
    content: Mapped[str] = mapped_column(String(LONGEST_CONTENT))

    source: Mapped[DataSource] = relationship(backref="annotations")

    @property
    def duration(self) -> timedelta:
        return self.end - self.start

    @classmethod
    def add(
        cls,
        df: DataFrame,
        annotation_type: AnnotationType,
        expunge_session: bool = False,
        allow_overwrite: bool = False,
        bulk_save_objects: bool = False,
        commit_transaction: bool = False,
    ) -> None:
        """Store annotations (a frame as in `services.annotations.save_annotations`).

        `expunge_session`, `allow_overwrite` and `bulk_save_objects` have no effect.
        """
        from flexmeasures.data.services.annotations import save_annotations

        save_annotations(df, annotation_type)
        if commit_transaction:
            db.session.commit()

    def __repr__(self) -> str:
        return (
            f"<Annotation {self.id}: {self.content} ({self.type}), "
            f"start: {self.start} end: {self.end}, source: {self.source}>"
        )


class AccountAnnotationRelationship(Model):
    __tablename__ = "annotations_accounts"
    __table_args__ = (
        UniqueConstraint(
            "annotation_id", "account_id", name="annotations_accounts_annotation_id_key"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int | None] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"), index=True
    )
    annotation_id: Mapped[int | None] = mapped_column(
        ForeignKey("annotation.id", ondelete="CASCADE")
    )


class GenericAssetAnnotationRelationship(Model):
    __tablename__ = "annotations_assets"
    __table_args__ = (
        UniqueConstraint(
            "annotation_id", "generic_asset_id", name="annotations_assets_annotation_id_key"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    generic_asset_id: Mapped[int | None] = mapped_column(
        ForeignKey("generic_asset.id", ondelete="CASCADE"), index=True
    )
    annotation_id: Mapped[int | None] = mapped_column(
        ForeignKey("annotation.id", ondelete="CASCADE")
    )


class SensorAnnotationRelationship(Model):
    __tablename__ = "annotations_sensors"
    __table_args__ = (
        UniqueConstraint(
            "annotation_id", "sensor_id", name="annotations_sensors_annotation_id_key"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sensor_id: Mapped[int | None] = mapped_column(
        ForeignKey("sensor.id", ondelete="CASCADE"), index=True
    )
    annotation_id: Mapped[int | None] = mapped_column(
        ForeignKey("annotation.id", ondelete="CASCADE")
    )


def get_or_create_annotation(annotation: Annotation) -> Annotation:
    """The stored annotation that says the same about the same period, else this one, added."""
    query = select(Annotation).where(
        Annotation.content == annotation.content,
        Annotation.start == annotation.start,
        Annotation.end == annotation.end,
        Annotation.source == annotation.source,
        Annotation.type == annotation.type,
    )
    with db.session.no_autoflush:
        found = db.session.scalars(query.order_by(Annotation.id).limit(1)).one_or_none()
    if found is None:
        db.session.add(annotation)
        return annotation
    if annotation in db.session:
        db.session.expunge(annotation)
    return found


def to_annotation_frame(annotations: Iterable[Annotation]) -> DataFrame:
    """Columns start, end, belief_time, source, type and content; a row per annotation."""
    import pandas as pd

    names = ["start", "end", "belief_time", "source", "type", "content"]
    rows = [[getattr(annotation, name) for name in names] for annotation in annotations]
    return pd.DataFrame(rows, columns=names)
