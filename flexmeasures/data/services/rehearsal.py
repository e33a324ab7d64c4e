"""A schedule that nobody sees, so that the ones that follow find everything loaded and compiled.

What a first schedule takes longer than a second one, a worker thus pays once, not with each job.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import pandas as pd
from sqlalchemy import select

from flexmeasures.data.beliefs.save import save
from flexmeasures.data.config import db
from flexmeasures.data.models.data_sources import DataSource
from flexmeasures.data.models.generic_assets import GenericAsset, GenericAssetType
from flexmeasures.data.models.time_series import Sensor
from flexmeasures.data.services.scheduling import make_schedule
from flexmeasures.utils.timely import tb

logger = logging.getLogger(__name__)

_ID = 2**31 - 1  # the last one: given here, as ids that a sequence gives are lost on rolling back
_START = datetime(2026, 1, 1, tzinfo=timezone.utc)
_STEP = timedelta(minutes=15)
_STEPS = 8


def rehearse() -> None:
    """Make a small schedule in a transaction that is rolled back. Failing does no harm."""
    try:
        with _silence():
            _schedule(*_make_world())
    except Exception:
        logger.warning("No schedule could be rehearsed.", exc_info=True)
    finally:
        db.session.rollback()
        db.session.remove()


def _make_world() -> tuple[int, int]:
    """The ids of a battery and of its prices."""
    name = "rehearsal"
    query = select(GenericAssetType).filter_by(name="battery")
    kind = db.session.scalars(query).first() or GenericAssetType(id=_ID, name="battery")
    source = DataSource(id=_ID, name=name, type=name)
    asset = GenericAsset(id=_ID, name=name, generic_asset_type=kind)
    asset.attributes = {"capacity_in_mw": 1}
    battery, price = (
        Sensor(
            id=_ID - n, name=f"{name} {n}", unit=unit, event_resolution=_STEP, generic_asset=asset
        )
        for n, unit in enumerate(("MW", "EUR/MWh"))
    )
    db.session.add_all([kind, source, asset, battery, price])
    db.session.flush()
    index = pd.date_range(_START, periods=_STEPS, freq=_STEP)
    values = pd.Series(range(_STEPS), index=index, dtype=float)
    save(tb.BeliefsDataFrame(values, sensor=price, source=source, belief_time=_START))
    ids = battery.id, price.id
    db.session.expunge_all()  # to be loaded, as by a job
    return ids


def _schedule(battery_id: int, price_id: int) -> None:
    make_schedule(
        battery_id,
        _START,
        _START + _STEPS * _STEP,
        _STEP,
        flex_model={"soc-at-start": 0, "soc-max": 1, "soc-unit": "MWh"},
        flex_context={"consumption-price-sensor": price_id},
    )


@contextmanager
def _silence() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
