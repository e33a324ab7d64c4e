"""JSON, quickly: orjson for what it knows, Python's own parser and writer for the rest."""

from __future__ import annotations

from typing import Any, cast

import orjson
from flask import Flask, Response
from flask.json.provider import DefaultJSONProvider

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


class JSONProvider(DefaultJSONProvider):
    """Keys are sorted, moments are ISO 8601, and what is no number (nan) is null."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        if kwargs:  # someone wants a particular form
            return super().dumps(obj, **kwargs)
        return self._bytes_of(obj, 0).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Raises ValueError for what is no JSON.

        Beyond the standard, NaN and Infinity are read, so that who checks the fields can tell which
        one has them.
        """
        try:
            return orjson.loads(s)
        except orjson.JSONDecodeError:
            pass
        try:
            return super().loads(s, **kwargs)
        except RecursionError as error:
            raise ValueError("too deeply nested") from error

    def response(self, *args: Any, **kwargs: Any) -> Response:
        obj = self._prepare_response_obj(args, kwargs)
        pretty = self._app.debug or self._app.config["JSONIFY_PRETTYPRINT_REGULAR"]
        body = self._bytes_of(obj, orjson.OPT_INDENT_2 if pretty else 0)
        return cast("Flask", self._app).response_class(body + b"\n", mimetype=self.mimetype)

    def _bytes_of(self, obj: Any, options: int) -> bytes:
        try:
            return orjson.dumps(obj, self.default, _OPTIONS | options)
        except orjson.JSONEncodeError:
            # Such as integers beyond 64 bits, and texts that quote half a character.
            indent = 2 if options else None
            return super().dumps(obj, indent=indent).encode()


def set_up_json(app: Flask) -> None:
    app.json = JSONProvider(app)
    app.json_provider_class = JSONProvider
