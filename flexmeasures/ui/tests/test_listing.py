"""Tables that the server filters, sorts and pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs

import pytest
from flask import Flask, render_template_string
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event, insert, select

from flexmeasures.data.models.user import Account
from flexmeasures.ui.listing import Listing, listing

TABLE = """{% import "macros.html" as ui with context %}
{% call ui.listing(found, "accounts") %}
<thead><tr>{{ ui.sortable(found, "name", "Name") }}</tr></thead>
<tbody>{% for account in found.rows %}<tr><td>{{ account.name }}</td></tr>{% endfor %}</tbody>
{% endcall %}"""


@pytest.fixture(scope="module")
def accounts(db: SQLAlchemy) -> None:
    db.session.execute(insert(Account), [{"name": f"Tenant {n:05}"} for n in range(10_000)])
    db.session.add(Account(name="Bread & <b>Butter</b>"))
    db.session.commit()


def find(app: Flask, query: str, prefix: str = "") -> Listing:
    with app.test_request_context(f"/accounts?{query}"):
        return accounts_listed(prefix)


def accounts_listed(prefix: str = "") -> Listing:
    return listing(
        select(Account),
        columns={"name": Account.name, "id": Account.id},
        texts=[Account.name],
        id_column=Account.id,
        sort_by="name",
        prefix=prefix,
    )


def names(found: Listing) -> list[str]:
    return [account.name for account in found.rows]


@pytest.mark.parametrize(
    ("query", "first", "number"),
    [
        ("", "Bread & <b>Butter</b>", 10_001),
        ("sort-dir=desc", "Tenant 09999", 10_001),
        ("sort-by=id", "Tenant 00000", 10_001),
        ("page=2", "Tenant 00009", 10_001),
        ("page=2&per-page=100", "Tenant 00099", 10_001),
        ("filter=bread", "Bread & <b>Butter</b>", 1),
        ("filter=tenant+0077&sort-dir=desc", "Tenant 00779", 11),
        # what makes no sense
        ("page=0&per-page=-1&sort-by=password&sort-dir=x", "Bread & <b>Butter</b>", 10_001),
        ("page=99999999", "Tenant 09999", 10_001),
        ("per-page=99999999", "Bread & <b>Butter</b>", 10_001),
        ("page=%C2%B2", "Bread & <b>Butter</b>", 10_001),
        ("filter=%22bread", None, 0),
        ("filter=%00bread", "Bread & <b>Butter</b>", 1),
        ("filter=%25", None, 0),
    ],
)
def test_what_is_asked_for(
    app: Flask, accounts: None, query: str, first: str | None, number: int
) -> None:
    found = find(app, query)
    assert (next(iter(names(found)), None), found.number, found.total) == (first, number, 10_001)
    assert len(found.rows) <= 100


def test_several_tables_on_a_page(app: Flask, accounts: None) -> None:
    found = find(app, "page=7&accounts-page=2", prefix="accounts-")
    assert found.page == 2
    with app.test_request_context("/accounts?page=7&accounts-page=2"):
        query = parse_qs(accounts_listed("accounts-").link(page=3)[1:])
    assert query == {"page": ["7"], "accounts-page": ["3"]}


@contextmanager
def counted(db: SQLAlchemy) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(*args: object) -> None:
        statements.append(str(args[2]))

    event.listen(db.engine, "before_cursor_execute", note)
    yield statements
    event.remove(db.engine, "before_cursor_execute", note)


@pytest.mark.parametrize(("query", "number"), [("", 2), ("filter=tenant", 3)])
def test_few_statements(
    app: Flask, db: SQLAlchemy, accounts: None, query: str, number: int
) -> None:
    with counted(db) as statements:
        find(app, query)
    assert len(statements) == number


def test_as_html(app: Flask, accounts: None) -> None:
    with app.test_request_context("/accounts?page=500&include_inactive=1&filter=tenant"):
        text = render_template_string(TABLE, found=accounts_listed())
    assert "Showing 4991 to 5000 out of 10000 records (filtered from 10001 total records)" in text
    assert '<input type="hidden" name="include_inactive" value="1">' in text
    for page in (1, 499, 501, 1000):
        assert f'href="?include_inactive=1&amp;filter=tenant&amp;page={page}"' in text
    assert 'aria-sort="ascending"' in text
    with app.test_request_context("/accounts?filter=%3Cb%3E"):
        text = render_template_string(TABLE, found=accounts_listed())
    assert 'value="&lt;b&gt;"' in text
    assert "Bread &amp; &lt;b&gt;Butter&lt;/b&gt;" in text
    with app.test_request_context("/accounts?filter=nothing"):
        assert "No records to show" in render_template_string(TABLE, found=accounts_listed())
