"""Who matches which principals."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from flexmeasures.auth.acl import (
    AuthModelMixin,
    Principals,
    user_has_admin_access,
    user_matches_principals,
)


@dataclass
class WithRoles:
    id: int
    roles: set[str] = field(default_factory=set)

    def has_role(self, role: str) -> bool:
        return role in self.roles


@dataclass
class Somebody(WithRoles):
    account: WithRoles = field(default_factory=lambda: WithRoles(113, {"hotel"}))
    is_authenticated: bool = True


WAITRESS = Somebody(19, {"waitress"})


@pytest.mark.parametrize(
    ("principals", "matches"),
    [
        ("user:19", True),
        ("user:1", False),
        ("account:113", True),
        ("account:11", False),
        ("role:waitress", True),
        ("account-role:hotel", True),
        ("role:hotel", False),
        ("account-role:waitress", False),
        ("every-logged-in-user", True),
        (("account:113", "role:waitress"), True),
        (("account:113", "role:chef"), False),
        (["user:13", ("account:113", "role:waitress", "role:chef")], False),
        (["user:13", ("account:113", "role:waitress"), "role:chef"], True),
        (["user:13", "role:chef"], False),
        (("every-logged-in-user", "role:chef"), True),
        ([], False),
        ((), False),
        ([()], False),
        ("", False),
        ("account:None", False),
        ("user:", False),
        ("nonsense", False),
    ],
)
def test_principals(principals: Principals, matches: bool) -> None:
    assert user_matches_principals(WAITRESS, principals) is matches


def test_every_logged_in_user_has_logged_in() -> None:
    stranger = Somebody(1, is_authenticated=False)
    assert not user_matches_principals(stranger, "every-logged-in-user")


@pytest.mark.parametrize(
    ("roles", "reads", "updates"),
    [(set(), False, False), ({"admin-reader"}, True, False), ({"admin"}, True, True)],
)
def test_admin_access(roles: set[str], reads: bool, updates: bool) -> None:
    user = Somebody(1, roles)
    assert user_has_admin_access(user, "read") is reads
    assert user_has_admin_access(user, "update") is updates


def test_nobody_may_do_anything_by_default() -> None:
    assert AuthModelMixin().__acl__() == {}
