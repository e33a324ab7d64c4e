"""Annotations: what sources say in words about a period, of an account, an asset or a sensor."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import DateTime, Enum, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from flexmeasures.data.config import Model
from flexmeasures.data.models.data_sources import DataSource

AnnotationType = Literal["alert", "holiday", "label", "feedback"]


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
    content: Mapped[str] = mapped_column(String(1024))

    source: Mapped[DataSource] = relationship(backref="annotations")

    @property
    def duration(self) -> timedelta:
        return self.end - self.start

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
