"""People of the back office for tests: each with a session of their own."""

from django.contrib.auth.models import User
from django.test import Client

from ledger_project.testing.factories import PASSWORD as PASSWORD
from ledger_project.testing.factories import StaffFactory


def person(*groups: str, superuser: bool = False, password: str | None = None) -> User:
    """A new member of the staff, in these groups."""
    return StaffFactory.create(groups=groups, is_superuser=superuser, password=password)


def session(user: User) -> Client:
    """A browser in which `user` is logged in."""
    client = Client()
    client.force_login(user)
    return client


def staff(*groups: str) -> Client:
    return session(person(*groups))


def boss() -> Client:
    return session(person(superuser=True))
