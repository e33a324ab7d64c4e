"""Is what we need there?"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from sqlalchemy import Engine

log = logging.getLogger(__name__)

_probe: threading.Thread | None = None


def database_answers(engine: Engine, timeout: float = 3) -> bool:
    """Does the database answer a trivial query within that time?

    timeout : seconds

    A server that is frozen, or behind a network that loses everything, may keep a connection
    waiting for very long. So a thread asks, one at a time: as long as an earlier question has no
    answer, there is no need for another one.
    """
    global _probe
    answered = threading.Event()

    def ask() -> None:
        try:
            with engine.connect() as connection:
                connection.execute(select(1))
        except SQLAlchemyError as error:
            log.error("The database does not answer: %s", error)
        else:
            answered.set()

    before = _probe
    if before is not None:
        before.join(timeout)
        if before.is_alive():
            return False
    probe = _probe = threading.Thread(target=ask, name="health of the database", daemon=True)
    probe.start()
    probe.join(timeout)
    if probe.is_alive():
        log.error("The database does not answer within %s seconds.", timeout)
    return answered.is_set()
