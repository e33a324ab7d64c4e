"""What browsers may keep, and what is shipped."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from urllib.parse import urljoin

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event

from flexmeasures.app import create
from flexmeasures.tests.permissions.world import build_world, user_named
from flexmeasures.ui import flexmeasures_ui
from flexmeasures.ui.static_files import version_of

STATIC = Path(str(flexmeasures_ui.static_folder))


@pytest.fixture
def site(app: Flask) -> Flask:
    """As in production: not for developers who change files."""
    site = create(env="testing")
    site.debug = False
    site.env = "development"  # without HTTPS
    return site


def test_addresses_name_a_version_and_may_be_kept(site: Flask) -> None:
    client = site.test_client()
    page = client.get("/login").text
    found = re.findall(r'(?:src|href)="(/ui/static/[^"]+)"', page)
    assert len(found) > 5
    for address in found:
        assert re.match(r"/ui/static/v-[0-9a-f]{10}/", address)
        answer = client.get(address)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (
            200,
            "public, max-age=31536000, immutable",
        )
        answer.close()


@pytest.mark.parametrize("version", ["", "v-0123456789/"])
def test_other_addresses_are_checked_again(site: Flask, version: str) -> None:
    with site.test_client().get(f"/ui/static/{version}css/icons.css") as answer:
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")
        assert "ETag" in answer.headers


@pytest.mark.parametrize("path", ["v-0123456789/../app.py", "v-1/none.css", "v-/", "v-1"])
def test_there_is_nothing_else(site: Flask, path: str) -> None:
    assert site.test_client().get(f"/ui/static/{path}").status_code == 404


def test_nobody_needs_to_be_known(site: Flask, db: SQLAlchemy) -> None:
    build_world()
    client = site.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = user_named("member").fs_uniquifier
    statements: list[str] = []
    with site.app_context():
        engine = site.db.engine  # type: ignore[attr-defined]
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    with client.get("/ui/static/css/icons.css") as answer:
        assert "Cookie" not in answer.headers.get("Vary", "")
    assert statements == []


def test_the_version_changes_with_any_file(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a")
    before = version_of(tmp_path)
    version_of.cache_clear()
    (tmp_path / "a.css").write_text("b")
    assert version_of(tmp_path) != before


def test_libraries_are_those_of_the_manifest() -> None:
    manifest = json.loads((STATIC / "vendor" / "manifest.json").read_text())
    files = {name: digest for entry in manifest.values() for name, digest in entry["files"].items()}
    shipped = {
        path.relative_to(STATIC / "vendor").as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in (STATIC / "vendor").rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert shipped == files
    assert all(entry["integrity"].startswith("sha512-") for entry in manifest.values())


@pytest.mark.parametrize("sheet", sorted((STATIC / "css").glob("*.css")), ids=lambda p: p.name)
def test_style_sheets_refer_to_files_that_are_there(sheet: Path) -> None:
    for address in re.findall(r'url\("([^"]+)"\)', sheet.read_text()):
        assert (sheet.parent / address).is_file(), address


@pytest.mark.parametrize("script", sorted((STATIC / "js").glob("*.js")), ids=lambda p: p.name)
def test_modules_import_files_that_are_there(script: Path) -> None:
    for address in re.findall(r'import .*?"([^"]+)";', script.read_text()):
        assert urljoin("http://x/a/b", address) != address, "from this server"
        assert (script.parent / address).is_file(), address


def test_the_icon_of_the_site(site: Flask) -> None:
    with site.test_client().get("/favicon.ico") as answer:
        assert (answer.status_code, answer.mimetype) == (200, "image/vnd.microsoft.icon")
