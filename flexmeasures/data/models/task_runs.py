"""When a recurring task last ran, and how it went."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import DateTime, String
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from flexmeasures.data.config import Model, db
from flexmeasures.utils.time_utils import server_now


class LatestTaskRun(Model):
    """The latest run of a task; one row per task name."""

    __tablename__ = "latest_task_run"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    datetime: Mapped[dt.datetime | None] = mapped_column(
        DateTime(timezone=True), default=server_now
    )
    status: Mapped[bool | None] = mapped_column(default=True)

    def __repr__(self) -> str:
        state = "ERROR" if self.status is False else "ok"
        return f"<Task {self.name} [{state}] at {self.datetime}>"

    @staticmethod
    def record_run(task_name: str, status: bool, at: dt.datetime | None = None) -> None:
        """Note that a task ran, in place of its earlier run. Does not commit.

        status : did it succeed?
        at : when (aware); None: now
        """
        run = {"datetime": at or server_now(), "status": status}
        statement = insert(LatestTaskRun).values(name=task_name, **run)
        db.session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=run))
