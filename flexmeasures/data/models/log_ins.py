"""Log-ins that were ended by logging out."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import DateTime, String
from sqlalchemy.orm import Mapped, mapped_column

from flexmeasures.data.config import Model


class EndedLogIn(Model):
    """A log-in whose cookies are worth nothing any more, wherever copies of them may be.

    It can be forgotten when the cookies expire.
    """

    __tablename__ = "ended_log_in"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    expires_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True), index=True)
