"""Settings that depend on what roles a user's account has."""

from __future__ import annotations

import logging
from typing import Any

from flask import current_app
from flask_security import current_user

logger = logging.getLogger(__name__)


def first_applicable(setting: str) -> str | None:
    """The first text of a setting that applies to the current user.

    The setting is a text, or a list of texts and of pairs (text, [account roles]); a pair applies
    to accounts with one of these roles. What is malformed is skipped, and logged.
    """
    return next(iter(all_applicable(setting)), None)


def all_applicable(setting: str) -> list[str]:
    """The texts of such a setting that apply to the current user, in its order."""
    value = current_app.config[setting]
    entries = value if isinstance(value, list) else [value]
    found = (parse_config_entry_by_account_roles(entry, setting) for entry in entries)
    return [text for text in found if text is not None]


def parse_config_entry_by_account_roles(entry: Any, setting: str) -> str | None:
    """The text of one entry of such a setting, if it applies to the current user."""
    parsed = _entry(setting, entry)
    return parsed[0] if parsed is not None and _applies(parsed[1]) else None


def find_first_applicable_config_entry(entries: list[Any], setting: str) -> str | None:
    """The first of these texts that applies to the current user."""
    found = (parse_config_entry_by_account_roles(entry, setting) for entry in entries)
    return next((text for text in found if text is not None), None)


def _entry(setting: str, value: Any) -> tuple[str, list[str] | None] | None:
    if isinstance(value, str):
        return value, None
    if not isinstance(value, tuple) or len(value) != 2:
        logger.warning(
            "%s in setting %s is neither a string nor two-part tuple. Ignoring ...", value, setting
        )
    elif not isinstance(value[0], str):
        logger.warning("%s in setting %s is not a string. Ignoring ...", value[0], setting)
    elif not isinstance(value[1], list):
        logger.warning("%s in setting %s is not a list. Ignoring ...", value[1], setting)
    else:
        return value[0], value[1]
    return None


def _applies(account_roles: list[str] | None) -> bool:
    if account_roles is None:
        return True
    return current_user.is_authenticated and any(map(current_user.account.has_role, account_roles))
