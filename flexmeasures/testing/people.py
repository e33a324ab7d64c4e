"""Accounts, and users with and without roles."""

from __future__ import annotations

from flexmeasures.data.models.user import Account, User
from flexmeasures.data.services.accounts import create_account, find_account_by_name
from flexmeasures.data.services.users import create_user, find_user_by_email

PASSWORD = "testtest"
"""Of all users."""

_ACCOUNTS = {
    "Prosumer": ("Test Prosumer Account", ["Prosumer"]),
    "Supplier": ("Test Supplier Account", ["Supplier"]),
    "Dummy": ("Test Dummy Account", ["Dummy"]),
    "Empty": ("Test Empty Account", []),
    "Multi": ("Multi Role Account", ["Prosumer", "Supplier", "Dummy"]),
}
_USERS = {
    "Test Prosumer User": ("test_prosumer_user@seita.nl", "Prosumer", []),
    "Test Prosumer User 2": ("test_prosumer_user_2@seita.nl", "Prosumer", ["account-admin"]),
    "Test Dummy User": ("test_dummy_user_3@seita.nl", "Dummy", []),
    "Test Supplier User": ("test_supplier_user_4@seita.nl", "Supplier", []),
    "Test Admin User": ("test_admin_user@seita.nl", "Dummy", ["admin"]),
}


def accounts() -> dict[str, Account]:
    """Accounts by the role that they have; Multi has all of them, Empty none."""
    return {
        key: find_account_by_name(name) or create_account(name, roles)
        for key, (name, roles) in _ACCOUNTS.items()
    }


def users() -> dict[str, User]:
    """Users by their names, who log in with "testtest"."""
    homes = accounts()
    return {
        name: find_user_by_email(email)
        or create_user(
            email=email,
            username=name,
            password=PASSWORD,
            account_name=homes[home].name,
            user_roles=roles,
            check_email_deliverability=False,
        )
        for name, (email, home, roles) in _USERS.items()
    }
