"""Where assets are, how many of each kind there are, and what was last measured on one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app, request
from flask.typing import ResponseReturnValue
from flask_security import current_user, login_required
from sqlalchemy.orm import selectinload

from flexmeasures.auth.policy import check_access, may, user_has_admin_access
from flexmeasures.data.models.generic_assets import GenericAsset
from flexmeasures.data.queries.dashboard import (
    Kind,
    Place,
    kinds_by_account,
    kinds_by_type,
    places,
)
from flexmeasures.data.services.asset_states import states
from flexmeasures.ui.utils.objects import find_or_404
from flexmeasures.ui.utils.view_utils import (
    asset_icon_name,
    clear_session,
    render_flexmeasures_template,
)
from flexmeasures.utils.flexmeasures_inflection import (
    capitalize,
    humanize,
    join_words_into_a_list,
    pluralize,
)

PUBLIC = "PUBLIC"

_AMSTERDAM = (52.366, 4.904)
_ZOOM = 6
_DIGITS = 5  # of degrees: about a metre
# There are no solars.
_WITHOUT_PLURAL = {"solar", "wind"}


@dataclass(frozen=True)
class Group:
    """A line of the summary.

    layers : titles of those of the map that have assets of it
    """

    title: str
    number: int
    description: str = ""
    icon: str | None = None
    is_aggregate: bool = False
    account_id: int | None = None
    layers: tuple[str, ...] = ()


@login_required
def dashboard_view() -> ResponseReturnValue:
    message = ""
    if "clear-session" in request.args:
        clear_session()
        message = "Your session was cleared."
    sees_all = user_has_admin_access(current_user, "read")
    by_account = sees_all and request.args.get("group_by_accounts", "0") != "0"
    located = places(current_user)
    types = kinds_by_type(current_user)
    accounts = kinds_by_account(current_user, PUBLIC) if sees_all else []
    own = [place for place in located if place.account_id == current_user.account_id]
    return render_flexmeasures_template(
        "views/new_dashboard.html",
        message=message,
        by_account=by_account,
        groups=_accounts(accounts) if by_account else _types(types, located),
        number=sum(kind.number for kind in types),
        number_located=len(located),
        layers=_layers(located, types, accounts, by_account),
        center="{:.4f},{:.4f}".format(*_center(own)),
        zoom=_ZOOM,
        fit=located and not own,
        may_create=may(current_user.account, "create-children"),
    )


@login_required
def asset_state_view(id: int) -> ResponseReturnValue:
    """A part of a page: what the map tells of an asset."""
    asset = find_or_404(GenericAsset, id, selectinload(GenericAsset.sensors))
    check_access(asset, "read")
    return render_flexmeasures_template("views/asset_state.html", states=states(asset))


def _types(kinds: Sequence[Kind], located: Iterable[Place]) -> list[Group]:
    """The aggregates that the setting makes of types, then the types."""
    on_map = {place.type_id for place in located}
    by_name = {kind.name: kind for kind in kinds}
    configured = current_app.config["FLEXMEASURES_ASSET_TYPE_GROUPS"]
    parts = {
        name: [by_name[type_name] for type_name in dict.fromkeys(names) if type_name in by_name]
        for name, names in configured.items()
    }
    aggregates = [_group(name, found, on_map, True) for name, found in parts.items() if found]
    return aggregates + [_group(kind.name, [kind], on_map) for kind in kinds]


def _group(
    name: str, kinds: Sequence[Kind], on_map: Container[int | None], is_aggregate: bool = False
) -> Group:
    descriptions = [kind.description for kind in kinds if kind.description]
    return Group(
        title=capitalize(name) if is_aggregate else _title(name),
        number=sum(kind.number for kind in kinds),
        description=capitalize(join_words_into_a_list(descriptions)),
        icon=asset_icon_name(name),
        is_aggregate=is_aggregate,
        layers=tuple(_title(kind.name) for kind in kinds if kind.id in on_map),
    )


def _accounts(kinds: Iterable[Kind]) -> list[Group]:
    return [Group(kind.name, kind.number, account_id=kind.id) for kind in kinds]


def _title(type_name: str) -> str:
    words = humanize(type_name)
    return words if type_name in _WITHOUT_PLURAL else capitalize(pluralize(words))


def _layers(
    located: Iterable[Place], types: Iterable[Kind], accounts: Sequence[Kind], by_account: bool
) -> dict[str, Any]:
    """For `dashboard.js`: rows of layers hold [id, name, latitude, longitude, type, account], the
    last two as places in the lists of types and of accounts (that is empty for who sees just one).
    """
    layers: defaultdict[int, list[list[Any]]] = defaultdict(list)
    kinds = list(types)
    type_at = {kind.id: at for at, kind in enumerate(kinds)}
    account_at = {kind.id: at for at, kind in enumerate(accounts)}
    for place in located:
        # What was added since the types or accounts were read waits for the next time.
        type_, account = type_at.get(place.type_id), account_at.get(place.account_id, 0)
        if type_ is None:
            continue
        where = [round(place.latitude, _DIGITS), round(place.longitude, _DIGITS)]
        layer = account if by_account else type_
        layers[layer].append([place.id, place.name, *where, type_, account])
    names = [kind.name for kind in accounts]
    titles = names if by_account else [_title(kind.name) for kind in kinds]
    return {
        "icons": [asset_icon_name(kind.name) for kind in kinds],
        "accounts": names,
        "layers": [{"title": titles[at], "rows": layers[at]} for at in sorted(layers)],
    }


def _center(own: Sequence[Place]) -> tuple[float, float]:
    """The middle of what the own account has."""
    return (_middle(own, "latitude"), _middle(own, "longitude")) if own else _AMSTERDAM


def _middle(located: Iterable[Place], axis: str) -> float:
    degrees = [getattr(place, axis) for place in located]
    return float(min(degrees) + max(degrees)) / 2
