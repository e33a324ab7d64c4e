"""A real browser: finding it, and watching what pages do in it."""

from __future__ import annotations

import os
import re
import shutil
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}

# What axe-core calls harmful; the rest are pieces of advice.
_SERIOUS = {"serious", "critical"}


def find_browser() -> str | None:
    """The program that FLEXMEASURES_TEST_CHROMIUM names, else one on the PATH."""
    named = os.environ.get("FLEXMEASURES_TEST_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


class Watch:
    """What went wrong in the pages of a test: errors on the console (the content security policy's,
    too), exceptions, and requests that leave the server."""

    def __init__(self, address: str) -> None:
        self._host = urlsplit(address).netloc
        self._allowed: list[str] = []
        self._found: list[str] = []

    def allow(self, pattern: str) -> None:
        """Expect messages on the console like this, such as `404` where a page is missing."""
        self._allowed.append(pattern)

    def over(self, context: BrowserContext) -> None:
        context.on("request", self._note_request)
        context.on("console", self._note_message)
        context.on("weberror", lambda error: self._found.append(str(error.error)))

    def problems(self) -> list[str]:
        return [
            found
            for found in self._found
            if not any(re.search(pattern, found) for pattern in self._allowed)
        ]

    def _note_request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme in ("http", "https", "ws", "wss") and url.netloc != self._host:
            self._found.append(f"A request leaves the server: {request.url}")

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._found.append(f"{message.type}: {message.text} ({message.location})")


def barriers(page: Page) -> list[str]:
    """What axe-core finds serious on a page, for people who use a keyboard or a screen reader."""
    from axe_playwright_python.sync_playwright import Axe

    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {violation['help']}: {node['html']} {node.get('failureSummary', '')}"
        for violation in found
        if violation["impact"] in _SERIOUS
        for node in violation["nodes"]
    ]
