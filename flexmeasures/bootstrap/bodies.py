"""What travels: compressed bodies of requests and answers, and answers that need not travel."""

from __future__ import annotations

import zlib
from io import BytesIO

from flask import Flask, Response, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

_GZIP = 16 + zlib.MAX_WBITS


def set_up_bodies(app: Flask) -> None:
    """Before any other function that reads a request."""
    from flask_compress import Compress

    Compress(app)
    app.before_request(_check_query)
    app.before_request(_unpack)
    app.after_request(_tag)


def _check_query() -> None:
    try:
        request.query_string.decode()
    except UnicodeDecodeError as error:
        request.query_string = b""  # who makes the answer may look for a token there
        raise BadRequest("The query of the address is not in UTF-8.") from error


def _unpack() -> None:
    """Read a compressed body, whose limit is that of the content."""
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if coding == "identity":
        return
    if coding not in ("gzip", "x-gzip"):
        raise UnsupportedMediaType(f"Bodies may be compressed by gzip, not by {coding}.")
    limit = request.max_content_length
    unpacker = zlib.decompressobj(_GZIP)
    try:
        # One byte more than allowed shows that there is more; what an attacker packed stays packed.
        content = unpacker.decompress(request.stream.read(), 0 if limit is None else limit + 1)
    except zlib.error as error:
        raise BadRequest("The body is not compressed by gzip, as its header says.") from error
    if limit is not None and len(content) > limit:
        raise RequestEntityTooLarge(f"Uncompressed, the body exceeds the limit of {limit} bytes.")
    if not unpacker.eof:
        raise BadRequest("The compressed body ends too early.")
    request.stream = BytesIO(content)
    for name in ("content_length", "content_encoding"):
        request.__dict__.pop(name, None)
    request.environ["CONTENT_LENGTH"] = str(len(content))
    request.environ.pop("HTTP_CONTENT_ENCODING", None)


def _tag(response: Response) -> Response:
    """Let clients of the API keep what they got, and ask whether it is still the same."""
    if (
        request.method in ("GET", "HEAD")
        and request.path.startswith("/api/")
        and response.status_code == 200
        and not response.is_streamed
        and not response.direct_passthrough
    ):
        response.headers.setdefault("Cache-Control", "private, no-cache")
        response.add_etag()
        response.make_conditional(request)
    return response
