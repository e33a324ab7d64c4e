"""Writing annotations."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict

from sqlalchemy import ARRAY, Integer, column, func, literal, select, true
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

    from flexmeasures.data.models.data_sources import DataSource

_LINKS: dict[str, Any] = {
    "account_id": AccountAnnotationRelationship,
    "generic_asset_id": GenericAssetAnnotationRelationship,
    "sensor_id": SensorAnnotationRelationship,
}
# Key of the lock that whoever adds annotations holds until the end of the transaction.
_ADDING_ANNOTATIONS = 0x6E6F7465  # any number that nobody else uses


class Note(TypedDict):
    """An annotation as a row; a belief time of None means unknown."""

    start: datetime
    end: datetime
    belief_time: datetime | None
    source_id: int
    content: str


def annotate(
    content: str,
    start: datetime,
    end: datetime,
    *,
    source: DataSource,
    annotation_type: AnnotationType = "label",
    **owners: Collection[int],
) -> int:
    """Let some accounts, assets and sensors have an annotation, which is stored once.

    owners : ids of each kind: account_id, generic_asset_id, sensor_id
    Returns the annotation's id.
    """
    note: Note = {
        "start": start,
        "end": end,
        "belief_time": None,
        "source_id": source.id,
        "content": content,
    }
    ids = save_notes([note], annotation_type)
    for owner, owner_ids in owners.items():
        link_annotations(ids, owner, owner_ids)
    return ids[0]


def save_annotations(
    frame: pd.DataFrame, annotation_type: AnnotationType, **owner: int
) -> list[int]:
    """Store what is not stored yet, and let an owner have it.

    frame : columns or index levels start, end (or duration), content, belief_time, source (data
        sources). Times are aware; a missing belief time means unknown.
    owner : account_id, generic_asset_id or sensor_id; nobody, without any

    Returns the annotations' ids, one per row. Raises KeyError for missing columns.
    """
    ids = save_notes(_notes(frame), annotation_type)
    for column_, id_ in owner.items():
        link_annotations(ids, column_, [id_])
    return ids


def save_notes(notes: Sequence[Note], annotation_type: AnnotationType) -> list[int]:
    """Store those that are not stored yet; a fixed number of statements, however many.

    Returns the annotations' ids, one per note.
    """
    if not notes:
        return []
    db.session.flush()
    known = _stored(notes, annotation_type)
    if any(_key(note) not in known for note in notes):
        # Somebody else may be adding them right now: wait until then, and look again.
        db.session.execute(select(func.pg_advisory_xact_lock(_ADDING_ANNOTATIONS)))
        known = _stored(notes, annotation_type)
    new = {_key(note): note for note in notes if _key(note) not in known}
    if new:
        query = insert(Annotation).returning(Annotation.id, sort_by_parameter_order=True)
        rows = [{**note, "type": annotation_type} for note in new.values()]
        known |= dict(zip(new, db.session.scalars(query, rows), strict=True))
    return [known[_key(note)] for note in notes]


def link_annotations(annotation_ids: Sequence[int], owner: str, ids: Collection[int]) -> None:
    """Let each of these have each of these annotations, unless it does already. One statement.

    owner : account_id, generic_asset_id or sensor_id, of which `ids` are some
    """
    if not annotation_ids or not ids:
        return
    annotation, one = _unnested("annotation", annotation_ids), _unnested("owner", ids)
    pairs = select(annotation.c.id, one.c.id).select_from(annotation.join(one, true()))
    statement = insert(_LINKS[owner]).from_select(["annotation_id", owner], pairs)
    db.session.execute(statement.on_conflict_do_nothing())


def _unnested(name: str, ids: Collection[int]) -> Any:
    array = literal(list(dict.fromkeys(ids)), ARRAY(Integer))
    return func.unnest(array).table_valued(column("id", Integer)).render_derived(name)


def _notes(frame: pd.DataFrame) -> list[Note]:
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
            "content": row.content,
        }
        for row in flat[["start", "end", "belief_time", "source", "content"]].itertuples()
    ]


def _key(note: Note) -> tuple[Any, ...]:
    """What is stored once; if the belief time is known, that is what the database allows once."""
    told_apart_by = note["end"] if note["belief_time"] is None else None
    return note["content"], note["start"], note["belief_time"], note["source_id"], told_apart_by


def _stored(notes: Sequence[Note], annotation_type: AnnotationType) -> dict[tuple[Any, ...], int]:
    starts = [note["start"] for note in notes]
    names = Note.__required_keys__
    found = db.session.execute(
        select(Annotation.id, *(getattr(Annotation, name) for name in names))
        .where(
            Annotation.type == annotation_type,
            Annotation.source_id.in_({note["source_id"] for note in notes}),
            Annotation.start.between(min(starts), max(starts)),
        )
        .order_by(Annotation.id.desc())  # of several, the oldest counts
    )
    return {_key(row): row["id"] for row in found.mappings()}  # type: ignore[arg-type]
