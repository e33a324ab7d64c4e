"""How often something was tried lately: shared by all processes of a server."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import DateTime, String
from sqlalchemy.orm import Mapped, mapped_column

from flexmeasures.data.config import Model


class Attempts(Model):
    """The number of attempts of one kind by one party, from the first one on until they expire.

    The key is a digest: addresses of people and machines are not stored.
    """

    __tablename__ = "attempts"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int]
    expires_at: Mapped[dt.datetime] = mapped_column(DateTime(timezone=True), index=True)
