"""The entries of the menu bar."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from flask import current_app
from flask_security import current_user
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from flexmeasures.ui.utils.settings import all_applicable

logger = logging.getLogger(__name__)

_TITLES = {
    "dashboard": "Dashboard",
    "upload": "Upload data",
    "control": "Flexibility actions",
}
_ICONS = {"dashboard": "dashboard", "upload": "cloud-upload", "control": "wrench"}
_GONE = {"analytics", "portfolio"}
# Left out where there is no such page.
_PAGES = {"dashboard", "accounts", "assets", "users", "tasks"}
_DISABLED_FOR_ANONYMOUS = {"tasks", "users", "control", "upload"}
_QUEUES = {
    "Forecasts": "forecasting",
    "Schedules": "scheduling",
    "Labels": "labelling",
    "Alerts": "alerting",
    "Reports": "reporting",
}


@dataclass(frozen=True)
class Entry:
    """A link in the menu bar, or a list of such.

    id : which `active_page` it stands for
    url : None if it cannot be used
    icon : a name of Font Awesome 4
    """

    id: str
    title: str
    url: str | None
    icon: str
    tooltip: str = ""
    children: list[Entry] = field(default_factory=list)


def menu_entries(show_queues: bool) -> list[Entry]:
    """What the current user finds in the menu, from left to right; nothing before logging in.

    show_queues : with the pages that admins need
    """
    if not (current_user and current_user.is_authenticated):
        return []
    entries = [_listed(view) for view in _listed_views()]
    if show_queues:
        entries += [
            Entry("accounts", "Accounts", "/accounts", "cubes"),
            Entry("assets", "Assets", "/assets/", "list-ul"),
            Entry("users", "Users", "/users", "users"),
            Entry("tasks", "Tasks", "/tasks/", "tasks", children=_queues()),
        ]
    else:
        own = f"/accounts/{current_user.account_id}"
        entries.append(Entry("accounts", "My Account", own, "cubes"))
    entries = [entry for entry in entries if entry.id not in _PAGES or _is_served(entry.url)]
    if current_user.has_role("anonymous"):
        entries = [_disabled(entry) for entry in entries]
    return entries


def _is_served(url: str | None) -> bool:
    """Does this server, or a plugin, have a page at this address?"""
    try:
        current_app.url_map.bind("").match(url)
    except RequestRedirect:
        return True
    except HTTPException:
        return False
    return True


def _listed_views() -> list[str]:
    views = [name.strip("/") for name in all_applicable("FLEXMEASURES_MENU_LISTED_VIEWS")]
    for name in _GONE.intersection(views):
        logger.info("The page %s is gone: the menu leaves it out.", name)
    return [name for name in views if name not in _GONE]


def _listed(view: str) -> Entry:
    titles = _TITLES | current_app.config["FLEXMEASURES_MENU_LISTED_VIEW_TITLES"]
    icons = _ICONS | current_app.config["FLEXMEASURES_MENU_LISTED_VIEW_ICONS"]
    return Entry(view, titles.get(view, view.capitalize()), f"/{view}", icons.get(view, "info"))


def _queues() -> list[Entry]:
    return [
        Entry(f"tasks-{queue}", title, f"/tasks/{queue}", "") for title, queue in _QUEUES.items()
    ]


def _disabled(entry: Entry) -> Entry:
    if entry.id not in _DISABLED_FOR_ANONYMOUS:
        return entry
    return Entry(entry.id, entry.title, None, entry.icon, entry.tooltip)
