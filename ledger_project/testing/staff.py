"""People of the back office for tests: each with a session of their own."""

import uuid

from django.contrib.auth.models import Group, User
from django.test import Client

PASSWORD = "a password of tests"


def person(*groups: str, superuser: bool = False, password: str | None = None) -> User:
    """A new member of the staff, in these groups. Most need no password: hashing one takes half a second."""
    make = User.objects.create_superuser if superuser else User.objects.create_user
    user = make(f"u{uuid.uuid4().hex[:12]}", password=password, is_staff=True)
    user.groups.set(Group.objects.filter(name__in=groups))
    return user


def session(user: User) -> Client:
    """A browser in which `user` is logged in."""
    client = Client()
    client.force_login(user)
    return client


def staff(*groups: str) -> Client:
    return session(person(*groups))


def boss() -> Client:
    return session(person(superuser=True))
