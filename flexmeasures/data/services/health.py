"""Is what we need there?"""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from redis.exceptions import RedisError
from sqlalchemy import String, column, func, select, table
from sqlalchemy.exc import SQLAlchemyError

from flexmeasures.data.services.jobs import all_queues, number_of_workers, redis_connection
from flexmeasures.data.services.tables import REVISION_TABLE

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class Probe:
    """Asks a server, and does not wait for ever.

    A server that is frozen, or behind a network that loses everything, may keep a connection
    waiting for very long. So a thread asks, one at a time: as long as an earlier question has no
    answer, there is no need for another one.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self._last: threading.Thread | None = None

    def ask(self, question: Callable[[], Answer], timeout: float) -> Answer | None:
        """The answer; None if there is none within that time, or if the server refuses.

        timeout : seconds
        """
        before = self._last
        if before is not None:
            before.join(timeout)
            if before.is_alive():
                return None
        answer: Future[Answer] = Future()
        context = contextvars.copy_context()  # with the app

        def ask() -> None:
            try:
                answer.set_result(context.run(question))
            except BaseException as error:  # noqa: BLE001 - raised again where it is asked for
                answer.set_exception(error)

        self._last = threading.Thread(target=ask, name=f"health of the {self._server}", daemon=True)
        self._last.start()
        try:
            return answer.result(timeout)
        except NotInTime:
            log.error("The %s does not answer within %s seconds.", self._server, timeout)
        except (SQLAlchemyError, RedisError) as error:
            log.error("The %s does not answer: %s", self._server, error)
        return None


database = Probe("database")
redis = Probe("Redis server")


def database_answers(engine: Engine, timeout: float = 3) -> bool:
    """Does the database answer a trivial query within that time?

    timeout : seconds
    """

    def ask() -> bool:
        with engine.connect() as connection:
            connection.execute(select(1))
        return True

    return database.ask(ask, timeout) or False


@dataclass(frozen=True)
class Readiness:
    """What is there of what we need; False also for what could not be asked.

    migrations : the tables are those that this version works with
    workers : how many serve each queue; None if that is not known
    """

    database: bool
    redis: bool
    migrations: bool
    workers: dict[str, int] | None

    @property
    def is_ready(self) -> bool:
        """Without workers, pages and data are served all the same, and jobs wait."""
        return self.database and self.redis and self.migrations


def readiness(engine: Engine, scripts: str, timeout: float = 3) -> Readiness:
    """Within twice that time.

    scripts : the folder of migrations
    timeout : seconds
    """

    def ask() -> bool:
        with engine.connect() as connection:
            return migrations_are_at_head(connection, scripts)

    migrated = database.ask(ask, timeout)
    workers = redis.ask(_workers_by_queue, timeout)
    return Readiness(migrated is not None, workers is not None, migrated or False, workers)


def migrations_are_at_head(connection: Connection, scripts: str) -> bool:
    """Were all migrations made, and none of a later version?

    scripts : the folder of migrations
    """
    if connection.scalar(select(func.to_regclass(REVISION_TABLE))) is None:
        return False
    query = select(column("version_num", String)).select_from(table(REVISION_TABLE))
    return set(connection.scalars(query)) == set(_heads(scripts))


@cache
def _heads(scripts: str) -> Sequence[str]:
    from alembic.script import ScriptDirectory

    return ScriptDirectory(scripts).get_heads()


def _workers_by_queue() -> dict[str, int]:
    redis_connection().ping()
    return {queue.name: number_of_workers(queue.name) for queue in all_queues()}
