"""Roles of users: Django groups, read from the database whenever they matter."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, User

SUPER_ADMIN, MEDIA_ADMIN, USER, TEMP = ROLES = ("SUPER_ADMIN", "MEDIA_ADMIN", "USER", "TEMP")  # the strongest first


def role_of(user: AbstractBaseUser | AnonymousUser) -> str | None:
    """The strongest role among the user's groups; `USER` where there is none. Superusers are `SUPER_ADMIN`, visitors have no role."""
    if not isinstance(user, User):
        return None
    if user.is_superuser:
        return SUPER_ADMIN
    groups = set(user.groups.filter(name__in=ROLES).values_list("name", flat=True))
    return next((role for role in ROLES if role in groups), USER)


def is_media_admin(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether the user may manage the library: active, and of one of `MEDIA_ADMIN_ROLES`."""
    return user.is_active and role_of(user) in settings.MEDIA_ADMIN_ROLES
