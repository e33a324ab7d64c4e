"""Saving data from endpoints of plugins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flask import current_app
from sqlalchemy.exc import IntegrityError

from flexmeasures.api.common.responses import (
    Answer,
    already_received_and_successfully_processed,
    invalid_replacement,
    request_processed,
)
from flexmeasures.data import utils
from flexmeasures.data.config import db
from flexmeasures.data.services import jobs
from flexmeasures.utils.coding_utils import deprecated
from flexmeasures.utils.timely import tb

if TYPE_CHECKING:
    from rq.job import Job


def save_and_enqueue(
    data: tb.BeliefsDataFrame | Sequence[tb.BeliefsDataFrame],
    forecasting_jobs: Sequence[Job] | None = None,
    save_changed_beliefs_only: bool = True,
) -> Answer:
    """Save beliefs and commit, then ask for these jobs to be done. Returns an endpoint's answer.

    A stored belief that would get another value is refused (403), and nothing is saved, unless the
    setting FLEXMEASURES_ALLOW_DATA_OVERWRITE allows it.
    """
    try:
        status = utils.save_to_db(data, save_changed_beliefs_only=save_changed_beliefs_only)
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        current_app.logger.info("Data would replace stored beliefs.", exc_info=True)
        return invalid_replacement()
    for job in forecasting_jobs or ():
        jobs.enqueue(job)
    if status == utils.SUCCESS:
        return request_processed()
    return already_received_and_successfully_processed()


@deprecated("flexmeasures.data.utils.save_to_db")
def save_to_db(
    timed_values: tb.BeliefsDataFrame | Sequence[tb.BeliefsDataFrame],
    forecasting_jobs: Sequence[Job] | None = None,
    save_changed_beliefs_only: bool = True,
) -> Answer:
    return save_and_enqueue(timed_values, forecasting_jobs, save_changed_beliefs_only)
