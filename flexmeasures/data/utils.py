"""Saving to the database, for our use cases and for plugins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import current_app
from sqlalchemy import select

from flexmeasures.data.beliefs.save import save
from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.utils.timely import tb

SUCCESS = "success"
SUCCESS_WITH_UNCHANGED_BELIEFS_SKIPPED = "success_with_unchanged_beliefs_skipped"
SUCCESS_BUT_NOTHING_NEW = "success_but_nothing_new"


def save_to_db(
    data: tb.BeliefsDataFrame | tb.BeliefsSeries | Sequence[tb.BeliefsDataFrame | tb.BeliefsSeries],
    bulk_save_objects: bool = False,
    save_changed_beliefs_only: bool = True,
) -> str:
    """Save beliefs, without committing. Beliefs that say nothing new are skipped.

    data : one frame (or its column of values) or several, in their sensors' units
    bulk_save_objects : has no effect, as no row becomes an object
    save_changed_beliefs_only : False saves unchanged beliefs, too

    Returns "success" if everything was saved, "success_with_unchanged_beliefs_skipped" if some
    was, "success_but_nothing_new" if nothing was. Missing values (nan) are never saved.

    Raises sqlalchemy.exc.IntegrityError (on timed_belief_pkey) for another value of a stored belief
    with the same belief time; with setting FLEXMEASURES_ALLOW_DATA_OVERWRITE it gets that value.
    """
    saved = save(
        data,
        unchanged="skip" if save_changed_beliefs_only else "store",
        overwrite=current_app.config["FLEXMEASURES_ALLOW_DATA_OVERWRITE"],
    )
    if not saved.new:
        return SUCCESS_BUT_NOTHING_NEW
    return SUCCESS_WITH_UNCHANGED_BELIEFS_SKIPPED if saved.unchanged else SUCCESS


def get_data_source(
    data_source_name: str,
    data_source_model: str | None = None,
    data_source_version: str | None = None,
    data_source_type: str = "script",
) -> DataSource:
    """The data source with exactly this name, model, version and type; made and flushed if new."""
    wanted: dict[str, Any] = {
        "name": data_source_name,
        "model": data_source_model,
        "version": data_source_version,
        "type": data_source_type,
    }
    source = db.session.scalars(select(DataSource).filter_by(**wanted)).first()
    if source is None:
        source = DataSource(**wanted)
        db.session.add(source)
        db.session.flush()
    return source


def save_to_session(objects: Sequence[Any], overwrite: bool = False) -> None:
    """Add objects to the session; with `overwrite`, in place of stored ones with the same keys."""
    if not overwrite:
        db.session.add_all(objects)
        return
    for one in objects:
        db.session.merge(one)
