"""Writing annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from flexmeasures.data.config import db
from flexmeasures.data.models.annotations import (
    AccountAnnotationRelationship,
    Annotation,
    AnnotationType,
    GenericAssetAnnotationRelationship,
    SensorAnnotationRelationship,
)

if TYPE_CHECKING:
    import pandas as pd

_LINKS: dict[str, Any] = {
    "account_id": AccountAnnotationRelationship,
    "generic_asset_id": GenericAssetAnnotationRelationship,
    "sensor_id": SensorAnnotationRelationship,
}


def save_annotations(
    frame: pd.DataFrame, annotation_type: AnnotationType, **owner: int
) -> list[int]:
    """Store what is not stored yet, and let an owner have it.

    frame : columns or index levels start, end (or duration), content, belief_time, source (data
        sources). Times are aware; a missing belief time means unknown.
    owner : account_id, generic_asset_id or sensor_id; nobody, without any

    Three statements at most, however many rows. Returns the annotations' ids, one per row.
    Raises KeyError for missing columns.
    """
    rows = _rows(frame, annotation_type)
    if not rows:
        return []
    db.session.flush()
    known = _stored(rows, annotation_type)
    new = {_key(row): row for row in rows if _key(row) not in known}
    if new:
        query = insert(Annotation).returning(Annotation.id, sort_by_parameter_order=True)
        ids = db.session.scalars(query, [*new.values()])
        known |= dict(zip(new, ids, strict=True))
    result = [known[_key(row)] for row in rows]
    for column, id_ in owner.items():
        links = [{"annotation_id": annotation, column: id_} for annotation in dict.fromkeys(result)]
        db.session.execute(insert(_LINKS[column]).on_conflict_do_nothing(), links)
    return result


def _rows(frame: pd.DataFrame, annotation_type: AnnotationType) -> list[dict[str, Any]]:
    import pandas as pd

    flat = frame.reset_index()
    if "end" not in flat:
        flat["end"] = flat["start"] + flat["duration"]
    return [
        {
            "start": row.start.to_pydatetime(),
            "end": row.end.to_pydatetime(),
            "belief_time": None if pd.isna(row.belief_time) else row.belief_time.to_pydatetime(),
            "source_id": row.source.id,
            "type": annotation_type,
            "content": row.content,
        }
        for row in flat[["start", "end", "belief_time", "source", "content"]].itertuples()
    ]


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    """What the database allows once (apart from unknown belief times)."""
    return row["content"], row["start"], row["belief_time"], row["source_id"]


def _stored(
    rows: list[dict[str, Any]], annotation_type: AnnotationType
) -> dict[tuple[Any, ...], int]:
    starts = [row["start"] for row in rows]
    found = db.session.execute(
        select(
            Annotation.content,
            Annotation.start,
            Annotation.belief_time,
            Annotation.source_id,
            Annotation.id,
        ).where(
            Annotation.type == annotation_type,
            Annotation.source_id.in_({row["source_id"] for row in rows}),
            Annotation.start.between(min(starts), max(starts)),
        )
    )
    return {(*key,): id_ for *key, id_ in found}
