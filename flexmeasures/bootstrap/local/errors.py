from __future__ import annotations

from click import ClickException


class LocalServerError(ClickException):
    """Local mode cannot work: one sentence with the cause, one with the remedy.

    A ClickException, so that every command shows just that and exits with code 1.
    """
