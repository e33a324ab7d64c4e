from __future__ import annotations

from flask import Flask
from flask_security import hash_password, verify_password


def test_passwords_are_hashed_by_bcrypt_and_verified(app: Flask) -> None:
    hashed = hash_password("correct horse")
    assert hashed.startswith("$2b$")
    assert verify_password("correct horse", hashed)
    assert not verify_password("wrong horse", hashed)
    assert hash_password("correct horse") != hashed  # salted
