"""The bodies of refusals, and when they are answered."""

from __future__ import annotations

from flexmeasures.api.openapi.fields import Json

ERROR: Json = {
    "title": "Error",
    "type": "object",
    "properties": {
        "message": {"type": "string", "example": "Not Found"},
        "status": {"type": ["integer", "string"], "example": 404},
    },
    "required": ["message", "status"],
}
REJECTION: Json = {
    "title": "Rejection",
    "type": "object",
    "properties": {
        "result": {"type": "string", "const": "Rejected", "example": "Rejected"},
        "status": {
            "type": "string",
            "const": "UNPROCESSABLE_ENTITY",
            "example": "UNPROCESSABLE_ENTITY",
        },
        "message": {
            "type": ["object", "string"],
            "description": "Lists of messages by location (json, query) and field.",
            "example": {"json": {"start": ["Not a valid aware datetime."]}},
        },
    },
    "required": ["result", "status", "message"],
}
UNAUTHORIZED: Json = {
    "title": "Unauthorized",
    "type": "object",
    "properties": {
        "message": {"type": "string"},
        "status": {"type": "string", "const": "UNAUTHORIZED"},
    },
    "required": ["message", "status"],
}
FORBIDDEN: Json = {
    "title": "Forbidden",
    "type": "object",
    "properties": {
        "result": {"type": "string", "const": "Rejected"},
        "message": {"type": "string"},
        "status": {"type": "string", "const": "INVALID_SENDER"},
    },
    "required": ["result", "message", "status"],
}

REFUSALS: dict[int, tuple[Json, str]] = {
    400: (ERROR, "The request cannot be understood."),
    401: (UNAUTHORIZED, "Nobody is logged in: there is no token or session, or it is not valid."),
    403: (FORBIDDEN, "The caller may not do this."),
    404: (ERROR, "There is no such object, or no such page."),
    413: (ERROR, "The body is too large. The text tells the limit."),
    415: (ERROR, "The body is compressed in an unknown way."),
    422: (REJECTION, "What was sent cannot be used. The message tells why, by location and field."),
    429: (ERROR, "Too many requests."),
    503: (ERROR, "The server is busy, or one that it needs does not answer. Try again later."),
}
