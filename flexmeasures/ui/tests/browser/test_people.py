"""What admins do with users and jobs, and users with their tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from rq import SimpleWorker
from rq.job import Job, JobStatus

from flexmeasures.data.services import jobs
from flexmeasures.data.services.tests.workers import refuse, wait_for
from flexmeasures.tests.permissions.world import PASSWORD, World, user_named
from flexmeasures.ui.tests.browser.conftest import Visit
from flexmeasures.ui.tests.browser.visits import DESKTOP, PHONE, barriers

MAILS = "mails-of-tests"


@pytest.fixture(autouse=True)
def _empty_queues(app: Flask) -> Iterator[None]:
    yield
    app.redis_connection.flushdb()  # type: ignore[attr-defined]


def log_in(page: Page, email: str, password: str) -> None:
    page.goto("/login")
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Login").click()


def test_a_user_gets_a_new_password(visit: Visit, world: World, app: Flask) -> None:
    """An admin resets it, and the user follows the link of the mail."""
    page = visit("admin", "/users")
    page.get_by_label("Filter records:").fill("colleague")
    page.get_by_role("link", name="colleague", exact=True).click()
    page.get_by_role("link", name="Reset password").click()
    expect(page.get_by_role("heading", name="Reset the password of colleague?")).to_be_visible()
    page.get_by_role("button", name="Reset password").click()
    expect(page.locator(".flashes")).to_contain_text("has been changed to a random password")
    redis = app.redis_connection  # type: ignore[attr-defined]
    mails = wait_for(lambda: [mail.decode() for mail in redis.lrange(MAILS, 0, -1)])
    (link,) = re.findall(r"http://\S+/reset/\S+", " ".join(mails))
    email = user_named("colleague").email
    page = visit(None, "/login")
    log_in(page, email, PASSWORD)
    expect(page.get_by_role("heading", name="Please log in")).to_be_visible()
    page.goto(link)
    page.get_by_label("New password", exact=True).fill("sourdough-starter-11")
    page.get_by_label("New password, again").fill("sourdough-starter-11")
    page.get_by_role("button", name="Reset Password").click()
    page.goto("/logged-in-user")
    expect(page.get_by_role("heading", name="Logged-in user: colleague")).to_be_visible()


def test_deactivating_a_user(visit: Visit, world: World) -> None:
    """By the account's own admin. Whoever is deactivated is out at once."""
    theirs = visit("member", "/logged-in-user")
    page = visit("account-admin", f"/users/{world.users['member']}")
    page.get_by_role("link", name="Deactivate user").click()
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("link", name="Deactivate user").click()
    page.get_by_role("button", name="Deactivate user").click()
    expect(page.locator(".flashes")).to_contain_text("new activation status is now False.")
    theirs.reload()
    expect(theirs.get_by_role("heading", name="Please log in")).to_be_visible()
    page.goto("/users")
    expect(page.get_by_role("cell", name="member@example.com")).to_have_count(0)
    page.get_by_label("Include inactive").check()
    expect(page.get_by_role("heading", name="All users")).to_be_visible()
    expect(page.get_by_role("cell", name="member@example.com")).to_be_visible()
    page.get_by_role("link", name="member", exact=True).click()
    page.get_by_role("button", name="Activate user").click()
    expect(page.locator(".flashes")).to_contain_text("new activation status is now True.")


def test_a_token_is_copied_and_used(visit: Visit, address: str) -> None:
    page = visit("other", "/logged-in-user", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    token = page.evaluate("navigator.clipboard.readText()")
    asked = Request(f"{address}/api/v3_0/users", headers={"Authorization": token})
    with urlopen(asked) as answer:
        assert answer.status == 200
        assert b"other@example.com" in answer.read()


def test_a_failed_job_runs_again(visit: Visit, world: World) -> None:
    """The page follows what happens by itself; opened traces stay open."""
    page = visit("admin", "/tasks/")
    expect(page.get_by_text("No workers registered!")).to_be_visible()
    expect(page.get_by_text("No job failed.")).to_be_visible()
    job = jobs.make_job("scheduling", refuse, {"path": "/dev/null"}, description="a schedule")
    run(jobs.enqueue(job))
    expect(page.get_by_role("link", name="a schedule")).to_be_visible(timeout=10_000)
    page.get_by_text("Traceback", exact=True).click()
    expect(page.locator(".trace")).to_contain_text("ValueError: not like this")
    other = jobs.make_job("forecasting", refuse, {"path": "/dev/null"}, description="a forecast")
    run(jobs.enqueue(other))
    expect(page.get_by_role("link", name="a forecast")).to_be_visible(timeout=10_000)
    expect(page.locator(".trace:visible")).to_have_count(1)
    expect(page.locator("details[open] summary")).to_be_focused()
    page.locator("tr", has_text="a schedule").get_by_role(
        "button", name="Requeue", exact=True
    ).click()
    expect(page.locator(".flashes")).to_contain_text("The job waits to run again.")
    expect(page.get_by_label("1 waiting in scheduling")).to_be_visible()
    run(job)
    expect(page.get_by_role("link", name="a schedule")).to_be_visible(timeout=10_000)


def run(job: Job) -> None:
    """As a worker does, but in this process."""
    queues = [jobs.find_queue(job.origin)]
    handlers = [jobs.handle_failure]
    SimpleWorker(queues, connection=job.connection, exception_handlers=handlers).work(burst=True)
    assert job.get_status(refresh=True) == JobStatus.FAILED


@pytest.mark.parametrize(("scheme", "window"), [("light", DESKTOP), ("dark", PHONE)])
def test_there_are_no_barriers(
    visit: Visit, world: World, scheme: str, window: dict[str, int]
) -> None:
    with_trace = jobs.make_job("scheduling", refuse, {"path": "x"}, description="a schedule")
    jobs.enqueue(with_trace)
    page = visit("admin", "/users", color_scheme=scheme, viewport=window)
    for path in (
        "/users",
        f"/users/{world.users['colleague']}",
        f"/users/toggle_active/{world.users['colleague']}",
        "/accounts",
        f"/accounts/{world.ids['account of Bakery']}",
        "/logged-in-user",
        "/tasks/",
        "/tasks/scheduling",
        f"/tasks/job/{with_trace.id}",
    ):
        page.goto(path)
        assert barriers(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= window["width"], path
