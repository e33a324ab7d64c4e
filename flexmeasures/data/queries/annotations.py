"""Annotations of accounts, assets and sensors."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import joinedload

from flexmeasures.data.beliefs.sources import find_sources
from flexmeasures.data.config import db
from flexmeasures.data.models.annotations import (
    AccountAnnotationRelationship,
    Annotation,
    AnnotationType,
    GenericAssetAnnotationRelationship,
    SensorAnnotationRelationship,
    to_annotation_frame,
)

if TYPE_CHECKING:
    from pandas import DataFrame

    from flexmeasures.data.beliefs.sources import Sources

logger = logging.getLogger(__name__)


def search_annotations(as_frame: bool = False, **filters: Any) -> list[Annotation] | DataFrame:
    """What `find_annotations` finds, also as a frame."""
    found = find_annotations(**filters)
    return to_annotation_frame(found) if as_frame else found


def find_annotations(**filters: Any) -> list[Annotation]:
    """Annotations, with their sources (see `select_annotations`), in the order of their starts."""
    query = select_annotations(**filters).options(joinedload(Annotation.source))
    return [*db.session.scalars(query.order_by(Annotation.start, Annotation.id))]


def count_annotations(**filters: Any) -> int:
    """How many `search_annotations` finds."""
    found = select_annotations(**filters).subquery()
    return db.session.scalar(select(func.count()).select_from(found)) or 0


def select_annotations(
    *,
    account_id: int | None = None,
    asset_id: int | None = None,
    sensor_id: int | None = None,
    annotations_after: datetime | None = None,
    annotations_before: datetime | None = None,
    source: Sources | None = None,
    annotation_type: AnnotationType | Iterable[AnnotationType] | None = None,
    annotation_starts_after: datetime | None = None,
    annotation_ends_before: datetime | None = None,
) -> Select[Any]:
    """Annotations that any of these has, each once.

    annotations_after, annotations_before : those that end after the one moment and start before the
        other
    source : data sources, ids or names; unknown ones are logged and skipped
    annotation_starts_after, annotation_ends_before : older names of the first two
    """
    if annotation_starts_after is not None:
        logger.warning("annotation_starts_after is deprecated. Use annotations_after.")
    if annotation_ends_before is not None:
        logger.warning("annotation_ends_before is deprecated. Use annotations_before.")
    return select(Annotation).where(
        _belongs_to(account_id, asset_id, sensor_id),
        *_filters(
            annotations_after or annotation_starts_after,
            annotations_before or annotation_ends_before,
            source,
            annotation_type,
        ),
    )


def _belongs_to(
    account_id: int | None, asset_id: int | None, sensor_id: int | None
) -> ColumnElement[bool]:
    account, asset = AccountAnnotationRelationship, GenericAssetAnnotationRelationship
    sensor = SensorAnnotationRelationship
    owners: Sequence[tuple[Any, int | None]] = (
        (account.account_id, account_id),
        (asset.generic_asset_id, asset_id),
        (sensor.sensor_id, sensor_id),
    )
    return or_(
        False,
        *(Annotation.id.in_(_noted(column, id_)) for column, id_ in owners if id_ is not None),
    )


def _noted(owner: Any, id_: int) -> Select[Any]:
    return select(owner.class_.annotation_id).where(owner == id_)


def _filters(
    after: datetime | None,
    before: datetime | None,
    source: Sources | None,
    annotation_type: AnnotationType | Iterable[AnnotationType] | None,
) -> list[ColumnElement[bool]]:
    criteria: list[ColumnElement[bool]] = []
    if after is not None:
        criteria.append(Annotation.end > after)
    if before is not None:
        criteria.append(Annotation.start < before)
    if source is not None:
        criteria.append(Annotation.source_id.in_(find_sources(source) or {}))
    if annotation_type is not None:
        types = [annotation_type] if isinstance(annotation_type, str) else [*annotation_type]
        criteria.append(Annotation.type.in_(types))
    return criteria
