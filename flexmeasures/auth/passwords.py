"""Which passwords people may choose."""

from __future__ import annotations

from typing import Any

from flask_security import PasswordUtil
from flask_security.utils import password_complexity_validator, password_length_validator

LONGEST = 128
_LOOKED_AT = 72  # characters; judging takes more than proportional time


class PasswordRules(PasswordUtil):
    """Not too short, not common and not easy to guess. Nobody else is asked about a password."""

    def validate(
        self, password: str, is_register: bool, **kwargs: Any
    ) -> tuple[list[str] | None, str]:
        """What is wrong with it, if anything, and the password as it is hashed.

        kwargs : what it should not resemble; for a known user (not `is_register`): `user`
        """
        normalised = self.normalize(password)
        if len(normalised) > LONGEST:
            return [f"Password can have {LONGEST} characters at most"], normalised
        complaints = password_length_validator(normalised) or password_complexity_validator(
            normalised[:_LOOKED_AT], is_register, **kwargs
        )
        return complaints, normalised
