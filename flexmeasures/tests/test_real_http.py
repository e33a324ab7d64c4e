"""A few things over a real socket, as test clients are too polite for them."""

from __future__ import annotations

import http.client
import re
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from werkzeug.serving import make_server

from flexmeasures.app import create
from flexmeasures.tests.permissions.world import PASSWORD, build_world

EMAIL = "member@example.com"


@pytest.fixture(scope="module")
def port(app: Flask, db: SQLAlchemy) -> Iterator[int]:
    build_world()
    site = create(env="testing")
    site.config["WTF_CSRF_ENABLED"] = True
    server = make_server("127.0.0.1", 0, site, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


class Browser:
    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies: dict[str, str] = {}

    def __call__(
        self, method: str, path: str, form: dict[str, str] | None = None, **headers: str
    ) -> tuple[int, str, str]:
        """Status, location and text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={v}" for name, v in self.cookies.items())
        body = None
        if form is not None:
            headers["Content-Type"], body = "application/x-www-form-urlencoded", urlencode(form)
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        for cookie in response.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        text = response.read().decode()
        connection.close()
        return response.status, response.headers.get("Location", ""), text


def token_in(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found
    return found[1]


def test_in_and_out(port: int) -> None:
    browser = Browser(port)
    status, location, _ = browser("GET", "/logged-in-user")
    assert (status, location) == (302, "/login?next=/logged-in-user")
    _, _, page = browser("GET", location)
    form = {"email": EMAIL, "password": PASSWORD, "csrf_token": token_in(page)}
    form["next"] = "/logged-in-user"
    assert browser("POST", "/login", form)[:2] == (302, "/logged-in-user")
    status, _, page = browser("GET", "/logged-in-user")
    assert (status, EMAIL in page) == (200, True)
    assert browser("POST", "/logout", {}, Origin="http://evil.example")[0] == 400
    assert browser("POST", "/logout", {}, Origin=f"http://127.0.0.1:{port}")[0] == 302
    assert browser("GET", "/logged-in-user")[0] == 302


def test_workers_at_once_count_wrong_passwords_together(port: int) -> None:
    statuses: list[int] = []

    def guess() -> None:
        for _ in range(10):
            browser = Browser(port)
            _, _, page = browser("GET", "/login")
            form = {"email": "other@example.com", "password": "x", "csrf_token": token_in(page)}
            statuses.append(browser("POST", "/login", form)[0])

    threads = [threading.Thread(target=guess) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (statuses.count(200), statuses.count(429)) == (10, 50)


@pytest.mark.parametrize(
    "line",
    [
        "GET /login?next=/%0d%0aSet-Cookie:%20evil=1 HTTP/1.1",
        "GET /logged-in-user?%0d%0aSet-Cookie:evil=1 HTTP/1.1",
        "GET /?%0d%0aSet-Cookie:evil=1 HTTP/1.1",
        "GET /%0d%0aSet-Cookie:evil=1 HTTP/1.1",
        "GET /ui/static/%2e%2e/%2e%2e/app.py HTTP/1.1",
        "GET /api/v3_0/users?auth_token=%0d%0aevil HTTP/1.1",
    ],
)
def test_raw_requests(port: int, line: str) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        request = f"{line}\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    head = answer.partition(b"\r\n\r\n")[0].decode().lower()
    assert " 500 " not in head.splitlines()[0]
    assert not [row for row in head.splitlines() if row.startswith("set-cookie: evil")]
    assert b"def create" not in answer
