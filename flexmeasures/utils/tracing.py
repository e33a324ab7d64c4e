"""Which request or job the code at work serves, so that log lines of all its parts can be found."""

from __future__ import annotations

import logging
import re
import uuid
from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
job_id: ContextVar[str | None] = ContextVar("job_id", default=None)

_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def id_of_request(sent: str | None) -> str:
    """The id that a proxy or client sent along, if it is a proper one; else a new one."""
    return sent if sent is not None and _ID.fullmatch(sent) else uuid.uuid4().hex[:16]


def ids() -> dict[str, str]:
    """Those that are known, by name."""
    known = {"request_id": request_id.get(), "job_id": job_id.get()}
    return {name: value for name, value in known.items() if value is not None}


class TracingFilter(logging.Filter):
    """Gives each log line `ids` (a dict) and `trace`, the same as text: " [request_id=...]"."""

    def filter(self, record: logging.LogRecord) -> bool:
        known = ids()
        pairs = " ".join(f"{name}={value}" for name, value in known.items())
        record.__dict__.update(ids=known, trace=f" [{pairs}]" if pairs else "")
        return True
