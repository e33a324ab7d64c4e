"""What the API says, in the words that clients know."""

from __future__ import annotations

from typing import Any

Answer = tuple[dict[str, Any], int]


def unprocessable_entity(message: str | dict[str, Any]) -> Answer:
    """What is wrong with the input: a text, or by location (json, query) and field."""
    return {"result": "Rejected", "status": "UNPROCESSABLE_ENTITY", "message": message}, 422


def request_processed(message: str = "") -> Answer:
    """All went well. More text may follow ours."""
    return {"status": "PROCESSED", "message": _text("Request has been processed.", message)}, 200


def already_received_and_successfully_processed(message: str = "") -> Answer:
    """All went well, though some of it was known."""
    known = "Some of the data has already been received and successfully processed."
    return {
        "results": "PROCESSED",
        "status": "ALREADY_RECEIVED_AND_SUCCESSFULLY_PROCESSED",
        "message": _text(known, message),
    }, 200


def invalid_replacement(message: str = "") -> Answer:
    """Some of the data contradicts what is stored."""
    refused = (
        "Some of the data represents a replacement, which is reserved for servers in play mode."
        " Enable play mode or update the prior in your request."
    )
    return {
        "results": "Rejected",
        "status": "INVALID_REPLACEMENT",
        "message": _text(refused, message),
    }, 403


def with_status(body: dict[str, Any], code: int = 200) -> Answer:
    """An answer that repeats its HTTP status in its body."""
    return {"status": code} | body, code


def _text(text: str, more: str) -> str:
    return f"{text} {more}" if more else text
