"""Ids of requests, profiles, and log lines that have them."""

from __future__ import annotations

import json
import logging
import re

import pytest
from flask import Flask

from flexmeasures.app import create
from flexmeasures.bootstrap import logs
from flexmeasures.bootstrap.exceptions import ConfigurationError

log = logging.getLogger("flexmeasures.some.module")


@pytest.fixture
def site(app: Flask) -> Flask:
    site = create(env="testing")

    @site.get("/told")
    def told() -> str:
        log.warning("somebody asks")
        return ""

    @site.get("/failing")
    def failing() -> str:
        raise KeyError("gone")

    return site


def test_answers_have_an_id_of_their_own(site: Flask) -> None:
    client = site.test_client()
    found = [client.get("/told").headers["X-Request-ID"] for _ in range(2)]
    assert all(re.fullmatch("[0-9a-f]{16}", known) for known in found)
    assert found[0] != found[1]


@pytest.mark.parametrize(
    ("sent", "kept"), [("of-the_proxy.1:2", True), ("a b", False), ("x" * 65, False), ("", False)]
)
def test_ids_that_are_sent_along(site: Flask, sent: str, kept: bool) -> None:
    answer = site.test_client().get("/told", headers={"X-Request-ID": sent})
    assert (answer.headers["X-Request-ID"] == sent) == kept


@pytest.mark.usefixtures("logging_state")
def test_log_lines_have_the_id(site: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    logs.log_to_console()
    logs.set_level("WARNING")
    site.test_client().get("/told", headers={"X-Request-ID": "abc"})
    log.warning("afterwards")
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("WARNING: somebody asks [request_id=abc]")
    assert second.endswith("WARNING: afterwards")


@pytest.mark.usefixtures("logging_state")
def test_log_lines_in_json(site: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    logs.log_to_console()
    logs.set_level("WARNING")
    logs.set_format("json")
    try:
        site.test_client().get("/told", headers={"X-Request-ID": "abc"})
        try:
            raise KeyError("nothing")
        except KeyError:
            log.exception("of two\nlines")
    finally:
        logs.set_format("text")
    told, failed = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (told["level"], told["message"], told["request_id"]) == (
        "WARNING",
        "somebody asks",
        "abc",
    )
    assert told["logger"] == "flexmeasures.some.module" and told["time"].endswith("+00:00")
    assert failed["message"] == "of two\nlines" and "KeyError: 'nothing'" in failed["traceback"]
    assert "request_id" not in failed


def test_other_formats() -> None:
    with pytest.raises(ConfigurationError, match="text or json"):
        logs.set_format("xml")


def test_profiles(site: Flask, caplog: pytest.LogCaptureFixture) -> None:
    site.config.update(FLEXMEASURES_PROFILE_REQUESTS=True, PROPAGATE_EXCEPTIONS=False)
    caplog.set_level(logging.INFO)
    client = site.test_client()
    for path in ("/told", "/failing", "/favicon.ico", "/ui/static/js/base.js"):
        client.get(path).close()
    found = [line for line in caplog.messages if line.startswith("[PROFILE]")]
    told = r"\[PROFILE\]   \d\.\d\d seconds to serve http://localhost"
    assert [
        bool(re.fullmatch(rf"{told}/{name}\.", line))
        for name, line in zip(("told", "failing"), found, strict=True)
    ] == [True, True]
    caplog.clear()
    site.config["FLEXMEASURES_PROFILE_REQUESTS"] = False
    client.get("/told")
    assert "[PROFILE]" not in caplog.text
