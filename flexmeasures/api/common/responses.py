"""What the API says, in the words that clients know."""

from __future__ import annotations

from typing import Any

Answer = tuple[dict[str, Any], int]


def unprocessable_entity(message: str | dict[str, Any]) -> Answer:
    """What is wrong with the input: a text, or by location (json, query) and field."""
    return {"result": "Rejected", "status": "UNPROCESSABLE_ENTITY", "message": message}, 422


def with_status(body: dict[str, Any], code: int = 200) -> Answer:
    """An answer that repeats its HTTP status in its body."""
    return {"status": code} | body, code
