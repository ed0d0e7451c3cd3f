"""The rows that no command makes: tenants and the people of the back office. Everything else is made by commands."""

import uuid
from typing import Any

from django.contrib.auth.models import Group, User
from factory.declarations import LazyFunction, PostGeneration
from factory.django import DjangoModelFactory

from accounts.models import Tenant

PASSWORD = "a password of tests"


class TenantFactory(DjangoModelFactory[Tenant]):
    """A tenant of its own for each test."""

    class Meta:
        model = Tenant

    slug = LazyFunction(lambda: f"t-{uuid.uuid4().hex}")
    name = "Test"


def _join(user: User, create: bool, groups: tuple[str, ...] | None, **options: Any) -> None:
    user.groups.set(Group.objects.filter(name__in=groups or ()))


class StaffFactory(DjangoModelFactory[User]):
    """A new member of the staff, in `groups`. Most need no password: hashing one takes half a second."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = LazyFunction(lambda: f"u{uuid.uuid4().hex[:12]}")
    is_staff = True
    password: str | None = None
    groups = PostGeneration(_join)

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, is_superuser: bool = False, **kwargs: Any) -> User:
        make = User.objects.create_superuser if is_superuser else User.objects.create_user
        return make(*args, **kwargs)
