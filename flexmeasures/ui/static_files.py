"""Scripts, styles, pictures and fonts of pages, served so that browsers may keep them.

Addresses made by `url_for` name the version of all files together:
`/ui/static/v-0123456789/js/chart.js`. They never change what they mean, so browsers need not ask
again; and as paths in scripts and styles are relative, what these load has the same version.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request
from flask.sessions import SecureCookieSessionInterface, SessionMixin

_FOR_EVER = "public, max-age=31536000, immutable"
_PREFIX = "v-"


class BlueprintWithVersions(Blueprint):
    """A blueprint whose static files have versions."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.app_url_defaults(self._add_version)

    def send_static_file(self, filename: str) -> Response:
        """A file; a version in its path does not matter, as pages of before may still ask."""
        version, _, rest = filename.partition("/")
        if not version.startswith(_PREFIX):
            return super().send_static_file(filename)
        response = super().send_static_file(rest)
        if version == _PREFIX + self._version():
            response.headers["Cache-Control"] = _FOR_EVER
        return response

    def _add_version(self, endpoint: str, values: dict[str, Any]) -> None:
        # Developers change files while the server runs: they get plain addresses.
        if endpoint == f"{self.name}.static" and "filename" in values and not current_app.debug:
            values["filename"] = f"{_PREFIX}{self._version()}/{values['filename']}"

    def _version(self) -> str:
        assert self.static_folder is not None
        return version_of(Path(self.static_folder))


class SessionsWithoutFiles(SecureCookieSessionInterface):
    """Sessions of which static files know nothing: caches may keep these whatever cookies say."""

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if session.modified or not f".{request.endpoint}".endswith(".static"):
            super().save_session(app, session, response)


@cache
def version_of(folder: Path) -> str:
    """Ten digits that change with the content of any file in the folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:10]
